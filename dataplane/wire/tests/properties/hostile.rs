//! Bytes that nobody meant to be a packet: nothing panics, and where etherparse
//! accepts them too, both read the same.

use std::net::Ipv4Addr;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;
use proptest::sample::Index;
use wire::flow::{self, EthernetAddresses, Rewrite};
use wire::parse::{self, Network, Packet, ParseError, Payload};
use wire::{FiveTuple, MacAddress, Port, Protocol, build, icmpv4, tcp, translate};

use crate::oracle::{repair, repair_icmp};
use wire::testing::generate;

/// What etherparse does not look at, and may therefore be refused alone.
const MORE_THAN_ETHERPARSE: &[ParseError] = &[
    ParseError::BadIpChecksum,
    ParseError::BadIcmpChecksum,
    ParseError::MartianSource,
    ParseError::MartianDestination,
    ParseError::BadFragment,
    ParseError::TinyFragment,
    ParseError::TruncatedArp,
    ParseError::UnsupportedArp,
    ParseError::UnknownArpOperation,
    // It reads no ports of any fragment.
    ParseError::TruncatedUdp,
    ParseError::BadUdpLength,
    ParseError::BadTcpHeaderLength,
    ParseError::TruncatedIcmp,
];

/// What the fast path doesn't look at, as no connection has such addresses.
const LOOKED_UP: [ParseError; 2] = [ParseError::MartianSource, ParseError::MartianDestination];

/// Puts the frame through everything that takes one.
fn exercise(frame: &mut [u8]) {
    let tuple = FiveTuple {
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(10, 0, 0, 2),
        source_port: Port::new(1),
        destination_port: Port::new(2),
        protocol: Protocol::Udp,
    };
    let mac = MacAddress([2; 6]);
    let fast = flow::read(frame);
    let slow = parse::frame(frame);
    match (fast, slow) {
        (Ok(flow), Ok(packet)) => {
            assert_eq!(packet.ipv4().and_then(|ip| ip.flow()), Some(flow));
        }
        // Addresses are left to the look-up.
        (Ok(_), Err(error)) => assert!(LOOKED_UP.contains(&error), "{error}"),
        (Err(_), _) => {}
    }
    flow::segment(frame);
    flow::rewrite(
        &mut frame.to_vec(),
        &Rewrite::between(&tuple, &tuple),
        EthernetAddresses::new(mac, mac),
    );
    tcp::clamp_mss(&mut frame.to_vec(), 1000);
    tcp::Options::of_segment(frame).for_each(drop);
    let Ok(packet) = slow else { return };
    agree(frame, &packet);
    build_from(frame, &packet);
    for protocol in [Protocol::Icmp, Protocol::Tcp, Protocol::Udp] {
        let new = FiveTuple { protocol, ..tuple };
        let _ = translate::packet(&mut frame.to_vec(), &packet, new);
        let _ = translate::icmp_error(&mut frame.to_vec(), &packet, new.source, new.source, new);
    }
    translate::forward(&mut frame.to_vec(), &packet, mac, mac);
    // A frame that is not the one that was read: shorter, or another.
    for length in [0, 13, 14, 33, 41, frame.len() / 2] {
        let mut other = frame.get(..length).unwrap_or_default().to_vec();
        let _ = translate::packet(&mut other, &packet, tuple);
        let _ = translate::icmp_error(&mut other, &packet, tuple.source, tuple.source, tuple);
        build_from(&mut other, &packet);
    }
}

fn build_from(frame: &mut [u8], packet: &Packet) {
    let error = icmpv4::Error::TimeExceeded { code: 0 };
    let mut output = [0; 600];
    let _ = build::icmp_error(frame, packet, error, Ipv4Addr::new(10, 0, 0, 1), &mut output);
    if let Some(pieces) = packet.ipv4().and_then(|ip| build::pieces(ip, 300)) {
        for piece in pieces {
            let _ = build::fragment(frame, packet, piece, &mut output);
        }
    }
    build::echo_reply(frame, packet);
}

/// Compares what was read with what etherparse reads.
fn agree(frame: &[u8], packet: &Packet) {
    let Network::Ipv4(ip) = packet.network else { return };
    // Authentication headers and ICMPv6 over IPv4 are taken apart by etherparse.
    if matches!(ip.protocol, 51 | 58) {
        return;
    }
    let sliced = match SlicedPacket::from_ethernet(frame) {
        Ok(sliced) => sliced,
        // Timestamps (13, 14) have a length there.
        Err(_) if matches!(ip.payload, Payload::IcmpOther { .. }) => return,
        Err(error) => panic!("etherparse refuses {packet:?}: {error}"),
    };
    let Some(NetSlice::Ipv4(other)) = &sliced.net else { panic!("no IPv4 for etherparse") };
    let header = other.header();
    assert_eq!((ip.source, ip.destination), (header.source_addr(), header.destination_addr()));
    assert_eq!((ip.ttl, ip.total_length), (header.ttl(), header.total_len()));
    assert_eq!(ip.fragment.is_some(), header.is_fragmenting_payload());
    assert_eq!(ip.dont_fragment, header.dont_fragment());
    let ports =
        |tuple: FiveTuple<Ipv4Addr>| (tuple.source_port.number(), tuple.destination_port.number());
    match (ip.payload, &sliced.transport) {
        (
            Payload::Tcp { tuple, flags, sequence, acknowledgment, header_length },
            Some(TransportSlice::Tcp(tcp)),
        ) => {
            assert_eq!(ports(tuple), (tcp.source_port(), tcp.destination_port()));
            assert_eq!(
                (sequence, acknowledgment),
                (tcp.sequence_number(), tcp.acknowledgment_number())
            );
            assert_eq!(usize::from(header_length), tcp.header_slice().len());
            assert_eq!((flags.is_rst(), flags.is_fin()), (tcp.rst(), tcp.fin()));
        }
        (Payload::Udp { tuple }, Some(TransportSlice::Udp(udp))) => {
            assert_eq!(ports(tuple), (udp.source_port(), udp.destination_port()));
        }
        (
            Payload::IcmpQuery { .. } | Payload::IcmpError { .. } | Payload::IcmpOther { .. },
            Some(TransportSlice::Icmpv4(_)),
        ) => {}
        (payload, None) => {
            assert!(ip.fragment.is_some() || matches!(payload, Payload::Other(_)), "{payload:?}");
        }
        (payload, other) => panic!("{payload:?} is {other:?} for etherparse"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn random_bytes_never_panic(mut frame in prop::collection::vec(any::<u8>(), 0..200), ip: bool) {
        if let (true, Some(start)) = (ip, frame.get_mut(12..15)) {
            start.copy_from_slice(&[8, 0, 0x45]);
            repair(&mut frame, 14);
        }
        exercise(&mut frame);
    }

    #[test]
    fn mutated_packets_never_panic_and_are_read_as_etherparse_reads_them(
        spec in generate::packet_or_fragment(),
        mutations in prop::collection::vec((any::<Index>(), any::<u8>()), 1..6),
        in_headers in any::<bool>(),
        repaired in prop::bool::weighted(0.9),
        length in prop::option::weighted(0.2, any::<Index>()),
    ) {
        let mut frame = spec.build();
        let l3 = 14 + 4 * spec.tags.len();
        let reach = if in_headers { frame.len().min(l3 + 70) } else { frame.len() };
        for (at, value) in &mutations {
            frame[at.index(reach)] = *value;
        }
        if repaired {
            repair_icmp(&mut frame, l3);
            repair(&mut frame, l3);
        }
        if let Some(length) = length {
            let length = length.index(frame.len());
            frame.truncate(length);
        }
        if let (Err(error), Ok(_)) = (parse::frame(&frame), SlicedPacket::from_ethernet(&frame)) {
            prop_assert!(MORE_THAN_ETHERPARSE.contains(&error), "refused alone: {}", error);
        }
        exercise(&mut frame);
    }
}

/// A cheap generator of many frames: xorshift, seeded the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

#[test]
fn a_hundred_thousand_mutants_of_each_kind_never_panic() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut accepted = 0;
    for strategy in [
        generate::any_packet(generate::flow_content()).boxed(),
        generate::any_packet(generate::error()).boxed(),
        generate::packet_or_fragment().boxed(),
    ] {
        for _ in 0..200 {
            let spec = strategy.new_tree(&mut runner).unwrap().current();
            let (frame, l3) = (spec.build(), 14 + 4 * spec.tags.len());
            for _ in 0..500 {
                let mut mutant = frame.clone();
                for _ in 0..=random.below(4) {
                    let at = random.below(mutant.len().min(l3 + 90));
                    mutant[at] = random.next() as u8;
                }
                mutant.truncate(mutant.len() - random.below(3));
                repair_icmp(&mut mutant, l3);
                repair(&mut mutant, l3);
                accepted += usize::from(parse::frame(&mutant).is_ok());
                exercise(&mut mutant);
            }
        }
    }
    assert!(accepted > 30_000, "only {accepted} were let through to be translated");
}
