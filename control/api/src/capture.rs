//! Capture: copies of packets, from a dataplane to the command that writes them down.
//!
//! A client of the dataplane's socket that asks [`crate::Request::Capture`] and is answered
//! [`crate::Response::Capturing`] receives these binary frames from then on. It ends the capture
//! by closing its half of the stream, and goes on reading: what was copied until then follows,
//! and an `End` is the last frame. A client that just goes away ends the capture, too.
//!
//! A frame is its length (4 bytes, big-endian, of what follows), its kind (1 byte) and its
//! body; numbers in bodies are little-endian.

use std::io::{self, ErrorKind};

use serde::{Deserialize, Serialize};

use crate::packet_filter::PacketFilter;
use crate::status::Side;

/// The most bytes of a frame behind its length.
pub const LIMIT: usize = 256 * 1024;
/// The least bytes of a packet that are copied.
pub const LEAST_SNAP_LENGTH: u32 = 64;
/// The most, which are all of the largest packet.
pub const MOST_SNAP_LENGTH: u32 = 65_535 + 18;

/// Has a dataplane copy packets.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Capture {
    /// Which packets, as they arrive or as they leave; `None`: all.
    pub filter: Option<PacketFilter>,
    /// The frames of this side alone; `None`: of both.
    pub side: Option<Side>,
    /// At these points alone; empty: at all.
    pub at: Vec<CapturePoint>,
    /// Bytes of each frame that are copied at the most; 0: all.
    pub snap_length: u32,
}

/// A point of a packet's way at which it is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapturePoint {
    /// As it is received, before its translation.
    Received,
    /// As it is sent, after its translation.
    Sent,
    /// As it was received, if it is dropped.
    Dropped,
}

/// A capture that runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Capturing {
    /// The machine's `node.name`.
    pub node: String,
    /// The release of the dataplane.
    pub version: String,
    /// The NICs of the public and the private side.
    pub nics: Vec<CaptureNic>,
    /// Bytes of each frame that are copied at the most.
    pub snap_length: u32,
}

/// A NIC whose frames are captured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CaptureNic {
    /// Its side, which names it.
    pub side: Side,
    /// The DPDK device.
    pub device: String,
    /// The name of its driver.
    pub driver: String,
    /// Its Ethernet address.
    pub mac: [u8; 6],
    /// Megabits a second, where the device says it.
    pub speed_mbps: Option<u32>,
}

/// A frame of the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CaptureFrame {
    /// A packet that was copied.
    Packet(CapturedPacket),
    /// How the capture stands, every second.
    Statistics([CaptureStatistics; 2]),
    /// The last frame: all packets have been sent.
    End([CaptureStatistics; 2]),
}

/// A packet that was copied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CapturedPacket {
    /// The NIC that it came by, or left by.
    pub side: Side,
    /// True as it was sent, false as it was received.
    pub is_sent: bool,
    /// Nanoseconds since 1970.
    pub nanoseconds: u64,
    /// What the copies of one packet have in common.
    pub number: u64,
    /// The worker's number, from zero.
    pub worker: u32,
    /// Bytes of the frame, of which some may be missing.
    pub length: u32,
    /// What is known of it, for people.
    pub comment: String,
    /// The first bytes of the frame.
    pub bytes: Vec<u8>,
}

/// What was seen on one side since the capture began, over all workers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CaptureStatistics {
    /// Frames that arrived or left.
    pub seen: u64,
    /// Frames among them that were copied.
    pub selected: u64,
    /// Frames among them that were wanted and not copied: nobody took them fast enough.
    pub lost: u64,
}

const PACKET: u8 = 1;
const STATISTICS: u8 = 2;
const END: u8 = 3;

impl CaptureFrame {
    /// Appends the frame, its length before it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0; 4]);
        match self {
            CaptureFrame::Packet(packet) => {
                let comment = packet.comment.as_bytes();
                let comment = comment.get(..usize::from(u16::MAX)).unwrap_or(comment);
                out.push(PACKET);
                out.push(u8::from(packet.side == Side::Private));
                out.push(u8::from(packet.is_sent));
                out.extend(packet.nanoseconds.to_le_bytes());
                out.extend(packet.number.to_le_bytes());
                out.extend(packet.worker.to_le_bytes());
                out.extend(packet.length.to_le_bytes());
                out.extend((comment.len() as u16).to_le_bytes());
                out.extend(comment);
                out.extend(&packet.bytes);
            }
            CaptureFrame::Statistics(sides) => write_statistics(STATISTICS, sides, out),
            CaptureFrame::End(sides) => write_statistics(END, sides, out),
        }
        let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// Takes the first frame off `bytes`; `None` when not all of it is there yet.
    ///
    /// # Errors
    /// Fails on bytes that are no frame: the rest of the stream cannot be read.
    pub fn take(bytes: &mut &[u8]) -> io::Result<Option<Self>> {
        let Some((header, rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*header) as usize;
        if !(1..=LIMIT).contains(&length) {
            return Err(malformed("a capture frame of a length that none has"));
        }
        let Some((body, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        let frame = Self::read(body)?;
        *bytes = rest;
        Ok(Some(frame))
    }

    fn read(body: &[u8]) -> io::Result<Self> {
        let mut rest = Reader(body);
        let frame = match rest.byte()? {
            PACKET => {
                let side = if rest.byte()? == 0 { Side::Public } else { Side::Private };
                let is_sent = rest.byte()? != 0;
                let (nanoseconds, number) = (rest.word()?, rest.word()?);
                let (worker, length) = (rest.half()?, rest.half()?);
                let comment = usize::from(u16::from_le_bytes(rest.take()?));
                let comment = rest.bytes(comment)?;
                CaptureFrame::Packet(CapturedPacket {
                    side,
                    is_sent,
                    nanoseconds,
                    number,
                    worker,
                    length,
                    comment: String::from_utf8_lossy(comment).into_owned(),
                    bytes: core::mem::take(&mut rest.0).to_vec(),
                })
            }
            STATISTICS => CaptureFrame::Statistics(rest.statistics()?),
            END => CaptureFrame::End(rest.statistics()?),
            _ => return Err(malformed("a capture frame of an unknown kind")),
        };
        match rest.0 {
            [] => Ok(frame),
            _ => Err(malformed("a capture frame that is too long")),
        }
    }
}

fn write_statistics(kind: u8, sides: &[CaptureStatistics; 2], out: &mut Vec<u8>) {
    out.push(kind);
    for CaptureStatistics { seen, selected, lost } in sides {
        for word in [seen, selected, lost] {
            out.extend(word.to_le_bytes());
        }
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let parts = self.0.split_at_checked(count);
        let (taken, rest) = parts.ok_or_else(|| malformed("a capture frame that is too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut taken = [0; N];
        taken.copy_from_slice(self.bytes(N)?);
        Ok(taken)
    }

    fn byte(&mut self) -> io::Result<u8> {
        self.take().map(|[byte]| byte)
    }

    fn half(&mut self) -> io::Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn word(&mut self) -> io::Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn statistics(&mut self) -> io::Result<[CaptureStatistics; 2]> {
        let mut side = || {
            Ok::<_, io::Error>(CaptureStatistics {
                seen: self.word()?,
                selected: self.word()?,
                lost: self.word()?,
            })
        };
        Ok([side()?, side()?])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn examples() -> Vec<CaptureFrame> {
        let packet = CapturedPacket {
            side: Side::Private,
            is_sent: true,
            nanoseconds: 1_772_366_400_123_456_789,
            number: 7,
            worker: 3,
            length: 1514,
            comment: "dropped: no_service".to_owned(),
            bytes: vec![9; 96],
        };
        let public = CapturedPacket { side: Side::Public, is_sent: false, ..packet.clone() };
        let empty = CapturedPacket { comment: String::new(), bytes: Vec::new(), ..packet.clone() };
        let statistics = CaptureStatistics { seen: 9, selected: 5, lost: u64::MAX };
        vec![
            CaptureFrame::Packet(packet),
            CaptureFrame::Packet(public),
            CaptureFrame::Packet(empty),
            CaptureFrame::Statistics([statistics, CaptureStatistics::default()]),
            CaptureFrame::End([CaptureStatistics::default(), statistics]),
        ]
    }

    #[test]
    fn what_is_written_is_read_however_it_comes() {
        let mut bytes = Vec::new();
        examples().iter().for_each(|frame| frame.write(&mut bytes));
        let (mut read, mut there) = (Vec::new(), Vec::new());
        for byte in bytes {
            there.push(byte);
            let mut rest = &there[..];
            read.extend(CaptureFrame::take(&mut rest).unwrap());
            there = rest.to_vec();
        }
        assert_eq!(read, examples());
        assert!(there.is_empty());
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for wrong in [&[0, 0, 0, 0][..], &[255; 8], &[0, 0, 0, 1, 99], &[0, 0, 0, 3, 1, 0, 0]] {
            assert!(CaptureFrame::take(&mut &wrong[..]).is_err(), "{wrong:?}");
        }
        let mut bytes = Vec::new();
        examples()[3].write(&mut bytes);
        bytes[3] += 1;
        bytes.push(0);
        assert!(CaptureFrame::take(&mut &bytes[..]).is_err());
    }
}
