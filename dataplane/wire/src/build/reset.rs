//! Resets of TCP connections that nobody knows.

use super::{SEGMENT_FRAME, tcp_segment};
use crate::checksum::{Sum, pseudo_header};
use crate::parse::{Ipv4, Packet, Payload};
use crate::tcp::{Flags, Segment};
use crate::{Protocol, ipv4};

const TCP: u8 = Protocol::Tcp.number();

/// The reset that a host sends which knows nothing of a segment's connection (RFC 9293
/// section 3.10.7.1), from the segment's destination to its source, back over the link it
/// came by. `None` for what must not be answered: a reset itself, a fragment, a segment
/// whose checksum is wrong, a packet from or to more than one host.
pub fn tcp_reset(frame: &[u8], packet: &Packet) -> Option<[u8; SEGMENT_FRAME]> {
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
    let reset = match flags.contains(Flags::ACK) {
        true => Segment { sequence: acknowledgment, acknowledgment: 0, flags: Flags::RST },
        false => Segment { sequence: 0, acknowledgment: next, flags: Flags::RST | Flags::ACK },
    };
    tcp_segment([packet.destination_mac, packet.source_mac], tuple.reversed(), reset)
}

/// The TCP segment, whole and with the right checksum.
fn segment<'a>(frame: &'a [u8], ip: &Ipv4) -> Option<&'a [u8]> {
    let segment = frame.get(usize::from(ip.l4_offset())..ip.end())?;
    let length = u16::try_from(segment.len()).ok()?;
    let pseudo = pseudo_header(ip.source, ip.destination, TCP, length);
    (pseudo + Sum::of_bytes(segment)).verifies().then_some(segment)
}
