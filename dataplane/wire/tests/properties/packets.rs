//! Packets to test with: their description, its strategies, and their bytes as
//! etherparse makes them.

use std::net::Ipv4Addr;

use etherparse::{
    EtherType, Ethernet2Header, Icmpv4Header, Icmpv4Type, IpFragOffset, IpNumber, Ipv4Header,
    TcpHeader, UdpHeader, VlanId, VlanPcp, icmpv4,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wire::{FiveTuple, Port, Protocol};

#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) source_mac: [u8; 6],
    pub(crate) destination_mac: [u8; 6],
    pub(crate) tags: Vec<u16>,
    pub(crate) tos: u8,
    pub(crate) identification: u16,
    pub(crate) dont_fragment: bool,
    pub(crate) ttl: u8,
    pub(crate) options: Vec<u8>,
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) content: Content,
    /// Which eights of bytes of the payload the packet holds, if it is a fragment.
    pub(crate) cut: Option<(usize, usize)>,
    pub(crate) padding: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Tcp { ports: (u16, u16), sequence: u32, flags: u8, options: Vec<u8>, payload: Vec<u8> },
    Udp { ports: (u16, u16), checksummed: bool, payload: Vec<u8> },
    Echo { is_reply: bool, id: u16, sequence: u16, payload: Vec<u8> },
    Error { kind: Icmpv4Type, quoted: Box<Spec>, quoted_payload: usize },
    Other { protocol: u8, payload: Vec<u8> },
}

impl Spec {
    /// A packet with nothing special but what it carries.
    pub(crate) fn of(content: Content) -> Spec {
        Spec {
            source_mac: [2, 0, 0, 0, 0, 1],
            destination_mac: [2, 0, 0, 0, 0, 2],
            tags: Vec::new(),
            tos: 0,
            identification: 7,
            dont_fragment: false,
            ttl: 64,
            options: Vec::new(),
            source: Ipv4Addr::new(198, 51, 100, 100),
            destination: Ipv4Addr::new(198, 51, 100, 10),
            content,
            cut: None,
            padding: 0,
        }
    }

    pub(crate) fn protocol(&self) -> u8 {
        match self.content {
            Content::Tcp { .. } => 6,
            Content::Udp { .. } => 17,
            Content::Echo { .. } | Content::Error { .. } => 1,
            Content::Other { protocol, .. } => protocol,
        }
    }

    /// The flow, as the documentation of `FiveTuple` defines it.
    pub(crate) fn tuple(&self) -> Option<FiveTuple<Ipv4Addr>> {
        let (ports, protocol) = match self.content {
            Content::Tcp { ports, .. } => (ports, Protocol::Tcp),
            Content::Udp { ports, .. } => (ports, Protocol::Udp),
            Content::Echo { is_reply: false, id, .. } => ((id, 0), Protocol::Icmp),
            Content::Echo { is_reply: true, id, .. } => ((0, id), Protocol::Icmp),
            Content::Error { .. } | Content::Other { .. } => return None,
        };
        Some(FiveTuple {
            source: self.source,
            destination: self.destination,
            source_port: Port::new(ports.0),
            destination_port: Port::new(ports.1),
            protocol,
        })
    }

    /// The same packet with other ends.
    pub(crate) fn with_ends(&self, new: FiveTuple<Ipv4Addr>) -> Spec {
        let mut spec = Spec { source: new.source, destination: new.destination, ..self.clone() };
        let (from, to) = (new.source_port.number(), new.destination_port.number());
        match &mut spec.content {
            Content::Tcp { ports, .. } | Content::Udp { ports, .. } => *ports = (from, to),
            Content::Echo { is_reply, id, .. } => *id = if *is_reply { to } else { from },
            Content::Error { .. } | Content::Other { .. } => {}
        }
        spec
    }

    /// What the IP packet carries, before fragmentation.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let (source, destination) = (self.source.octets(), self.destination.octets());
        match &self.content {
            Content::Tcp { ports, sequence, flags, options, payload } => {
                let mut tcp = TcpHeader::new(ports.0, ports.1, *sequence, 1024);
                tcp.acknowledgment_number = sequence.rotate_left(7) ^ 0x5a5a;
                tcp.set_options_raw(options).unwrap();
                tcp.fin = flags & 1 != 0;
                tcp.syn = flags & 2 != 0;
                tcp.rst = flags & 4 != 0;
                tcp.psh = flags & 8 != 0;
                tcp.ack = flags & 16 != 0;
                tcp.checksum = tcp.calc_checksum_ipv4_raw(source, destination, payload).unwrap();
                [tcp.to_bytes().as_slice(), payload].concat()
            }
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
                let echo = etherparse::IcmpEchoHeader { id: *id, seq: *sequence };
                let kind = if *is_reply {
                    Icmpv4Type::EchoReply(echo)
                } else {
                    Icmpv4Type::EchoRequest(echo)
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

    pub(crate) fn ip_packet(&self) -> Vec<u8> {
        let payload = self.payload();
        let (start, end) = self.range(payload.len());
        let mut header = Ipv4Header::new(
            (end - start) as u16,
            self.ttl,
            IpNumber(self.protocol()),
            [0; 4],
            [0; 4],
        )
        .unwrap();
        header.dscp = (self.tos >> 2).try_into().unwrap();
        header.ecn = (self.tos & 3).try_into().unwrap();
        header.identification = self.identification;
        header.dont_fragment = self.dont_fragment;
        header.more_fragments = end < payload.len();
        header.fragment_offset = IpFragOffset::try_new((start / 8) as u16).unwrap();
        header.source = self.source.octets();
        header.destination = self.destination.octets();
        header.options = self.options.as_slice().try_into().unwrap();
        header.total_len = (header.header_len() + end - start) as u16;
        header.header_checksum = header.calc_header_checksum();
        [header.to_bytes().as_slice(), &payload[start..end]].concat()
    }

    /// The bytes of the whole payload that the packet holds.
    pub(crate) fn range(&self, length: usize) -> (usize, usize) {
        let Some((start, eights)) = self.cut else { return (0, length) };
        let start = (start * 8).min((length.saturating_sub(1)) & !7);
        (start, (start + eights * 8).min(length))
    }

    pub(crate) fn is_fragment(&self) -> bool {
        let length = self.payload().len();
        self.range(length) != (0, length)
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut types = vec![EtherType(0x88a8), EtherType(0x8100)];
        types.drain(..2 - self.tags.len());
        types.push(EtherType::IPV4);
        let ethernet = Ethernet2Header {
            source: self.source_mac,
            destination: self.destination_mac,
            ether_type: types[0],
        };
        let mut frame = ethernet.to_bytes().to_vec();
        for (tag, next) in self.tags.iter().zip(&types[1..]) {
            let header = etherparse::SingleVlanHeader {
                pcp: VlanPcp::try_new((tag >> 13) as u8).unwrap(),
                drop_eligible_indicator: tag & 0x1000 != 0,
                vlan_id: VlanId::try_new(tag & 0x0fff).unwrap(),
                ether_type: *next,
            };
            frame.extend(header.to_bytes());
        }
        frame.extend(self.ip_packet());
        frame.resize(frame.len() + self.padding, 0);
        frame
    }
}

fn icmp(kind: Icmpv4Type, data: &[u8]) -> Vec<u8> {
    [Icmpv4Header::with_checksum(kind, data).to_bytes().as_slice(), data].concat()
}

/// An address that a host can have.
pub(crate) fn address() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        4 => any::<u32>().prop_map(|bits| {
            let [first, rest @ ..] = bits.to_be_bytes();
            let first = match first { 0 | 127 => 10, 224.. => first - 200, other => other };
            let [b, c, d] = rest;
            Ipv4Addr::new(first, b, c, d)
        }),
        1 => Just(Ipv4Addr::new(10, 0, 0, 1)),
        1 => Just(Ipv4Addr::new(198, 51, 100, 10)),
    ]
}

/// Ports, with the ends of their range often.
pub(crate) fn port() -> impl Strategy<Value = u16> {
    prop_oneof![8 => any::<u16>(), 1 => Just(0), 1 => Just(0xffff)]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..64),
        2 => vec(any::<u8>(), 0..1400),
        // Sums at the edge of the ones' complement.
        1 => vec(prop_oneof![Just(0u8), Just(0xff)], 0..40),
    ]
}

fn words() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => Just(Vec::new()), 1 => (0usize..=10).prop_flat_map(|n| vec(any::<u8>(), 4 * n))]
}

pub(crate) fn tcp() -> impl Strategy<Value = Content> {
    ((port(), port()), any::<u32>(), 0u8..32, words(), bytes()).prop_map(
        |(ports, sequence, flags, options, payload)| Content::Tcp {
            ports,
            sequence,
            flags,
            options,
            payload,
        },
    )
}

pub(crate) fn udp() -> impl Strategy<Value = Content> {
    ((port(), port()), any::<bool>(), bytes())
        .prop_map(|(ports, checksummed, payload)| Content::Udp { ports, checksummed, payload })
}

pub(crate) fn echo() -> impl Strategy<Value = Content> {
    (any::<bool>(), port(), any::<u16>(), bytes()).prop_map(|(is_reply, id, sequence, payload)| {
        Content::Echo { is_reply, id, sequence, payload }
    })
}

/// A packet of a flow: TCP, UDP or echo.
pub(crate) fn flow_content() -> impl Strategy<Value = Content> {
    prop_oneof![tcp(), udp(), echo()]
}

fn other() -> impl Strategy<Value = Content> {
    // No authentication header (51): etherparse reads on behind it.
    (prop_oneof![Just(2u8), Just(47), Just(50), Just(132)], bytes())
        .prop_map(|(protocol, payload)| Content::Other { protocol, payload })
}

fn error_kind() -> impl Strategy<Value = Icmpv4Type> {
    use icmpv4::{DestUnreachableHeader as Unreachable, TimeExceededCode};
    prop_oneof![
        Just(Icmpv4Type::DestinationUnreachable(Unreachable::Port)),
        Just(Icmpv4Type::DestinationUnreachable(Unreachable::FilterProhibited)),
        any::<u16>().prop_map(|next_hop_mtu| Icmpv4Type::DestinationUnreachable(
            Unreachable::FragmentationNeeded { next_hop_mtu }
        )),
        Just(Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit)),
        any::<u8>().prop_map(|pointer| Icmpv4Type::ParameterProblem(
            icmpv4::ParameterProblemHeader::PointerIndicatesError(pointer)
        )),
    ]
}

/// An error about a packet of a flow, cut off somewhere behind eight bytes of its
/// payload; not within a TCP checksum, half of which nothing could be done about.
pub(crate) fn error() -> impl Strategy<Value = Content> {
    let quoted = any_packet(flow_content()).prop_map(|spec| Spec { cut: None, ..spec });
    let length = prop_oneof![Just(8usize), 9usize..17, 18usize..100, Just(2000)];
    (error_kind(), quoted, length).prop_map(|(kind, quoted, quoted_payload)| Content::Error {
        kind,
        quoted: Box::new(quoted),
        quoted_payload,
    })
}

/// A packet with options, tags and padding; whole.
pub(crate) fn any_packet(content: impl Strategy<Value = Content>) -> impl Strategy<Value = Spec> {
    let link = (any::<[u8; 6]>(), any::<[u8; 6]>(), vec(any::<u16>(), 0..=2), 0usize..40);
    let header = (any::<u8>(), any::<u16>(), any::<bool>(), any::<u8>(), words());
    (link, header, address(), address(), content).prop_map(
        |(link, header, source, destination, content)| Spec {
            source_mac: link.0,
            destination_mac: link.1,
            tags: link.2,
            tos: header.0,
            identification: header.1,
            dont_fragment: header.2,
            ttl: header.3,
            options: header.4,
            source,
            destination,
            content,
            cut: None,
            padding: link.3,
        },
    )
}

/// As [`any_packet`], of every kind, fragments among them.
pub(crate) fn packet_or_fragment() -> impl Strategy<Value = Spec> {
    let content = prop_oneof![4 => flow_content(), 1 => error(), 1 => other()];
    (any_packet(content), option::weighted(0.3, (0usize..40, 1usize..200)))
        .prop_map(|(spec, cut)| Spec { cut, ..spec })
}

/// A packet that the fast path takes.
pub(crate) fn plain() -> impl Strategy<Value = Spec> {
    any_packet(prop_oneof![tcp(), udp()]).prop_map(|spec| Spec {
        tags: Vec::new(),
        options: Vec::new(),
        ttl: spec.ttl.max(2),
        ..spec
    })
}

/// New ends for a packet of a protocol.
pub(crate) fn ends() -> impl Strategy<Value = (Ipv4Addr, Ipv4Addr, u16, u16)> {
    (address(), address(), port(), port())
}

/// A tuple of these ends.
pub(crate) fn tuple_of(
    (source, destination, from, to): (Ipv4Addr, Ipv4Addr, u16, u16),
    protocol: Protocol,
) -> FiveTuple<Ipv4Addr> {
    FiveTuple {
        source,
        destination,
        source_port: Port::new(from),
        destination_port: Port::new(to),
        protocol,
    }
}
