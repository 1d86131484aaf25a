//! UDP frames.

use std::net::Ipv4Addr;

use super::{TTL, link};
use crate::checksum::{Checksum, Sum, pseudo_header};
use crate::ethernet::{EtherType, HEADER_LENGTH as ETHERNET};
use crate::{FiveTuple, MacAddress, ipv4, udp};

/// Between whom a frame goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UdpEnds {
    /// Sender's Ethernet address.
    pub source_mac: MacAddress,
    /// Receiver's Ethernet address.
    pub destination_mac: MacAddress,
    /// Addresses and ports; the protocol is taken to be UDP.
    pub tuple: FiveTuple<Ipv4Addr>,
}

/// Writes a UDP frame with TTL 64 and both checksums, and returns its length; no
/// padding. None if the output is too small, or the payload too long for a packet.
pub fn udp(output: &mut [u8], ends: &UdpEnds, payload: &[u8]) -> Option<usize> {
    let datagram = u16::try_from(udp::HEADER_LENGTH + payload.len()).ok()?;
    let total = datagram.checked_add(ipv4::HEADER_LENGTH as u16)?;
    let frame = output.get_mut(..ETHERNET + usize::from(total))?;
    link(frame, ends.source_mac, ends.destination_mac, EtherType::IPV4)?;
    let (header, segment) = frame.get_mut(ETHERNET..)?.split_at_mut_checked(ipv4::HEADER_LENGTH)?;
    ip_header(header, ends, total)?;

    segment.get_mut(udp::HEADER_LENGTH..)?.copy_from_slice(payload);
    let mut fields = udp::Header::at_mut(segment, 0)?;
    fields.set_source(ends.tuple.source_port);
    fields.set_destination(ends.tuple.destination_port);
    fields.set_length(datagram);
    fields.set_checksum(Checksum::default());
    let tuple = ends.tuple;
    let sum = pseudo_header(tuple.source, tuple.destination, 17, datagram) + Sum::of_bytes(segment);
    udp::Header::at_mut(segment, 0)?.set_checksum(sum.udp_checksum());
    Some(frame.len())
}

fn ip_header(header: &mut [u8], ends: &UdpEnds, total: u16) -> Option<()> {
    header.fill(0);
    let mut fields = ipv4::Header::at_mut(header, 0)?;
    fields.set_header_length(ipv4::HEADER_LENGTH);
    fields.set_total_length(total);
    fields.set_fragment(true, false, 0);
    fields.set_ttl(TTL);
    fields.set_protocol(17);
    fields.set_source(ends.tuple.source);
    fields.set_destination(ends.tuple.destination);
    ipv4::fill_checksum(header).then_some(())
}
