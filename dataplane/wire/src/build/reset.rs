//! Resets of TCP connections that nobody knows.

use super::{TTL, link};
use crate::checksum::{Checksum, Sum, pseudo_header};
use crate::ethernet::{EtherType, HEADER_LENGTH as ETHERNET};
use crate::parse::{Ipv4, Packet, Payload};
use crate::tcp::Flags;
use crate::{FiveTuple, Protocol, ipv4, tcp};
use std::net::Ipv4Addr;

/// Bytes of a frame with a reset.
pub const RESET_FRAME: usize = ETHERNET + ipv4::HEADER_LENGTH + tcp::HEADER_LENGTH;

const TCP: u8 = Protocol::Tcp.number();

/// The reset that a host sends which knows nothing of a segment's connection (RFC 9293
/// section 3.10.7.1), from the segment's destination to its source, back over the link it
/// came by. `None` for what must not be answered: a reset itself, a fragment, a segment
/// whose checksum is wrong, a packet from or to more than one host.
pub fn tcp_reset(frame: &[u8], packet: &Packet) -> Option<[u8; RESET_FRAME]> {
    let ip = packet.ipv4()?;
    let Payload::Tcp { tuple, flags, sequence, acknowledgment, header_length } = ip.payload else {
        return None;
    };
    let to_one = !packet.destination_mac.is_multicast() && !ipv4::is_martian_source(ip.source);
    if flags.contains(Flags::RST) || ip.fragment.is_some() || !to_one {
        return None;
    }
    let segment = segment(frame, ip)?;
    let payload = segment.len().checked_sub(usize::from(header_length))?;
    let begin_and_end =
        u32::from(flags.contains(Flags::SYN)) + u32::from(flags.contains(Flags::FIN));
    let next = sequence.wrapping_add(payload as u32).wrapping_add(begin_and_end);
    let fields = match flags.contains(Flags::ACK) {
        true => Fields { sequence: acknowledgment, acknowledgment: 0, flags: Flags::RST },
        false => Fields { sequence: 0, acknowledgment: next, flags: Flags::RST | Flags::ACK },
    };
    let mut output = [0; RESET_FRAME];
    link(&mut output, packet.destination_mac, packet.source_mac, EtherType::IPV4)?;
    write(output.get_mut(ETHERNET..)?, tuple.reversed(), &fields)?;
    Some(output)
}

struct Fields {
    sequence: u32,
    acknowledgment: u32,
    flags: Flags,
}

/// The TCP segment, whole and with the right checksum.
fn segment<'a>(frame: &'a [u8], ip: &Ipv4) -> Option<&'a [u8]> {
    let segment = frame.get(usize::from(ip.l4_offset())..ip.end())?;
    let length = u16::try_from(segment.len()).ok()?;
    let pseudo = pseudo_header(ip.source, ip.destination, TCP, length);
    (pseudo + Sum::of_bytes(segment)).verifies().then_some(segment)
}

fn write(packet: &mut [u8], tuple: FiveTuple<Ipv4Addr>, fields: &Fields) -> Option<()> {
    let total = packet.len();
    let (header, segment) = packet.split_at_mut_checked(ipv4::HEADER_LENGTH)?;
    let mut ip = ipv4::Header::at_mut(header, 0)?;
    ip.set_header_length(ipv4::HEADER_LENGTH);
    ip.set_total_length(u16::try_from(total).ok()?);
    // Never fragmented, so its identification means nothing (RFC 6864).
    ip.set_fragment(true, false, 0);
    ip.set_ttl(TTL);
    ip.set_protocol(TCP);
    ip.set_source(tuple.source);
    ip.set_destination(tuple.destination);
    ipv4::fill_checksum(header).then_some(())?;

    let mut tcp = tcp::Header::at_mut(segment, 0)?;
    tcp.set_source(tuple.source_port);
    tcp.set_destination(tuple.destination_port);
    tcp.set_sequence(fields.sequence);
    tcp.set_acknowledgment(fields.acknowledgment);
    tcp.set_header_length(tcp::HEADER_LENGTH);
    tcp.set_flags(fields.flags);
    tcp.set_checksum(Checksum::default());
    let length = tcp::HEADER_LENGTH as u16;
    let sum = pseudo_header(tuple.source, tuple.destination, TCP, length) + Sum::of_bytes(segment);
    tcp::Header::at_mut(segment, 0)?.set_checksum(sum.checksum());
    Some(())
}
