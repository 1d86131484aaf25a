//! What an IPv4 packet carries.

use super::{Fragment, ParseError, Payload, embedded, query, verifies};
use crate::icmpv4::{self, Message};
use crate::{FiveTuple, Protocol, ipv4, tcp, udp};

/// Reads the payload, which starts at an offset of the frame.
pub(super) fn read(
    packet: &ipv4::Packet<'_>,
    fragment: Option<Fragment>,
    l4_offset: u16,
) -> Result<Payload, ParseError> {
    let number = packet.header.protocol();
    let protocol = Protocol::from_number(number);
    if let Some(fragment) = fragment.filter(|fragment| !fragment.is_first()) {
        // A later fragment this early rewrites the flags of the first.
        if protocol == Some(Protocol::Tcp) && usize::from(fragment.offset) < tcp::HEADER_LENGTH {
            return Err(ParseError::TinyFragment);
        }
        return Ok(Payload::LaterFragment { protocol: number });
    }
    match protocol {
        Some(Protocol::Tcp) => read_tcp(packet, fragment.is_some()),
        Some(Protocol::Udp) => read_udp(packet, fragment.is_some()),
        Some(Protocol::Icmp) => read_icmp(packet, fragment.is_some(), l4_offset),
        None => Ok(Payload::Other(number)),
    }
}

fn read_tcp(packet: &ipv4::Packet<'_>, is_fragment: bool) -> Result<Payload, ParseError> {
    let truncated = if is_fragment { ParseError::TinyFragment } else { ParseError::TruncatedTcp };
    let header = tcp::Header::at(packet.payload, 0).ok_or(truncated)?;
    let header_length = header.header_length();
    if header_length < tcp::HEADER_LENGTH {
        return Err(ParseError::BadTcpHeaderLength);
    }
    if header_length > packet.payload.len() {
        return Err(truncated);
    }
    Ok(Payload::Tcp {
        tuple: FiveTuple {
            source: packet.header.source(),
            destination: packet.header.destination(),
            source_port: header.source(),
            destination_port: header.destination(),
            protocol: Protocol::Tcp,
        },
        flags: header.flags(),
        sequence: header.sequence(),
        acknowledgment: header.acknowledgment(),
        header_length: header_length as u16,
    })
}

fn read_udp(packet: &ipv4::Packet<'_>, is_fragment: bool) -> Result<Payload, ParseError> {
    let header = udp::Header::at(packet.payload, 0).ok_or(ParseError::TruncatedUdp)?;
    let length = usize::from(header.length());
    // The length of a first fragment counts what the others hold, too.
    if length < udp::HEADER_LENGTH || (length > packet.payload.len() && !is_fragment) {
        return Err(ParseError::BadUdpLength);
    }
    Ok(Payload::Udp {
        tuple: FiveTuple {
            source: packet.header.source(),
            destination: packet.header.destination(),
            source_port: header.source(),
            destination_port: header.destination(),
            protocol: Protocol::Udp,
        },
    })
}

fn read_icmp(
    packet: &ipv4::Packet<'_>,
    is_fragment: bool,
    l4_offset: u16,
) -> Result<Payload, ParseError> {
    let (source, destination) = (packet.header.source(), packet.header.destination());
    let header = icmpv4::Header::at(packet.payload, 0).ok_or(ParseError::TruncatedIcmp)?;
    // The sum of a fragment says nothing: the rest of the message is elsewhere.
    if !is_fragment && !verifies(packet.payload) {
        return Err(ParseError::BadIcmpChecksum);
    }
    Ok(match header.message() {
        Message::EchoRequest { identifier, .. } => Payload::IcmpQuery {
            tuple: query(source, destination, identifier, false),
            is_reply: false,
        },
        Message::EchoReply { identifier, .. } => Payload::IcmpQuery {
            tuple: query(source, destination, identifier, true),
            is_reply: true,
        },
        Message::Error(kind) => {
            let quoted = packet.payload.get(icmpv4::HEADER_LENGTH..).unwrap_or_default();
            let l3_offset = l4_offset + icmpv4::HEADER_LENGTH as u16;
            // An error that came in fragments could not be verified or translated.
            match embedded::read(quoted, l3_offset).filter(|_| !is_fragment) {
                Some(embedded) => Payload::IcmpError { kind, embedded },
                None => Payload::IcmpOther { type_number: kind.type_number(), code: kind.code() },
            }
        }
        Message::Other { type_number, code } => Payload::IcmpOther { type_number, code },
    })
}
