//! TCP segments of the router's own.

use super::link;
use crate::checksum::{Checksum, Sum, pseudo_header};
use crate::ethernet::{EtherType, HEADER_LENGTH as ETHERNET};
use crate::tcp::Segment;
use crate::{FiveTuple, MacAddress, Protocol, ipv4, tcp};
use std::net::Ipv4Addr;

/// Bytes of a frame with a TCP segment that has neither data nor options.
pub const SEGMENT_FRAME: usize = ETHERNET + ipv4::HEADER_LENGTH + tcp::HEADER_LENGTH;

/// A TCP segment without data and options, and with a window of zero, from one Ethernet address to
/// another.
pub fn tcp_segment(
    [source, destination]: [MacAddress; 2],
    tuple: FiveTuple<Ipv4Addr>,
    segment: Segment,
) -> Option<[u8; SEGMENT_FRAME]> {
    let mut output = [0; SEGMENT_FRAME];
    link(&mut output, source, destination, EtherType::IPV4)?;
    write(output.get_mut(ETHERNET..)?, tuple, segment)?;
    Some(output)
}

fn write(packet: &mut [u8], tuple: FiveTuple<Ipv4Addr>, fields: Segment) -> Option<()> {
    let protocol = Protocol::Tcp.number();
    let segment = super::ipv4(packet, [tuple.source, tuple.destination], protocol)?;
    let mut tcp = tcp::Header::at_mut(segment, 0)?;
    tcp.set_source(tuple.source_port);
    tcp.set_destination(tuple.destination_port);
    tcp.set_sequence(fields.sequence);
    tcp.set_acknowledgment(fields.acknowledgment);
    tcp.set_header_length(tcp::HEADER_LENGTH);
    tcp.set_flags(fields.flags);
    tcp.set_checksum(Checksum::default());
    let length = u16::try_from(segment.len()).ok()?;
    let pseudo = pseudo_header(tuple.source, tuple.destination, protocol, length);
    let sum = pseudo + Sum::of_bytes(segment);
    tcp::Header::at_mut(segment, 0)?.set_checksum(sum.checksum());
    Some(())
}
