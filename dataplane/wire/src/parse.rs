//! The slow path: everything that a frame of any kind says, checked in full.
//!
//! [`frame`] reads the link layer, ARP, IPv4 with options and fragments, TCP, UDP
//! and ICMP with the packet that an error quotes, and says where each part is. It
//! verifies the checksums of IPv4 headers and of ICMP messages; those of TCP and
//! UDP are the end host's. A malformed packet is a [`ParseError`], whose
//! [`name`](ParseError::name) names its counter.

mod embedded;
mod error;
mod transport;

use std::net::Ipv4Addr;

pub use embedded::Embedded;
pub use error::ParseError;

use crate::checksum::Sum;
use crate::ethernet::{self, EtherType, Tags};
use crate::flow::Flow;
use crate::{FiveTuple, MacAddress, Port, arp, icmpv4, ipv4, tcp};

/// A frame, read in full. Offsets are from the start of the frame, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Receiver's Ethernet address.
    pub destination_mac: MacAddress,
    /// Sender's Ethernet address.
    pub source_mac: MacAddress,
    /// VLAN tags.
    pub tags: Tags,
    /// Where the network layer starts.
    pub l3_offset: u16,
    /// What the frame carries.
    pub network: Network,
}

impl Packet {
    /// The IPv4 packet, if it is one.
    #[inline]
    pub fn ipv4(&self) -> Option<&Ipv4> {
        match &self.network {
            Network::Ipv4(packet) => Some(packet),
            _ => None,
        }
    }
}

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// ARP about IPv4.
    Arp(arp::Packet),
    /// IPv4.
    Ipv4(Ipv4),
    /// IPv6; only recognised.
    Ipv6,
    /// Anything else.
    Other(EtherType),
}

/// An IPv4 packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4 {
    /// Where its header starts.
    pub l3_offset: u16,
    /// Bytes of its header, options included.
    pub header_length: u16,
    /// Bytes of the packet, header included, padding of the link not.
    pub total_length: u16,
    /// Time to live, in hops.
    pub ttl: u8,
    /// Number of the payload's protocol.
    pub protocol: u8,
    /// Sender's address.
    pub source: Ipv4Addr,
    /// Receiver's address.
    pub destination: Ipv4Addr,
    /// True if a router must not fragment it.
    pub dont_fragment: bool,
    /// Its place in a datagram, if it is a fragment.
    pub fragment: Option<Fragment>,
    /// What it carries.
    pub payload: Payload,
}

impl Ipv4 {
    /// Where the transport header starts.
    #[inline]
    pub fn l4_offset(&self) -> u16 {
        // Cannot overflow: the header lies within the frame, and both are small.
        self.l3_offset.saturating_add(self.header_length)
    }

    /// Where the packet ends; padding of the link may follow.
    #[inline]
    pub fn end(&self) -> usize {
        usize::from(self.l3_offset) + usize::from(self.total_length)
    }

    /// Bytes of the payload.
    #[inline]
    pub fn payload_length(&self) -> u16 {
        self.total_length.saturating_sub(self.header_length)
    }

    /// The flow that the packet itself belongs to. None for errors, which belong to
    /// the flow of the packet that they quote, for later fragments, and for what is
    /// never translated.
    #[inline]
    pub fn tuple(&self) -> Option<FiveTuple<Ipv4Addr>> {
        match self.payload {
            Payload::Tcp { tuple, .. } | Payload::Udp { tuple } => Some(tuple),
            Payload::IcmpQuery { tuple, .. } => Some(tuple),
            _ => None,
        }
    }

    /// The same as the fast path would have it, for packets that it refused: an ICMP
    /// query has no TCP flags.
    #[inline]
    pub fn flow(&self) -> Option<Flow<Ipv4Addr>> {
        let tcp_flags = match self.payload {
            Payload::Tcp { flags, .. } => flags,
            _ => tcp::Flags::EMPTY,
        };
        self.tuple().map(|tuple| Flow { tuple, tcp_flags, length: self.total_length })
    }
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment {
    /// What the fragments of a datagram have in common, besides addresses and
    /// protocol.
    pub identification: u16,
    /// Where the fragment's payload belongs in the datagram's, in bytes.
    pub offset: u16,
    /// True for all but the last.
    pub more: bool,
}

impl Payload {
    /// The TCP segment; one without flags for other protocols.
    pub fn segment(&self) -> tcp::Segment {
        match *self {
            Payload::Tcp { flags, sequence, acknowledgment, .. } => {
                tcp::Segment { flags, sequence, acknowledgment }
            }
            _ => tcp::Segment::default(),
        }
    }
}

impl Fragment {
    /// True for the one that holds the transport header.
    #[inline]
    pub fn is_first(self) -> bool {
        self.offset == 0
    }
}

/// What an IPv4 packet carries. First fragments are read as whole packets are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload {
    /// TCP.
    Tcp {
        /// The flow.
        tuple: FiveTuple<Ipv4Addr>,
        /// The segment's flags.
        flags: tcp::Flags,
        /// Its sequence number.
        sequence: u32,
        /// Its acknowledgment number; of use with ACK only.
        acknowledgment: u32,
        /// Bytes of its header, options included.
        header_length: u16,
    },
    /// UDP.
    Udp {
        /// The flow.
        tuple: FiveTuple<Ipv4Addr>,
    },
    /// An ICMP echo, request or reply.
    IcmpQuery {
        /// The flow: the identifier stands as the source port of a request and as
        /// the destination port of a reply; the other port is zero.
        tuple: FiveTuple<Ipv4Addr>,
        /// True for a reply.
        is_reply: bool,
    },
    /// An ICMP error about a packet of a flow that could be translated.
    IcmpError {
        /// The error.
        kind: icmpv4::Error,
        /// What it quotes.
        embedded: Embedded,
    },
    /// Any other ICMP message, also an error that quotes nothing from which a flow
    /// could be told.
    IcmpOther {
        /// The type's number.
        type_number: u8,
        /// The code.
        code: u8,
    },
    /// A fragment without ports.
    LaterFragment {
        /// Number of the protocol.
        protocol: u8,
    },
    /// Any other protocol, by number.
    Other(u8),
}

/// Reads a frame. It must lie in one piece; padding may follow the packet.
pub fn frame(frame: &[u8]) -> Result<Packet, ParseError> {
    let link = ethernet::Frame::parse(frame).map_err(|_| ParseError::TruncatedEthernet)?;
    let payload = frame.get(usize::from(link.payload_offset)..).unwrap_or_default();
    let network = match link.ether_type {
        EtherType::ARP => Network::Arp(arp::Packet::parse(payload)?),
        EtherType::IPV4 => Network::Ipv4(ipv4(payload, link.payload_offset)?),
        EtherType::IPV6 => Network::Ipv6,
        other => Network::Other(other),
    };
    Ok(Packet {
        destination_mac: link.destination,
        source_mac: link.source,
        tags: link.tags,
        l3_offset: link.payload_offset,
        network,
    })
}

fn ipv4(bytes: &[u8], l3_offset: u16) -> Result<Ipv4, ParseError> {
    let packet = ipv4::Packet::new_checked(bytes)?;
    let header = packet.header;
    if ipv4::is_martian_source(header.source()) {
        return Err(ParseError::MartianSource);
    }
    if ipv4::is_martian_destination(header.destination()) {
        return Err(ParseError::MartianDestination);
    }
    let fragment = fragment(&packet)?;
    let header_length = header.header_length() as u16;
    Ok(Ipv4 {
        l3_offset,
        header_length,
        total_length: header.total_length(),
        ttl: header.ttl(),
        protocol: header.protocol(),
        source: header.source(),
        destination: header.destination(),
        dont_fragment: header.dont_fragment(),
        fragment,
        payload: transport::read(&packet, fragment, l3_offset + header_length)?,
    })
}

/// Where a fragment belongs. Refused are those that no sender makes: without
/// payload, reaching beyond the longest datagram, or not of whole eights of bytes
/// although others follow.
fn fragment(packet: &ipv4::Packet<'_>) -> Result<Option<Fragment>, ParseError> {
    let header = packet.header;
    let (offset, more) = (header.fragment_offset(), header.more_fragments());
    if offset == 0 && !more {
        return Ok(None);
    }
    let length = packet.payload.len();
    let end = header.header_length() + usize::from(offset) + length;
    if length == 0 || end > usize::from(u16::MAX) || (more && length % 8 != 0) {
        return Err(ParseError::BadFragment);
    }
    Ok(Some(Fragment { identification: header.identification(), offset, more }))
}

/// The tuple of an ICMP query.
fn query(source: Ipv4Addr, destination: Ipv4Addr, id: Port, is_reply: bool) -> FiveTuple<Ipv4Addr> {
    let (source_port, destination_port) =
        if is_reply { (Port::ZERO, id) } else { (id, Port::ZERO) };
    let protocol = crate::Protocol::Icmp;
    FiveTuple { source, destination, source_port, destination_port, protocol }
}

/// True if an ICMP message sums up right.
fn verifies(message: &[u8]) -> bool {
    Sum::of_bytes(message).verifies()
}
