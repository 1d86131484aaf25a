//! What the router makes itself, judged by etherparse.

use std::net::Ipv4Addr;

use etherparse::{NetSlice, SlicedPacket};
use proptest::prelude::*;
use wire::parse::{self, Payload};
use wire::{Protocol, build, icmpv4, translate};

use crate::oracle::assert_checksums;
use wire::testing::{Content, Frame, generate};

const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

proptest! {
    #[test]
    fn an_error_quotes_what_fits_and_reaches_the_sender(
        spec in generate::any_packet(generate::flow_content()), next_hop_mtu in any::<u16>(),
    ) {
        prop_assume!(spec.destination_mac.0[0] & 1 == 0);
        let frame = spec.build();
        let packet = parse::frame(&frame).unwrap();
        let error = icmpv4::Error::DestinationUnreachable {
            code: icmpv4::unreachable::FRAGMENTATION_NEEDED,
            next_hop_mtu,
        };
        let mut output = [0xaa; 600];
        let length = build::icmp_error(&frame, &packet, error, ROUTER, &mut output).unwrap();
        let made = &output[..length];
        assert_checksums(made);
        let read = parse::frame(made).unwrap();
        let ip = read.ipv4().unwrap();
        prop_assert_eq!(read.destination_mac, spec.source_mac);
        prop_assert_eq!((ip.source, ip.destination), (ROUTER, spec.source));
        let Payload::IcmpError { kind, embedded } = ip.payload else {
            return Err(TestCaseError::fail("not read as an error"));
        };
        prop_assert_eq!(kind, error);
        prop_assert_eq!(Some(embedded.tuple), spec.tuple());
        let quoted = &made[14 + 20 + 8..];
        let original = spec.ip_packet();
        prop_assert_eq!(quoted, &original[..original.len().min(548)]);
        // And never an error about an error.
        let again = build::icmp_error(made, &read, error, ROUTER, &mut [0; 600]);
        prop_assert_eq!(again, Err(build::Refused::AboutError));
    }

    #[test]
    fn a_ping_is_answered(spec in generate::any_packet(generate::echo())) {
        let mut frame = spec.build();
        let packet = parse::frame(&frame).unwrap();
        let Content::Echo { is_reply, id, sequence, payload } = spec.content.clone() else {
            unreachable!()
        };
        prop_assert_eq!(build::echo_reply(&mut frame, &packet), !is_reply);
        let expected = Frame {
            source_mac: spec.destination_mac,
            destination_mac: spec.source_mac,
            source: spec.destination,
            destination: spec.source,
            ttl: 64,
            content: Content::Echo { is_reply: true, id, sequence, payload },
            ..spec.clone()
        };
        prop_assert_eq!(frame, if is_reply { spec.build() } else { expected.build() });
    }

    #[test]
    fn fragments_are_translated_one_by_one_and_make_the_whole_translated(
        spec in generate::any_packet(generate::flow_content()),
        mtu in 128u16..600,
        ends in generate::ends(),
    ) {
        let spec = Frame { dont_fragment: false, options: nop_options(&spec), ..spec };
        let frame = spec.build();
        let packet = parse::frame(&frame).unwrap();
        let protocol = Protocol::from_number(spec.protocol()).unwrap();
        let new = generate::tuple_of(ends, protocol);
        let mut whole = Vec::new();
        for piece in build::pieces(packet.ipv4().unwrap(), mtu).unwrap() {
            let mut output = [0; 700];
            let length = build::fragment(&frame, &packet, piece, &mut output).unwrap();
            let fragment = &mut output[..length];
            prop_assert!(length - 14 - 4 * spec.tags.len() <= usize::from(mtu));
            let read = parse::frame(fragment).unwrap();
            prop_assert_eq!(translate::packet(fragment, &read, new), Ok(()));
            let read = parse::frame(fragment).unwrap();
            let ip = read.ipv4().unwrap();
            prop_assert_eq!((ip.source, ip.destination), (ends.0, ends.1));
            prop_assert_eq!(ip.fragment.map_or(0, |f| usize::from(f.offset)), whole.len());
            prop_assert_eq!(ip.fragment.is_some_and(|f| f.more), piece.more);
            whole.extend_from_slice(&fragment[usize::from(ip.l4_offset())..ip.end()]);
        }
        prop_assert_eq!(whole, spec.with_ends(new).whole_payload());
    }

    #[test]
    fn a_fragment_is_cut_further(
        spec in generate::any_packet(generate::udp()),
        (first, eights) in (10usize..30, 1usize..100),
        mtu in 68u16..150,
    ) {
        let whole = spec.whole_payload();
        prop_assume!(whole.len() > first * 8);
        let cut = Some((first, eights));
        let spec = Frame { dont_fragment: false, options: nop_options(&spec), cut, ..spec };
        let frame = spec.build();
        let packet = parse::frame(&frame).unwrap();
        let mut expected = spec.range(whole.len()).0;
        for piece in build::pieces(packet.ipv4().unwrap(), mtu).unwrap() {
            let mut output = [0; 700];
            let length = build::fragment(&frame, &packet, piece, &mut output).unwrap();
            let read = parse::frame(&output[..length]).unwrap();
            let ip = read.ipv4().unwrap();
            prop_assert_eq!(usize::from(ip.fragment.unwrap().offset), expected);
            let payload = &output[usize::from(ip.l4_offset())..ip.end()];
            prop_assert_eq!(payload, &whole[expected..expected + payload.len()]);
            expected += payload.len();
            prop_assert_eq!(ip.fragment.unwrap().more, expected < whole.len());
        }
        prop_assert_eq!(expected, spec.range(whole.len()).1);
    }
}

/// As many options as the packet has, all of them padding.
fn nop_options(spec: &Frame) -> Vec<u8> {
    vec![1; spec.options.len()]
}

fn udp_frame(payload: &[u8]) -> Vec<u8> {
    let frame = Frame::udp(([198, 51, 100, 100], 4000), ([198, 51, 100, 10], 53));
    frame.payload(payload).dont_fragment().build()
}

fn refusal(frame: &[u8]) -> Option<build::Refused> {
    build::may_send_error(&parse::frame(frame).unwrap()).err()
}

fn datagram() -> Frame {
    Frame::udp(([198, 51, 100, 100], 4000), ([198, 51, 100, 10], 53)).payload([7; 30])
}

#[test]
fn no_error_is_made_about_what_went_to_many() {
    let to = |destination| Frame { destination, ..datagram() }.build();
    assert_eq!(refusal(&to(ROUTER)), None);
    let many = Some(build::Refused::SentToMany);
    assert_eq!(refusal(&to(Ipv4Addr::BROADCAST)), many);
    assert_eq!(refusal(&to(Ipv4Addr::new(224, 0, 0, 18))), many);
    let mut frame = to(ROUTER);
    frame[0] |= 1;
    assert_eq!(refusal(&frame), many, "over the link to many");
}

#[test]
fn no_error_is_made_about_errors_and_later_fragments() {
    let later = Frame { cut: Some((2, 9)), ..datagram() };
    assert_eq!(refusal(&later.build()), Some(build::Refused::LaterFragment));
    let first = Frame { cut: Some((0, 2)), ..datagram() };
    assert_eq!(refusal(&first.build()), None);
    for (type_number, is_error) in [(3, true), (5, true), (11, true), (13, false)] {
        // Quotes nothing from which a flow could be told.
        let mut message = vec![type_number, 0, 0, 0, 0, 0, 0, 0];
        let checksum = crate::oracle::checksum(&message);
        message[2..4].copy_from_slice(&checksum);
        let spec = Frame::of(Content::Other { protocol: 1, payload: message });
        let expected = is_error.then_some(build::Refused::AboutError);
        assert_eq!(refusal(&spec.build()), expected, "type {type_number}");
    }
}

#[test]
fn a_ping_of_zeros_is_answered_with_a_checksum_of_ones() {
    for length in [0, 1, 56] {
        let echo =
            |is_reply| Content::Echo { is_reply, id: 0, sequence: 0, payload: vec![0; length] };
        let mut frame = Frame::of(echo(false)).build();
        let packet = parse::frame(&frame).unwrap();
        assert!(build::echo_reply(&mut frame, &packet));
        assert_checksums(&frame);
        assert_eq!(frame[34..38], [0, 0, 0xff, 0xff]);
        assert!(parse::frame(&frame).is_ok());
    }
}

#[test]
fn part_of_a_ping_is_not_answered() {
    let content = Content::Echo { is_reply: false, id: 1, sequence: 2, payload: vec![7; 60] };
    let spec = Frame { cut: Some((0, 4)), ..Frame::of(content) };
    let mut frame = spec.build();
    let packet = parse::frame(&frame).unwrap();
    assert!(!build::echo_reply(&mut frame, &packet));
    assert_eq!(frame, spec.build());
}

#[test]
fn a_small_output_is_refused_and_not_overrun() {
    let frame = udp_frame(&[7; 1000]);
    let packet = parse::frame(&frame).unwrap();
    let error = icmpv4::Error::TimeExceeded { code: icmpv4::exceeded::TRANSIT };
    for size in 0..590 {
        let mut output = vec![0; size];
        let made = build::icmp_error(&frame, &packet, error, ROUTER, &mut output);
        assert_eq!(made, Err(build::Refused::OutputTooSmall));
    }
    assert_eq!(build::icmp_error(&frame, &packet, error, ROUTER, &mut [0; 590]), Ok(590));
}

#[test]
fn only_the_options_marked_so_are_copied_to_later_fragments() {
    // Record route (7) belongs to the first alone, router alert (0x94) to all.
    let options = vec![7, 3, 4, 1, 0x94, 4, 0, 0];
    let content = Content::Udp { ports: (1, 2), checksummed: true, payload: (0..=255).collect() };
    let spec = Frame { options: options.clone(), ..Frame::of(content) };
    let frame = spec.build();
    let packet = parse::frame(&frame).unwrap();
    let mut seen = Vec::new();
    for piece in build::pieces(packet.ipv4().unwrap(), 128).unwrap() {
        let mut output = [0; 200];
        let length = build::fragment(&frame, &packet, piece, &mut output).unwrap();
        assert_checksums(&output[..length]);
        let sliced = SlicedPacket::from_ethernet(&output[..length]).unwrap();
        let Some(NetSlice::Ipv4(ip)) = sliced.net else { panic!("no IPv4 packet") };
        seen.push(ip.header().options().to_vec());
    }
    assert_eq!(seen, [options, vec![0x94, 4, 0, 0], vec![0x94, 4, 0, 0]]);
}

#[test]
fn a_packet_that_may_not_be_fragmented_is_not() {
    let frame = udp_frame(&[0; 1000]);
    let packet = parse::frame(&frame).unwrap();
    assert!(build::pieces(packet.ipv4().unwrap(), 576).is_none());
}
