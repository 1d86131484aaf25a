//! What a frame's IPv4 packet carries.

use std::net::Ipv4Addr;

use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, TcpHeader, UdpHeader};

use super::Frame;
use crate::tcp::Flags;

/// What an IPv4 packet carries.
#[derive(Clone, Debug)]
pub enum Content {
    /// A TCP segment.
    Tcp(TcpFields),
    /// A UDP datagram.
    Udp {
        /// The source and the destination port.
        ports: (u16, u16),
        /// False for a datagram whose checksum field is zero: it has none.
        checksummed: bool,
        /// The data.
        payload: Vec<u8>,
    },
    /// An ICMP echo.
    Echo {
        /// False for a request.
        is_reply: bool,
        /// The identifier.
        id: u16,
        /// The sequence number.
        sequence: u16,
        /// The data.
        payload: Vec<u8>,
    },
    /// An ICMP error.
    Error {
        /// Type, code and what they hold.
        kind: Icmpv4Type,
        /// The packet that the error is about.
        quoted: Box<Frame>,
        /// How many bytes of the quoted packet's payload are there, at the most.
        quoted_payload: usize,
    },
    /// A payload of any protocol, as it is.
    Other {
        /// The protocol's number.
        protocol: u8,
        /// The payload.
        payload: Vec<u8>,
    },
}

/// The fields of a TCP segment.
#[derive(Clone, Debug)]
pub struct TcpFields {
    /// The source and the destination port.
    pub ports: (u16, u16),
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgment number.
    pub acknowledgment: u32,
    /// The flags.
    pub flags: Flags,
    /// The options, a multiple of four bytes.
    pub options: Vec<u8>,
    /// The data.
    pub payload: Vec<u8>,
}

impl Content {
    /// The protocol's number.
    pub fn protocol(&self) -> u8 {
        match self {
            Content::Tcp(_) => 6,
            Content::Udp { .. } => 17,
            Content::Echo { .. } | Content::Error { .. } => 1,
            Content::Other { protocol, .. } => *protocol,
        }
    }

    /// The source and the destination port, or where an echo's identifier stands for one.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self {
            Content::Tcp(TcpFields { ports, .. }) | Content::Udp { ports, .. } => Some(*ports),
            Content::Echo { is_reply: false, id, .. } => Some((*id, 0)),
            Content::Echo { is_reply: true, id, .. } => Some((0, *id)),
            Content::Error { .. } | Content::Other { .. } => None,
        }
    }

    pub(super) fn set_ports(&mut self, from: u16, to: u16) {
        match self {
            Content::Tcp(TcpFields { ports, .. }) | Content::Udp { ports, .. } => {
                *ports = (from, to);
            }
            Content::Echo { is_reply, id, .. } => *id = if *is_reply { to } else { from },
            Content::Error { .. } | Content::Other { .. } => {}
        }
    }

    pub(super) fn payload_mut(&mut self) -> &mut Vec<u8> {
        match self {
            Content::Tcp(TcpFields { payload, .. })
            | Content::Udp { payload, .. }
            | Content::Echo { payload, .. }
            | Content::Other { payload, .. } => payload,
            Content::Error { quoted, .. } => quoted.content.payload_mut(),
        }
    }

    /// The bytes of a packet's whole payload, transport header included.
    pub(super) fn bytes(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let (source, destination) = (source.octets(), destination.octets());
        match self {
            Content::Tcp(fields) => fields.bytes(source, destination),
            Content::Udp { ports, checksummed, payload } => {
                let mut udp = UdpHeader {
                    source_port: ports.0,
                    destination_port: ports.1,
                    length: 8 + payload.len() as u16,
                    checksum: 0,
                };
                if *checksummed {
                    udp.checksum =
                        udp.calc_checksum_ipv4_raw(source, destination, payload).unwrap();
                }
                [udp.to_bytes().as_slice(), payload].concat()
            }
            Content::Echo { is_reply, id, sequence, payload } => {
                let echo = IcmpEchoHeader { id: *id, seq: *sequence };
                let kind = match is_reply {
                    true => Icmpv4Type::EchoReply(echo),
                    false => Icmpv4Type::EchoRequest(echo),
                };
                icmp(kind, payload)
            }
            Content::Error { kind, quoted, quoted_payload } => {
                let mut packet = quoted.ip_packet();
                packet.truncate(20 + quoted.options.len() + quoted_payload);
                icmp(kind.clone(), &packet)
            }
            Content::Other { payload, .. } => payload.clone(),
        }
    }
}

impl TcpFields {
    fn bytes(&self, source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
        let TcpFields { ports, sequence, acknowledgment, flags, options, payload } = self;
        let mut tcp = TcpHeader::new(ports.0, ports.1, *sequence, 1024);
        tcp.acknowledgment_number = *acknowledgment;
        tcp.set_options_raw(options).unwrap();
        tcp.fin = flags.contains(Flags::FIN);
        tcp.syn = flags.contains(Flags::SYN);
        tcp.rst = flags.contains(Flags::RST);
        tcp.psh = flags.contains(Flags::PSH);
        tcp.ack = flags.contains(Flags::ACK);
        tcp.checksum = tcp.calc_checksum_ipv4_raw(source, destination, payload).unwrap();
        [tcp.to_bytes().as_slice(), payload].concat()
    }
}

fn icmp(kind: Icmpv4Type, data: &[u8]) -> Vec<u8> {
    [Icmpv4Header::with_checksum(kind, data).to_bytes().as_slice(), data].concat()
}
