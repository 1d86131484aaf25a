//! A translated packet is, byte for byte, the one that etherparse makes with the new
//! ends; and translated back it is what it was.

use proptest::prelude::*;
use wire::flow::{self, EthernetAddresses, Rewrite};
use wire::{FiveTuple, MacAddress, Protocol, parse, translate};

use crate::oracle::assert_checksums;
use wire::tcp::Flags;
use wire::testing::generate::{self, ends, tuple_of};
use wire::testing::{Content, Frame, TcpFields};

const SOURCE_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const DESTINATION_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

fn protocol(spec: &Frame) -> Protocol {
    Protocol::from_number(spec.protocol()).unwrap()
}

proptest! {
    #[test]
    fn the_fast_path_makes_the_packet_that_the_new_ends_would_have_sent(
        spec in generate::plain(), ends in ends(),
    ) {
        let new = tuple_of(ends, protocol(&spec));
        let mut frame = spec.build();
        let rewrite = Rewrite::between(&spec.tuple().unwrap(), &new);
        prop_assert!(flow::rewrite(&mut frame, &rewrite, EthernetAddresses::new(SOURCE_MAC, DESTINATION_MAC)));
        let expected = Frame {
            source_mac: SOURCE_MAC,
            destination_mac: DESTINATION_MAC,
            ttl: spec.ttl - 1,
            ..spec.with_ends(new)
        };
        prop_assert_eq!(&frame, &expected.build());
        assert_checksums(&frame);
    }

    #[test]
    fn another_identification_is_all_that_changes(
        spec in generate::any_packet(generate::flow_content()), identification: u16,
    ) {
        let mut frame = spec.build();
        let Ok(packet) = parse::frame(&frame) else { return Ok(()) };
        if packet.ipv4().is_none() {
            return Ok(());
        }
        prop_assert!(translate::identify(&mut frame, &packet, identification));
        prop_assert_eq!(&frame, &Frame { identification, ..spec }.build());
        assert_checksums(&frame);
    }

    #[test]
    fn both_paths_do_the_same(spec in generate::plain(), ends in ends()) {
        let new = tuple_of(ends, protocol(&spec));
        let (mut fast, mut slow) = (spec.build(), spec.build());
        let rewrite = Rewrite::between(&spec.tuple().unwrap(), &new);
        prop_assert!(flow::rewrite(&mut fast, &rewrite, EthernetAddresses::new(SOURCE_MAC, DESTINATION_MAC)));
        let packet = parse::frame(&slow).unwrap();
        prop_assert_eq!(translate::packet(&mut slow, &packet, new), Ok(()));
        prop_assert!(translate::forward(&mut slow, &packet, SOURCE_MAC, DESTINATION_MAC));
        prop_assert_eq!(fast, slow);
    }

    #[test]
    fn the_slow_path_makes_the_packet_that_the_new_ends_would_have_sent(
        spec in generate::any_packet(generate::flow_content()),
        cut in prop::option::weighted(0.4, (0usize..20, 1usize..30)),
        ends in ends(),
    ) {
        let spec = Frame { cut, ..spec };
        let mut frame = spec.build();
        let original = frame.clone();
        let Ok(packet) = parse::frame(&frame) else {
            // Fragments that split a TCP header are refused; nothing else is.
            let is_tcp = matches!(spec.content, Content::Tcp(_));
            prop_assert!(is_tcp && spec.is_fragment());
            return Ok(());
        };
        let new = tuple_of(ends, protocol(&spec));
        prop_assert_eq!(translate::packet(&mut frame, &packet, new), Ok(()));
        prop_assert_eq!(&frame, &spec.with_ends(new).build());
        if !spec.is_fragment() {
            assert_checksums(&frame);
        }
        let packet = parse::frame(&frame).unwrap();
        let back = FiveTuple {
            source: spec.source,
            destination: spec.destination,
            ..spec.tuple().unwrap()
        };
        prop_assert_eq!(translate::packet(&mut frame, &packet, back), Ok(()));
        prop_assert_eq!(frame, original);
    }

    #[test]
    fn an_error_is_translated_outside_and_inside(
        spec in generate::any_packet(generate::error()), outer in ends(), inner in ends(),
    ) {
        let Content::Error { kind, quoted, quoted_payload } = &spec.content else { unreachable!() };
        let mut frame = spec.build();
        let original = frame.clone();
        let packet = parse::frame(&frame).unwrap();
        let new = tuple_of(inner, protocol(quoted));
        prop_assert_eq!(translate::icmp_error(&mut frame, &packet, outer.0, outer.1, new), Ok(()));
        let expected = Frame {
            source: outer.0,
            destination: outer.1,
            content: Content::Error {
                kind: kind.clone(),
                quoted: Box::new(quoted.with_ends(new)),
                quoted_payload: *quoted_payload,
            },
            ..spec.clone()
        };
        prop_assert_eq!(&frame, &expected.build());
        assert_checksums(&frame);

        let packet = parse::frame(&frame).unwrap();
        let back = quoted.tuple().unwrap();
        let result =
            translate::icmp_error(&mut frame, &packet, spec.source, spec.destination, back);
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(frame, original);
    }

    #[test]
    fn what_is_not_of_the_flow_is_left_alone(
        spec in generate::packet_or_fragment(), ends in ends(),
    ) {
        let mut frame = spec.build();
        let original = frame.clone();
        let Ok(packet) = parse::frame(&frame) else { return Ok(()) };
        for protocol in [Protocol::Icmp, Protocol::Tcp, Protocol::Udp] {
            let new = tuple_of(ends, protocol);
            if protocol.number() != spec.protocol() {
                prop_assert!(translate::packet(&mut frame, &packet, new).is_err());
            }
            if !matches!(spec.content, Content::Error { .. }) {
                let result = translate::icmp_error(&mut frame, &packet, ends.0, ends.1, new);
                prop_assert_eq!(result, Err(translate::Error::Untranslatable));
            }
        }
        prop_assert_eq!(frame, original);
    }

    #[test]
    fn a_mss_clamp_leaves_a_right_checksum(
        spec in generate::any_packet(generate::tcp()), maximum in any::<u16>(),
        before in 0usize..4, offered in any::<u16>(),
    ) {
        // The option behind some padding, so that it also stands at odd offsets.
        let [a, b] = offered.to_be_bytes();
        let mut options = vec![1; before];
        options.extend([2, 4, a, b]);
        options.resize(8, 0);
        let mut spec = Frame { dont_fragment: true, ..spec };
        let Content::Tcp(TcpFields { options: o, flags, .. }) = &mut spec.content else { unreachable!() };
        (*o, *flags) = (options.clone(), Flags::SYN);
        let mut frame = spec.build();
        let l4 = 14 + 4 * spec.tags.len() + 20 + spec.options.len();
        let end = frame.len() - spec.padding;
        let changed = wire::tcp::clamp_mss(&mut frame[l4..end], maximum);
        prop_assert_eq!(changed, offered > maximum);
        let [a, b] = offered.min(maximum).to_be_bytes();
        options.splice(before..before + 4, [2, 4, a, b]);
        let Content::Tcp(TcpFields { options: o, .. }) = &mut spec.content else { unreachable!() };
        *o = options;
        prop_assert_eq!(frame, spec.build());
    }
}

#[test]
fn an_echo_reply_that_becomes_all_zeros_has_a_checksum_of_ones() {
    let content = Content::Echo { is_reply: true, id: 7, sequence: 0, payload: vec![0; 56] };
    let spec = Frame::of(content);
    let mut frame = spec.build();
    let packet = parse::frame(&frame).unwrap();
    let new = FiveTuple { destination_port: wire::Port::ZERO, ..spec.tuple().unwrap() };
    assert_eq!(translate::packet(&mut frame, &packet, new), Ok(()));
    assert_eq!(frame, spec.with_ends(new).build());
    assert_eq!(frame[36..38], [0xff, 0xff]);
}
