//! Answers to pings.

use super::TTL;
use crate::checksum::{Delta, Sum};
use crate::parse::{Packet, Payload};
use crate::{ethernet, icmpv4, ipv4, translate};

/// Makes an echo request into its reply, in place: Ethernet and IP addresses
/// swapped, type, TTL and checksums. False, with the frame as it was, if the packet
/// is not a whole echo request.
pub fn echo_reply(frame: &mut [u8], packet: &Packet) -> bool {
    let Some(ip) = packet.ipv4() else { return false };
    let is_request = matches!(ip.payload, Payload::IcmpQuery { is_reply: false, .. });
    if !is_request || ip.fragment.is_some() || frame.len() < ip.end() {
        return false;
    }
    reply(frame, packet, usize::from(ip.l3_offset), usize::from(ip.l4_offset())).is_some()
}

fn reply(frame: &mut [u8], packet: &Packet, l3: usize, l4: usize) -> Option<()> {
    let mut icmp = icmpv4::Header::at_mut(frame, l4)?;
    let old = Sum::of_u16(icmp.type_code());
    icmp.set_echo_reply();
    let delta = Delta::between(old, Sum::of_u16(icmp.type_code()));
    let checksum = icmp.checksum().updated(delta);
    icmp.set_checksum(checksum);
    translate::settle_zero(frame.get_mut(l4..packet.ipv4()?.end())?).ok()?;

    let mut link = ethernet::Header::new_mut(frame)?;
    link.set_source(packet.destination_mac);
    link.set_destination(packet.source_mac);

    let header_length = packet.ipv4().map(|ip| usize::from(ip.header_length))?;
    let mut header = ipv4::Header::at_mut(frame, l3)?;
    let (source, destination) = (header.source(), header.destination());
    header.set_source(destination);
    header.set_destination(source);
    header.set_ttl(TTL);
    ipv4::fill_checksum(frame.get_mut(l3..l3 + header_length)?).then_some(())
}
