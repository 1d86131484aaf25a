//! The packet that an ICMP error quotes.

use std::net::Ipv4Addr;

use super::query;
use crate::icmpv4::{self, Message, QUOTED_PAYLOAD};
use crate::{FiveTuple, Protocol, ipv4, udp};

/// The start of the packet that an ICMP error is about, as it was on its way: its
/// tuple is that of the packet the error's receiver had sent. It may be cut off
/// anywhere behind the first 8 bytes of its payload, and neither its lengths nor its
/// checksums can be relied upon. Offsets are from the start of the frame, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Embedded {
    /// The flow that the error is about.
    pub tuple: FiveTuple<Ipv4Addr>,
    /// True if the quoted packet is an echo reply.
    pub is_reply: bool,
    /// Where its IPv4 header starts.
    pub l3_offset: u16,
    /// Where its transport header starts.
    pub l4_offset: u16,
    /// Bytes of its transport header and payload that are there, 8 at least.
    pub l4_length: u16,
}

/// Reads what an error quotes, which starts at an offset of the frame. None if no
/// flow can be told from it: a later fragment, another protocol, no echo, too short.
pub(super) fn read(quoted: &[u8], l3_offset: u16) -> Option<Embedded> {
    let packet = ipv4::Packet::new_quoted(quoted).ok()?;
    let header = packet.header;
    if header.fragment_offset() != 0 || packet.payload.len() < QUOTED_PAYLOAD {
        return None;
    }
    let protocol = Protocol::from_number(header.protocol())?;
    let (source, destination) = (header.source(), header.destination());
    let (tuple, is_reply) = match protocol {
        Protocol::Tcp | Protocol::Udp => {
            // TCP's ports stand where UDP's do.
            let ports = udp::Header::at(packet.payload, 0)?;
            let (source_port, destination_port) = (ports.source(), ports.destination());
            (FiveTuple { source, destination, source_port, destination_port, protocol }, false)
        }
        Protocol::Icmp => match icmpv4::Header::at(packet.payload, 0)?.message() {
            Message::EchoRequest { identifier, .. } => {
                (query(source, destination, identifier, false), false)
            }
            Message::EchoReply { identifier, .. } => {
                (query(source, destination, identifier, true), true)
            }
            Message::Error(_) | Message::Other { .. } => return None,
        },
    };
    let l4_offset = l3_offset.checked_add(header.header_length() as u16)?;
    let l4_length = u16::try_from(packet.payload.len()).ok()?;
    Some(Embedded { tuple, is_reply, l3_offset, l4_offset, l4_length })
}
