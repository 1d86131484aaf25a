//! One frame for each way to be malformed, and what else the parser must not take for
//! more than it is.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use etherparse::Icmpv4Type;
use etherparse::icmpv4::TimeExceededCode;
use wire::parse::{self, ParseError, Payload};
use wire::{MacAddress, arp, build, flow, translate};

use crate::oracle::{repair, repair_icmp};
use wire::tcp::Flags;
use wire::testing::{Content, Flaw, Frame};

const CLIENT: (Ipv4Addr, u16) = (Ipv4Addr::new(198, 51, 100, 100), 4000);
const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);

fn udp() -> Frame {
    Frame::udp(CLIENT, (VIP, 53)).payload([7; 30])
}

fn tcp() -> Frame {
    Frame::tcp(CLIENT, (VIP, 80), Flags::SYN).tcp_options(&[1; 8]).payload([7; 30])
}

fn raw(protocol: u8, payload: &[u8]) -> Frame {
    Frame::other(CLIENT.0, VIP, protocol, payload)
}

/// The frame with one byte changed and the IP header checksum right.
fn with(spec: &Frame, at: usize, value: u8) -> Vec<u8> {
    spec.clone().flaw(Flaw::IpByte { at: at - 14, value }).build()
}

fn arp_with(at: usize, value: u8) -> Vec<u8> {
    let ip = Ipv4Addr::new(10, 0, 0, 1);
    let packet = arp::Packet::gratuitous_request(MacAddress([2; 6]), ip);
    let mut frame = vec![0; build::ARP_FRAME];
    assert_eq!(build::arp(&mut frame, MacAddress::BROADCAST, &packet), Some(60));
    assert_eq!(parse::frame(&frame).map(|read| read.network), Ok(parse::Network::Arp(packet)));
    frame[at] = value;
    frame
}

/// Offsets in an untagged frame.
const VERSION: usize = 14;
const TOTAL_LENGTH: usize = 17;
const FLAGS: usize = 20;
const OFFSET: usize = 21;
const SOURCE: usize = 26;
const DESTINATION: usize = 30;
const TRANSPORT: usize = 34;

fn malformed() -> Vec<(ParseError, Vec<u8>)> {
    let wrong_sum = udp().flaw(Flaw::IpChecksum).build();
    let echo = Frame::echo_request(CLIENT.0, VIP, 1).payload([7; 30]);
    let wrong_icmp = echo.flaw(Flaw::TransportChecksum).build();
    vec![
        (ParseError::TruncatedEthernet, udp().build()[..13].to_vec()),
        (ParseError::TruncatedArp, arp_with(0, 0xff)[..14 + 27].to_vec()),
        (ParseError::UnsupportedArp, arp_with(15, 6)),
        (ParseError::UnknownArpOperation, arp_with(21, 3)),
        (ParseError::TruncatedIpv4, udp().build()[..14 + 19].to_vec()),
        (ParseError::TruncatedIpv4, with(&raw(2, &[]), VERSION, 0x46)),
        (ParseError::BadIpVersion, with(&udp(), VERSION, 0x65)),
        (ParseError::BadIpHeaderLength, with(&udp(), VERSION, 0x44)),
        (ParseError::BadIpTotalLength, with(&udp(), TOTAL_LENGTH, 19)),
        (ParseError::BadIpTotalLength, with(&udp(), TOTAL_LENGTH, 20 + 8 + 30 + 1)),
        (ParseError::BadIpChecksum, wrong_sum),
        (ParseError::MartianSource, with(&udp(), SOURCE, 0)),
        (ParseError::MartianSource, with(&udp(), SOURCE, 127)),
        (ParseError::MartianSource, with(&udp(), SOURCE, 224)),
        (ParseError::MartianSource, with(&udp(), SOURCE, 255)),
        (ParseError::MartianDestination, with(&udp(), DESTINATION, 127)),
        (ParseError::MartianDestination, with(&udp(), DESTINATION, 0)),
        // 38 bytes, and others follow.
        (ParseError::BadFragment, with(&udp(), FLAGS, 0x20)),
        // Up to 65520 + 38 bytes: the ping of death.
        (ParseError::BadFragment, with(&udp(), FLAGS, 0x1f).tap(OFFSET, 0xfe)),
        (ParseError::BadFragment, with(&raw(17, &[]), OFFSET, 9)),
        (ParseError::TinyFragment, Frame { cut: Some((0, 3)), ..tcp() }.build()),
        (ParseError::TinyFragment, Frame { cut: Some((0, 2)), ..tcp() }.build()),
        (ParseError::TinyFragment, Frame { cut: Some((1, 3)), ..tcp() }.build()),
        (ParseError::TruncatedTcp, raw(6, &[0x50; 19]).build()),
        (ParseError::TruncatedTcp, raw(6, &[0xf0; 59]).build()),
        (ParseError::BadTcpHeaderLength, with(&tcp(), TRANSPORT + 12, 0x40)),
        (ParseError::TruncatedUdp, raw(17, &[0; 7]).build()),
        (ParseError::BadUdpLength, with(&udp(), TRANSPORT + 5, 7)),
        (ParseError::BadUdpLength, with(&udp(), TRANSPORT + 5, 39)),
        (ParseError::TruncatedIcmp, raw(1, &[0; 7]).build()),
        (ParseError::BadIcmpChecksum, wrong_icmp),
    ]
}

/// One more byte changed.
trait Tap {
    fn tap(self, at: usize, value: u8) -> Self;
}

impl Tap for Vec<u8> {
    fn tap(mut self, at: usize, value: u8) -> Self {
        self[at] = value;
        repair(&mut self, 14);
        self
    }
}

#[test]
fn each_defect_is_refused_under_its_name_and_not_taken_by_the_fast_path() {
    let mut seen = HashSet::new();
    for (error, frame) in malformed() {
        assert_eq!(parse::frame(&frame), Err(error), "{frame:02x?}");
        // Addresses are left to the look-up: no connection has such ones.
        if !matches!(error, ParseError::MartianSource | ParseError::MartianDestination) {
            assert!(flow::read(&frame).is_err(), "{error}");
        }
        seen.insert(error);
    }
    for error in ParseError::ALL {
        assert!(seen.contains(error), "no frame for {}", error.name());
    }
}

#[test]
fn a_packet_on_its_last_hop_is_left_to_the_slow_path_and_not_forwarded() {
    for (ttl, goes_on) in [(0, false), (1, false), (2, true)] {
        let mut frame = Frame { ttl, ..udp() }.build();
        let original = frame.clone();
        assert_eq!(flow::read(&frame).is_ok(), goes_on, "TTL {ttl}");
        let packet = parse::frame(&frame).unwrap();
        let mac = MacAddress([4; 6]);
        assert_eq!(translate::forward(&mut frame, &packet, mac, mac), goes_on, "TTL {ttl}");
        assert_eq!(frame == original, !goes_on, "TTL {ttl}");
    }
}

/// How an error that quotes so many bytes of a packet's payload is read.
fn read_error_about(quoted: Frame, quoted_payload: usize) -> Payload {
    let kind = Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit);
    let content = Content::Error { kind, quoted: Box::new(quoted), quoted_payload };
    parse::frame(&Frame::of(content).build()).unwrap().ipv4().unwrap().payload
}

#[test]
fn an_error_belongs_to_a_flow_only_if_its_ports_are_quoted() {
    let unknown = Payload::IcmpOther { type_number: 11, code: 0 };
    for whole in [udp(), tcp()] {
        assert_eq!(read_error_about(whole.clone(), 7), unknown, "7 bytes");
        let known = read_error_about(whole.clone(), 8);
        assert!(matches!(known, Payload::IcmpError { embedded, .. }
            if Some(embedded.tuple) == whole.tuple() && embedded.l4_length == 8));
        let later = Frame { cut: Some((3, 100)), ..whole };
        assert_eq!(read_error_about(later, 100), unknown, "a later fragment");
    }
    assert_eq!(read_error_about(raw(47, &[0; 40]), 40), unknown, "GRE");
    let kind = Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit);
    let inner = Content::Error { kind, quoted: Box::new(udp()), quoted_payload: 8 };
    assert_eq!(read_error_about(Frame::of(inner), 100), unknown, "an error about an error");
}

#[test]
fn a_quoted_header_is_not_believed() {
    let kind = Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit);
    let content = Content::Error { kind, quoted: Box::new(udp()), quoted_payload: 20 };
    let spec = Frame::of(content);
    // Some hosts quote the total length in their own byte order, and a checksum that
    // they had not finished.
    let quoted = TRANSPORT + 8;
    let mut frame = spec.build();
    frame.swap(quoted + 2, quoted + 3);
    frame[quoted + 10] ^= 0x55;
    repair_icmp(&mut frame, 14);
    let payload = parse::frame(&frame).unwrap().ipv4().unwrap().payload;
    assert!(matches!(payload, Payload::IcmpError { embedded, .. }
        if Some(embedded.tuple) == udp().tuple()));
    // But what is no IPv4 header at all tells of no flow.
    for version_and_length in [0x65, 0x44, 0x4f] {
        frame[quoted] = version_and_length;
        repair_icmp(&mut frame, 14);
        let payload = parse::frame(&frame).unwrap().ipv4().unwrap().payload;
        assert!(matches!(payload, Payload::IcmpOther { type_number: 11, code: 0 }));
    }
}

#[test]
fn other_protocols_are_told_by_number() {
    let mut frame = udp().build();
    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
    assert_eq!(parse::frame(&frame).unwrap().network, parse::Network::Ipv6);
    frame[12..14].copy_from_slice(&[0x88, 0xcc]);
    let lldp = wire::ethernet::EtherType(0x88cc);
    assert_eq!(parse::frame(&frame).unwrap().network, parse::Network::Other(lldp));
}
