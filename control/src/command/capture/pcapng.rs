//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng).
//!
//! Each NIC is an interface. The two copies of a packet, as it was received and as it was sent, have
//! the same packet number, and every packet says which way it went and has a comment.

use std::borrow::Cow;
use std::io;

use api::{CaptureNic, CaptureStatistics, CapturedPacket, Capturing, Side};
use pcap_file::pcapng::blocks::ENHANCED_PACKET_BLOCK;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::interface_statistics::{
    InterfaceStatisticsBlock, InterfaceStatisticsOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::pcapng::{PcapNgWriter, RawBlock};
use pcap_file::{DataLink, Endianness, PcapError};

/// Options of packets.
const COMMENT: u16 = 1;
const FLAGS: u16 = 2;
const PACKET_ID: u16 = 5;
const QUEUE: u16 = 6;
const END_OF_OPTIONS: u16 = 0;
/// Bytes of a block around its body: its type, and its length twice.
const BLOCK_FRAME: u32 = 12;
/// The direction, in a packet's flags.
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;
/// Time stamps are in powers of ten below a second.
const NANOSECONDS: u8 = 9;
/// In front of a filter that is text.
const TEXT: u8 = 0;

/// Makes the blocks of one file, and hands them out whole.
pub(super) struct Blocks(PcapNgWriter<Vec<u8>>);

impl Blocks {
    /// Begins a file.
    pub(super) fn begin(capturing: &Capturing, filter: &str) -> io::Result<Self> {
        let section = SectionHeaderBlock {
            // Wireshark takes no other from a pipe.
            endianness: Endianness::native(),
            options: vec![
                SectionHeaderOption::OS(Cow::Borrowed("Tandem")),
                SectionHeaderOption::UserApplication(Cow::Owned(format!(
                    "tandem capture {}",
                    capturing.version
                ))),
                SectionHeaderOption::Comment(Cow::Owned(format!("machine {}", capturing.node))),
            ],
            ..SectionHeaderBlock::default()
        };
        let mut writer = PcapNgWriter::with_section_header(Vec::new(), section).map_err(broken)?;
        for nic in &capturing.nics {
            let block = interface(nic, capturing.snap_length, filter);
            writer.write_pcapng_block(block).map_err(broken)?;
        }
        Ok(Blocks(writer))
    }

    /// Adds a packet. Its block is written by hand, as the crate knows neither the packet's number
    /// nor its queue.
    pub(super) fn packet(&mut self, packet: &CapturedPacket) -> io::Result<()> {
        let mut body = Vec::with_capacity(96 + packet.bytes.len() + packet.comment.len());
        body.extend(index(packet.side).to_ne_bytes());
        body.extend(halves(packet.nanoseconds).to_ne_bytes());
        body.extend((packet.bytes.len() as u32).to_ne_bytes());
        body.extend(packet.length.to_ne_bytes());
        body.extend(&packet.bytes);
        pad(&mut body);
        let direction = if packet.is_sent { OUTBOUND } else { INBOUND };
        option(&mut body, COMMENT, packet.comment.as_bytes());
        option(&mut body, FLAGS, &direction.to_ne_bytes());
        option(&mut body, PACKET_ID, &packet.number.to_ne_bytes());
        option(&mut body, QUEUE, &packet.worker.to_ne_bytes());
        option(&mut body, END_OF_OPTIONS, &[]);
        let length = body.len() as u32 + BLOCK_FRAME;
        let block = RawBlock {
            type_: ENHANCED_PACKET_BLOCK,
            initial_len: length,
            body: Cow::Owned(body),
            trailer_len: length,
        };
        self.0.write_raw_block(&block).map(drop).map_err(broken)
    }

    /// Adds what was seen on each side between two times, in nanoseconds since 1970, and how many
    /// packets of each side are in the file.
    pub(super) fn statistics(
        &mut self,
        sides: &[CaptureStatistics; 2],
        written: &[u64; 2],
        [start, end]: [u64; 2],
    ) -> io::Result<()> {
        for side in [Side::Public, Side::Private] {
            let (Some(seen), Some(written)) =
                (sides.get(index(side) as usize), written.get(index(side) as usize))
            else {
                continue;
            };
            let block = InterfaceStatisticsBlock {
                interface_id: index(side),
                timestamp: halves(end),
                options: vec![
                    InterfaceStatisticsOption::IsbStartTime(halves(start)),
                    InterfaceStatisticsOption::IsbEndTime(halves(end)),
                    InterfaceStatisticsOption::IsbIfRecv(seen.seen),
                    InterfaceStatisticsOption::IsbFilterAccept(seen.selected + seen.lost),
                    InterfaceStatisticsOption::IsbOsDrop(seen.lost),
                    InterfaceStatisticsOption::IsbUsrDeliv(*written),
                ],
            };
            self.0.write_pcapng_block(block).map_err(broken)?;
        }
        Ok(())
    }

    /// Bytes that were not taken yet.
    pub(super) fn len(&self) -> usize {
        self.0.get_ref().len()
    }

    /// Forgets the last of them, beyond so many bytes.
    pub(super) fn truncate(&mut self, bytes: usize) {
        self.0.get_mut().truncate(bytes);
    }

    /// The blocks that were not taken yet.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.get_ref()
    }

    /// They are taken.
    pub(super) fn clear(&mut self) {
        self.0.get_mut().clear();
    }
}

/// Where the packets of a side belong, and their counts.
pub(super) fn index(side: Side) -> u32 {
    match side {
        Side::Public => 0,
        Side::Private => 1,
    }
}

fn interface(
    nic: &CaptureNic,
    snap_length: u32,
    filter: &str,
) -> InterfaceDescriptionBlock<'static> {
    let mut options = vec![
        InterfaceDescriptionOption::IfName(Cow::Owned(nic.side.to_string())),
        InterfaceDescriptionOption::IfDescription(Cow::Owned(nic.device.clone())),
        InterfaceDescriptionOption::IfMacAddr(Cow::Owned(nic.mac.to_vec())),
        InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        InterfaceDescriptionOption::IfHardware(Cow::Owned(nic.driver.clone())),
    ];
    if let Some(speed) = nic.speed_mbps {
        options.push(InterfaceDescriptionOption::IfSpeed(u64::from(speed) * 1_000_000));
    }
    if !filter.is_empty() {
        let text = [&[TEXT], filter.as_bytes()].concat();
        options.push(InterfaceDescriptionOption::IfFilter(Cow::Owned(text)));
    }
    InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: snap_length, options }
}

/// A time as it is written: two words, the upper one first, each in the machine's order. The crate
/// writes it as one number.
fn halves(time: u64) -> u64 {
    if cfg!(target_endian = "little") { time.rotate_left(32) } else { time }
}

/// An option, which begins and ends where a word of 32 bits does.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    body.extend(code.to_ne_bytes());
    body.extend((value.len() as u16).to_ne_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn broken(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}
