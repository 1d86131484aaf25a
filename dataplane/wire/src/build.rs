//! Frames that the router makes itself: ARP, ICMP errors, echo replies, fragments, resets.
//!
//! All write into a buffer of the caller's and return how many bytes they wrote;
//! nothing is allocated.

mod arp;
mod echo;
mod echo_request;
mod fragment;
mod icmp_error;
mod reset;
mod segment;

pub use self::arp::{ARP_FRAME, arp};
pub use self::echo::echo_reply;
pub use self::echo_request::{ECHO_REQUEST_FRAME, echo_request};
pub use self::fragment::{Piece, Pieces, fragment, pieces};
pub use self::icmp_error::{Refused, icmp_error, may_send_error};
pub use self::reset::tcp_reset;
pub use self::segment::{SEGMENT_FRAME, tcp_segment};

use std::net::Ipv4Addr;

use crate::ethernet::{self, EtherType};
use crate::{MacAddress, ipv4};

/// TTL of packets that the router makes (RFC 1700).
pub const TTL: u8 = 64;

/// Writes an untagged Ethernet header. None if the output is too small.
fn link(
    output: &mut [u8],
    source: MacAddress,
    destination: MacAddress,
    ether_type: EtherType,
) -> Option<()> {
    let mut header = ethernet::Header::new_mut(output)?;
    header.set_source(source);
    header.set_destination(destination);
    header.set_ether_type(ether_type);
    Some(())
}

/// Writes the IPv4 header of a packet that fills the output, and returns what comes behind it.
/// None if the output is too small.
fn ipv4(
    packet: &mut [u8],
    [source, destination]: [Ipv4Addr; 2],
    protocol: u8,
) -> Option<&mut [u8]> {
    let total = u16::try_from(packet.len()).ok()?;
    let (header, payload) = packet.split_at_mut_checked(ipv4::HEADER_LENGTH)?;
    let mut ip = ipv4::Header::at_mut(header, 0)?;
    ip.set_header_length(ipv4::HEADER_LENGTH);
    ip.set_total_length(total);
    // Never fragmented, so its identification means nothing (RFC 6864).
    ip.set_fragment(true, false, 0);
    ip.set_ttl(TTL);
    ip.set_protocol(protocol);
    ip.set_source(source);
    ip.set_destination(destination);
    ipv4::fill_checksum(header).then_some(payload)
}
