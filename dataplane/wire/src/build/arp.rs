//! ARP frames.

use super::link;
use crate::ethernet::{EtherType, HEADER_LENGTH, MINIMUM_FRAME};
use crate::{MacAddress, arp};

/// Bytes of an ARP frame, padded to the shortest that Ethernet allows.
pub const ARP_FRAME: usize = MINIMUM_FRAME;

/// Writes an ARP frame from the packet's sender to `destination`: broadcast for
/// requests, probes and gratuitous packets, the asking station's address for
/// replies, the neighbour's for unicast probes of a stale entry. None if the output
/// has fewer than [`ARP_FRAME`] bytes.
pub fn arp(output: &mut [u8], destination: MacAddress, packet: &arp::Packet) -> Option<usize> {
    let frame: &mut [u8; ARP_FRAME] = output.first_chunk_mut()?;
    *frame = [0; ARP_FRAME];
    link(frame, packet.sender_mac, destination, EtherType::ARP)?;
    *crate::bytes::chunk_mut(frame, HEADER_LENGTH)? = packet.to_bytes();
    Some(ARP_FRAME)
}
