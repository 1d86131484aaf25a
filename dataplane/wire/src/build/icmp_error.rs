//! ICMP errors about received packets (RFC 1812 section 4.3.2).

use std::net::Ipv4Addr;

use super::{TTL, link};
use crate::ethernet::{EtherType, HEADER_LENGTH as ETHERNET};
use crate::parse::{Ipv4, Packet, Payload};
use crate::{Protocol, icmpv4, ipv4, translate};

/// Bytes of the longest error: what every host takes (RFC 1812 section 4.3.2.3).
const LONGEST: usize = 576;
/// Precedence "internetwork control" (RFC 1812 section 4.3.2.5).
const TYPE_OF_SERVICE: u8 = 0xc0;

/// Why no error is made about a packet (RFC 1812 section 4.3.2.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Only IPv4 has ICMPv4 errors.
    #[error("the packet is not IPv4")]
    NotIpv4,
    /// Errors about errors would go on for ever.
    #[error("the packet is itself an ICMP error")]
    AboutError,
    /// Its sender is told once, about the first.
    #[error("the packet is a fragment, and not the first")]
    LaterFragment,
    /// Every receiver would answer.
    #[error("the packet was sent to a broadcast or multicast address")]
    SentToMany,
    /// Nobody could receive the error.
    #[error("the packet's source is not the address of one host")]
    BadSource,
    /// The caller's buffer.
    #[error("the output buffer is too small: an ICMP error takes up to 590 bytes")]
    OutputTooSmall,
}

/// Whether an error may be made about a packet. Broadcast addresses of subnets are
/// unknown here; the Ethernet address tells of those.
pub fn may_send_error(packet: &Packet) -> Result<&Ipv4, Refused> {
    let ip = packet.ipv4().ok_or(Refused::NotIpv4)?;
    let to_many = packet.destination_mac.is_multicast()
        || ip.destination.is_multicast()
        || ip.destination.is_broadcast();
    match ip.payload {
        Payload::IcmpError { .. } => Err(Refused::AboutError),
        Payload::IcmpOther { type_number, .. } if icmpv4::is_error(type_number) => {
            Err(Refused::AboutError)
        }
        Payload::LaterFragment { .. } => Err(Refused::LaterFragment),
        _ if to_many => Err(Refused::SentToMany),
        _ if ipv4::is_martian_source(ip.source) => Err(Refused::BadSource),
        _ => Ok(ip),
    }
}

/// Writes a frame with an error about the packet in `frame`, from the address `from`
/// to the packet's sender, back over the link it came by. It quotes as much as fits
/// in 576 bytes. Returns the frame's length.
pub fn icmp_error(
    frame: &[u8],
    packet: &Packet,
    error: icmpv4::Error,
    from: Ipv4Addr,
    output: &mut [u8],
) -> Result<usize, Refused> {
    let ip = may_send_error(packet)?;
    let l3 = usize::from(ip.l3_offset);
    let quoted = frame.get(l3..ip.end()).unwrap_or_default();
    let headers = ipv4::HEADER_LENGTH + icmpv4::HEADER_LENGTH;
    let quoted = quoted.get(..LONGEST - headers).unwrap_or(quoted);
    let length = ETHERNET + headers + quoted.len();
    let output = output.get_mut(..length).ok_or(Refused::OutputTooSmall)?;
    write(output, packet, ip, error, from, quoted).ok_or(Refused::OutputTooSmall)?;
    Ok(length)
}

fn write(
    output: &mut [u8],
    packet: &Packet,
    ip: &Ipv4,
    error: icmpv4::Error,
    from: Ipv4Addr,
    quoted: &[u8],
) -> Option<()> {
    link(output, packet.destination_mac, packet.source_mac, EtherType::IPV4)?;
    let (header, message) =
        output.get_mut(ETHERNET..)?.split_at_mut_checked(ipv4::HEADER_LENGTH)?;
    let total = header.len() + message.len();
    header.fill(0);
    let mut fields = ipv4::Header::at_mut(header, 0)?;
    fields.set_header_length(ipv4::HEADER_LENGTH);
    fields.set_type_of_service(TYPE_OF_SERVICE);
    fields.set_total_length(total as u16);
    // Never fragmented, so its identification means nothing (RFC 6864).
    fields.set_fragment(true, false, 0);
    fields.set_ttl(TTL);
    fields.set_protocol(Protocol::Icmp.number());
    fields.set_source(from);
    fields.set_destination(ip.source);
    ipv4::fill_checksum(header).then_some(())?;

    message.get_mut(icmpv4::HEADER_LENGTH..)?.copy_from_slice(quoted);
    icmpv4::Header::at_mut(message, 0)?.set_error(error);
    translate::message_checksum(message).ok()
}
