//! Pings of the router's own.

use std::net::Ipv4Addr;

use super::link;
use crate::checksum::{Checksum, Sum};
use crate::ethernet::{EtherType, HEADER_LENGTH as ETHERNET};
use crate::{MacAddress, Port, Protocol, icmpv4, ipv4};

/// Bytes of a frame with an echo request without data.
pub const ECHO_REQUEST_FRAME: usize = ETHERNET + ipv4::HEADER_LENGTH + icmpv4::HEADER_LENGTH;

/// An echo request without data, from one Ethernet and IP address to another.
pub fn echo_request(
    [source_mac, destination_mac]: [MacAddress; 2],
    addresses: [Ipv4Addr; 2],
    identifier: Port,
    sequence: u16,
) -> Option<[u8; ECHO_REQUEST_FRAME]> {
    let mut output = [0; ECHO_REQUEST_FRAME];
    link(&mut output, source_mac, destination_mac, EtherType::IPV4)?;
    let packet = output.get_mut(ETHERNET..)?;
    let message = super::ipv4(packet, addresses, Protocol::Icmp.number())?;
    let mut icmp = icmpv4::Header::at_mut(message, 0)?;
    icmp.set_echo_request(identifier, sequence);
    icmp.set_checksum(Checksum::default());
    let sum = Sum::of_bytes(message);
    icmpv4::Header::at_mut(message, 0)?.set_checksum(sum.checksum());
    Some(output)
}
