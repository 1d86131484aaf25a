//! What is read is what etherparse wrote, and the fast path agrees with the slow.

use proptest::prelude::*;
use wire::flow;
use wire::parse::{self, Payload};

use wire::testing::{Content, Frame, TcpFields, generate};

/// What a description's payload is to be read as.
fn assert_payload(spec: &Frame, ip: &parse::Ipv4) {
    let (start, _) = spec.range(spec.whole_payload().len());
    if start > 0 {
        assert_eq!(ip.payload, Payload::LaterFragment { protocol: spec.protocol() });
        return;
    }
    match (&spec.content, ip.payload) {
        (
            Content::Tcp(TcpFields { sequence, flags, .. }),
            Payload::Tcp { flags: f, sequence: s, .. },
        ) => {
            assert_eq!((*sequence, *flags), (s, f));
        }
        (Content::Udp { .. }, Payload::Udp { .. }) => {}
        (Content::Echo { is_reply, .. }, Payload::IcmpQuery { is_reply: read, .. }) => {
            assert_eq!(*is_reply, read);
        }
        (Content::Error { quoted, quoted_payload, .. }, Payload::IcmpError { embedded, .. }) => {
            assert_eq!(Some(embedded.tuple), quoted.tuple());
            let there = quoted.whole_payload().len().min(*quoted_payload);
            assert_eq!(usize::from(embedded.l4_length), there);
            assert_eq!(embedded.l3_offset, ip.l4_offset() + 8);
        }
        (Content::Error { .. }, Payload::IcmpOther { .. }) => assert!(ip.fragment.is_some()),
        (Content::Other { protocol, .. }, Payload::Other(read)) => assert_eq!(*protocol, read),
        (content, read) => panic!("{content:?} was read as {read:?}"),
    }
    assert_eq!(ip.tuple(), spec.tuple());
}

/// True for fragments that are refused although etherparse makes them: of TCP within
/// its header, and of ports within their first eight bytes.
fn is_tiny(spec: &Frame) -> bool {
    let (start, end) = spec.range(spec.whole_payload().len());
    let header = match &spec.content {
        Content::Tcp(TcpFields { options, .. }) => 20 + options.len(),
        _ => 0,
    };
    spec.is_fragment() && (start > 0 && start < header.min(20) || start == 0 && end < header)
}

proptest! {
    #[test]
    fn a_packet_is_read_as_it_was_made(spec in generate::packet_or_fragment()) {
        prop_assume!(spec.whole_payload().len() <= 1480);
        let frame = spec.build();
        if is_tiny(&spec) {
            prop_assert_eq!(parse::frame(&frame), Err(parse::ParseError::TinyFragment));
            return Ok(());
        }
        let packet = parse::frame(&frame).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(packet.source_mac, spec.source_mac);
        prop_assert_eq!(packet.destination_mac, spec.destination_mac);
        let tags: Vec<_> =
            [packet.tags.outer, packet.tags.inner].into_iter().flatten().collect();
        prop_assert_eq!(&tags, &spec.tags);
        let ip = packet.ipv4().unwrap();
        prop_assert_eq!(usize::from(ip.l3_offset), 14 + 4 * spec.tags.len());
        prop_assert_eq!(usize::from(ip.header_length), 20 + spec.options.len());
        prop_assert_eq!(ip.end() + spec.padding, frame.len());
        prop_assert_eq!((ip.source, ip.destination), (spec.source, spec.destination));
        prop_assert_eq!((ip.ttl, ip.dont_fragment), (spec.ttl, spec.dont_fragment));
        prop_assert_eq!(ip.fragment.is_some(), spec.is_fragment());
        if let Some(fragment) = ip.fragment {
            let (start, end) = spec.range(spec.whole_payload().len());
            prop_assert_eq!(fragment.identification, spec.identification);
            prop_assert_eq!(usize::from(fragment.offset), start);
            prop_assert_eq!(fragment.more, end < spec.whole_payload().len());
        }
        assert_payload(&spec, ip);
    }

    #[test]
    fn the_fast_path_takes_plain_packets_and_reads_what_the_slow_path_reads(
        spec in generate::plain(),
    ) {
        let frame = spec.build();
        let read = flow::read(&frame).unwrap();
        let packet = parse::frame(&frame).unwrap();
        prop_assert_eq!(Some(read.tuple), spec.tuple());
        prop_assert_eq!(packet.ipv4().unwrap().flow(), Some(read));
        let segment = flow::segment(&frame);
        prop_assert_eq!(packet.ipv4().unwrap().payload.segment(), segment);
        prop_assert_eq!(segment.flags, read.tcp_flags);
    }

    #[test]
    fn the_fast_path_leaves_everything_else_to_the_slow(spec in generate::packet_or_fragment()) {
        let frame = spec.build();
        let is_plain = spec.tags.is_empty()
            && spec.options.is_empty()
            && !spec.is_fragment()
            && spec.ttl > 1
            && matches!(spec.content, Content::Tcp(_) | Content::Udp { .. });
        prop_assert_eq!(flow::read(&frame).is_ok(), is_plain);
    }

    #[test]
    fn a_frame_cut_short_is_refused(spec in generate::packet_or_fragment(), keep in 0.0..1.0f64) {
        let frame = spec.build();
        let packet = frame.len() - spec.padding;
        let short = &frame[..(packet as f64 * keep) as usize];
        prop_assert!(parse::frame(short).is_err());
        prop_assert!(flow::read(short).is_err());
    }

    #[test]
    fn a_wrong_header_checksum_is_found(spec in generate::packet_or_fragment(), bit in 0..160usize) {
        let mut frame = spec.build();
        let at = 14 + 4 * spec.tags.len();
        frame[at + bit / 8] ^= 1 << (bit % 8);
        prop_assert!(parse::frame(&frame).is_err());
        prop_assert!(flow::read(&frame).is_err());
    }

    #[test]
    fn a_wrong_icmp_checksum_is_found(
        spec in generate::any_packet(prop_oneof![generate::echo(), generate::error()]),
        at in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let mut frame = spec.build();
        let end = frame.len() - spec.padding;
        let start = 14 + 4 * spec.tags.len() + 20 + spec.options.len();
        frame[start + at.index(end - start)] ^= 1 << bit;
        prop_assert_eq!(parse::frame(&frame), Err(parse::ParseError::BadIcmpChecksum));
    }
}
