//! Strategies of proptest for frames of every kind.

use std::net::Ipv4Addr;

use etherparse::{Icmpv4Type, icmpv4};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{Content, Frame, TcpFields};
use crate::ethernet::{EtherType, Tag};
use crate::tcp::Flags;
use crate::{FiveTuple, MacAddress, Port, Protocol};

/// An address that a host can have.
pub fn address() -> impl Strategy<Value = Ipv4Addr> {
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
pub fn port() -> impl Strategy<Value = u16> {
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

/// A TCP segment with any flags, options and data.
pub fn tcp() -> impl Strategy<Value = Content> {
    ((port(), port()), any::<u32>(), 0u8..32, words(), bytes()).prop_map(
        |(ports, sequence, flags, options, payload)| {
            Content::Tcp(TcpFields {
                ports,
                sequence,
                acknowledgment: sequence.rotate_left(7) ^ 0x5a5a,
                flags: Flags::from_bits(flags),
                options,
                payload,
            })
        },
    )
}

/// A UDP datagram with any data, with a checksum or without.
pub fn udp() -> impl Strategy<Value = Content> {
    ((port(), port()), any::<bool>(), bytes())
        .prop_map(|(ports, checksummed, payload)| Content::Udp { ports, checksummed, payload })
}

/// A ping or its answer.
pub fn echo() -> impl Strategy<Value = Content> {
    (any::<bool>(), port(), any::<u16>(), bytes()).prop_map(|(is_reply, id, sequence, payload)| {
        Content::Echo { is_reply, id, sequence, payload }
    })
}

/// A packet of a flow: TCP, UDP or echo.
pub fn flow_content() -> impl Strategy<Value = Content> {
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
pub fn error() -> impl Strategy<Value = Content> {
    let quoted = any_packet(flow_content()).prop_map(|frame| Frame { cut: None, ..frame });
    let length = prop_oneof![Just(8usize), 9usize..17, 18usize..100, Just(2000)];
    (error_kind(), quoted, length).prop_map(|(kind, quoted, quoted_payload)| Content::Error {
        kind,
        quoted: Box::new(quoted),
        quoted_payload,
    })
}

/// Up to two tags: a customer's, and a service's before it.
fn tags() -> impl Strategy<Value = Vec<Tag>> {
    vec(any::<u16>(), 0..=2).prop_map(|controls| {
        let types = [EtherType::VLAN, EtherType::SERVICE_VLAN];
        let inside_out = controls.into_iter().rev().zip(types);
        let mut tags: Vec<_> =
            inside_out.map(|(control, protocol)| Tag { protocol, control }).collect();
        tags.reverse();
        tags
    })
}

/// A packet with options, tags and padding; whole.
pub fn any_packet(content: impl Strategy<Value = Content>) -> impl Strategy<Value = Frame> {
    let link = (any::<[u8; 6]>(), any::<[u8; 6]>(), tags(), 0usize..40);
    let header = (any::<u8>(), any::<u16>(), any::<bool>(), any::<u8>(), words());
    (link, header, address(), address(), content).prop_map(
        |(link, header, source, destination, content)| Frame {
            source_mac: MacAddress(link.0),
            destination_mac: MacAddress(link.1),
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
            flaws: Vec::new(),
        },
    )
}

/// As [`any_packet`], of every kind, fragments among them.
pub fn packet_or_fragment() -> impl Strategy<Value = Frame> {
    let content = prop_oneof![4 => flow_content(), 1 => error(), 1 => other()];
    (any_packet(content), option::weighted(0.3, (0usize..40, 1usize..200)))
        .prop_map(|(frame, cut)| Frame { cut, ..frame })
}

/// A packet that the fast path takes.
pub fn plain() -> impl Strategy<Value = Frame> {
    any_packet(prop_oneof![tcp(), udp()]).prop_map(|frame| Frame {
        tags: Vec::new(),
        options: Vec::new(),
        ttl: frame.ttl.max(2),
        ..frame
    })
}

/// New ends for a packet of a protocol.
pub fn ends() -> impl Strategy<Value = (Ipv4Addr, Ipv4Addr, u16, u16)> {
    (address(), address(), port(), port())
}

/// A tuple of these ends.
pub fn tuple_of(
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
