//! Translation in place on the slow path: of any packet that [`crate::parse`] read.
//!
//! [`packet`] gives a packet new ends: TCP, UDP and ICMP echo, with options or tags,
//! first fragments, and later ones, of which the addresses alone are there.
//! [`icmp_error`] gives an error new ends, and the packet that it quotes others.
//! Neither touches TTL and Ethernet addresses: [`forward`] does.

use std::net::Ipv4Addr;

use crate::bytes;
use crate::checksum::{Checksum, Delta, Sum};
use crate::flow::Rewrite;
use crate::parse::{Embedded, Ipv4, Packet, Payload};
use crate::{Address, FiveTuple, MacAddress, Protocol, ethernet, icmpv4, ipv4, tcp, udp};

/// Why a packet was not translated; it is then as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Not IPv4, or nothing of it belongs to a flow.
    #[error("the packet is not of a kind that is translated")]
    Untranslatable,
    /// The new tuple's protocol is not the packet's.
    #[error("the new five-tuple is of another protocol than the packet")]
    OtherProtocol,
    /// The frame is not the one that was parsed.
    #[error("the frame is shorter than the packet that was read from it")]
    Truncated,
}

/// Gives a packet the ends of `new`, and updates its checksums (RFC 1624). Of an
/// ICMP query the identifier is taken from the asking side's port; of a later
/// fragment the ports are ignored.
pub fn packet(frame: &mut [u8], packet: &Packet, new: FiveTuple<Ipv4Addr>) -> Result<(), Error> {
    let packet = packet.ipv4().ok_or(Error::Untranslatable)?;
    if packet.protocol != new.protocol.number() {
        return Err(Error::OtherProtocol);
    }
    let ports = match packet.payload {
        Payload::LaterFragment { .. } => None,
        _ => Some(packet.tuple().ok_or(Error::Untranslatable)?),
    };
    let from = ports.unwrap_or(FiveTuple {
        source: packet.source,
        destination: packet.destination,
        ..new
    });
    let frame = frame.get_mut(..packet.end()).ok_or(Error::Truncated)?;
    let rewrite = Rewrite::between(&from, &asking_side(from, new, is_reply(packet)));
    if ports.is_some() {
        let l4_length = usize::from(packet.payload_length());
        transport(frame, packet.l4_offset(), l4_length, new.protocol, is_reply(packet), &rewrite)?;
        if new.protocol == Protocol::Icmp && packet.fragment.is_none() {
            settle_zero(frame.get_mut(usize::from(packet.l4_offset())..).unwrap_or_default())?;
        }
    }
    addresses(frame, packet.l3_offset, &rewrite)
}

fn is_reply(packet: &Ipv4) -> bool {
    matches!(packet.payload, Payload::IcmpQuery { is_reply: true, .. })
}

/// `new` with nothing but the identifier where an ICMP query has no second port.
fn asking_side(
    from: FiveTuple<Ipv4Addr>,
    new: FiveTuple<Ipv4Addr>,
    is_reply: bool,
) -> FiveTuple<Ipv4Addr> {
    match (from.protocol, is_reply) {
        (Protocol::Icmp, false) => FiveTuple { destination_port: from.destination_port, ..new },
        (Protocol::Icmp, true) => FiveTuple { source_port: from.source_port, ..new },
        _ => new,
    }
}

/// Addresses of the IPv4 header at an offset.
fn addresses(frame: &mut [u8], offset: u16, rewrite: &Rewrite<Ipv4Addr>) -> Result<(), Error> {
    let mut header = ipv4::Header::at_mut(frame, usize::from(offset)).ok_or(Error::Truncated)?;
    let before = header.source().sum() + header.destination().sum();
    header.set_source(rewrite.source);
    header.set_destination(rewrite.destination);
    let delta = Delta::between(before, rewrite.source.sum() + rewrite.destination.sum());
    let checksum = header.checksum().updated(delta);
    header.set_checksum(checksum);
    Ok(())
}

/// Ports or identifier, and the checksum as far as it is there, of the transport
/// header of which `length` bytes are at an offset.
fn transport(
    frame: &mut [u8],
    offset: u16,
    length: usize,
    protocol: Protocol,
    is_reply: bool,
    rewrite: &Rewrite<Ipv4Addr>,
) -> Result<(), Error> {
    let offset = usize::from(offset);
    if protocol == Protocol::Icmp {
        let mut header = icmpv4::Header::at_mut(frame, offset).ok_or(Error::Truncated)?;
        let id = if is_reply { rewrite.destination_port } else { rewrite.source_port };
        header.set_identifier(id);
        let checksum = header.checksum().updated(rewrite.deltas.l4);
        header.set_checksum(checksum);
        return Ok(());
    }
    // TCP's ports stand where UDP's do.
    let mut ports = udp::Header::at_mut(frame, offset).ok_or(Error::Truncated)?;
    ports.set_source(rewrite.source_port);
    ports.set_destination(rewrite.destination_port);
    if protocol == Protocol::Udp {
        let checksum = ports.checksum().updated_udp(rewrite.deltas.l4);
        ports.set_checksum(checksum);
    } else if length >= tcp::CHECKSUM_OFFSET + 2 {
        let field = bytes::chunk_mut::<2>(frame, offset + tcp::CHECKSUM_OFFSET);
        let field = field.ok_or(Error::Truncated)?;
        *field = Checksum::from_bytes(*field).updated(rewrite.deltas.l4).to_bytes();
    }
    Ok(())
}

/// Gives an ICMP error new addresses, and the packet that it quotes the ends of
/// `embedded` (RFC 5508 section 4). The quoted packet's own checksums are updated as
/// far as they are there, so that one that was wrong stays wrong; that of the
/// message, which [`crate::parse`] has verified, is computed anew.
pub fn icmp_error(
    frame: &mut [u8],
    packet: &Packet,
    outer_source: Ipv4Addr,
    outer_destination: Ipv4Addr,
    embedded: FiveTuple<Ipv4Addr>,
) -> Result<(), Error> {
    let packet = packet.ipv4().ok_or(Error::Untranslatable)?;
    let Payload::IcmpError { embedded: quoted, .. } = packet.payload else {
        return Err(Error::Untranslatable);
    };
    if quoted.tuple.protocol != embedded.protocol {
        return Err(Error::OtherProtocol);
    }
    let frame = frame.get_mut(..packet.end()).ok_or(Error::Truncated)?;
    quoted_packet(frame, &quoted, embedded)?;
    let from = FiveTuple { source: packet.source, destination: packet.destination, ..embedded };
    let to = FiveTuple { source: outer_source, destination: outer_destination, ..embedded };
    addresses(frame, packet.l3_offset, &Rewrite::between(&from, &to))?;
    message_checksum(frame.get_mut(usize::from(packet.l4_offset())..).unwrap_or_default())
}

fn quoted_packet(
    frame: &mut [u8],
    quoted: &Embedded,
    new: FiveTuple<Ipv4Addr>,
) -> Result<(), Error> {
    let to = asking_side(quoted.tuple, new, quoted.is_reply);
    let rewrite = Rewrite::between(&quoted.tuple, &to);
    let length = usize::from(quoted.l4_length);
    transport(frame, quoted.l4_offset, length, new.protocol, quoted.is_reply, &rewrite)?;
    addresses(frame, quoted.l3_offset, &rewrite)
}

/// Computes a message's checksum anew if its update came to zero. An update cannot
/// tell a sum of all ones from zero, and an ICMP checksum has no pseudo header that
/// is never zero: an echo reply of nothing but zeros has a checksum of all ones.
pub(crate) fn settle_zero(message: &mut [u8]) -> Result<(), Error> {
    let header = icmpv4::Header::at(message, 0).ok_or(Error::Truncated)?;
    if header.checksum() == Checksum::default() { message_checksum(message) } else { Ok(()) }
}

/// Computes the checksum of an ICMP message and writes it.
pub(crate) fn message_checksum(message: &mut [u8]) -> Result<(), Error> {
    let mut header = icmpv4::Header::at_mut(message, 0).ok_or(Error::Truncated)?;
    header.set_checksum(Checksum::default());
    let checksum = Sum::of_bytes(message).checksum();
    let mut header = icmpv4::Header::at_mut(message, 0).ok_or(Error::Truncated)?;
    header.set_checksum(checksum);
    Ok(())
}

/// Gives a packet another identification, with the header checksum: fragments of two
/// senders that leave with one address must not be joined (RFC 6864 section 5.3).
/// False, with the packet as it was, if it is not IPv4.
pub fn identify(frame: &mut [u8], packet: &Packet, identification: u16) -> bool {
    let offset = usize::from(packet.l3_offset);
    let Some(mut header) = packet.ipv4().and_then(|_| ipv4::Header::at_mut(frame, offset)) else {
        return false;
    };
    let sum = |number: u16| Sum::of_u16(u16::from_ne_bytes(number.to_be_bytes()));
    let (old, new) = (sum(header.identification()), sum(identification));
    header.set_identification(identification);
    let checksum = header.checksum().updated(Delta::between(old, new));
    header.set_checksum(checksum);
    true
}

/// Writes both Ethernet addresses. False, with the frame as it was, if it is too short.
pub fn address(frame: &mut [u8], source_mac: MacAddress, destination_mac: MacAddress) -> bool {
    let Some(mut link) = ethernet::Header::new_mut(frame) else { return false };
    link.set_source(source_mac);
    link.set_destination(destination_mac);
    true
}

/// Makes a packet ready for its next hop: both Ethernet addresses, and the TTL less
/// one with the header checksum. False, with the packet as it was, if it is not IPv4
/// or its TTL does not allow another hop.
pub fn forward(
    frame: &mut [u8],
    packet: &Packet,
    source_mac: MacAddress,
    destination_mac: MacAddress,
) -> bool {
    let offset = usize::from(packet.l3_offset);
    let Some(mut header) = packet.ipv4().and_then(|_| ipv4::Header::at_mut(frame, offset)) else {
        return false;
    };
    if header.ttl() <= 1 || !header.decrement_ttl() {
        return false;
    }
    address(frame, source_mac, destination_mac)
}
