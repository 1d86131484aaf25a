//! Resets of connections that nobody knows, by the rules of RFC 9293 section 3.10.7.1.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;
use wire::{build, parse};

use crate::oracle::assert_checksums;
use wire::tcp::Flags;
use wire::testing::{Content, Frame, TcpFields, generate};

fn segment() -> impl Strategy<Value = Frame> {
    generate::any_packet(generate::tcp()).prop_map(|mut spec| {
        spec.destination_mac.0[0] &= !1;
        spec
    })
}

proptest! {
    #[test]
    fn a_reset_takes_back_what_the_segment_said(spec in segment()) {
        let frame = spec.build();
        let packet = parse::frame(&frame).unwrap();
        let Content::Tcp(TcpFields { ports, sequence, flags, payload, .. }) = spec.content.clone() else {
            unreachable!()
        };
        let [fin, syn, rst, ack] =
            [Flags::FIN, Flags::SYN, Flags::RST, Flags::ACK].map(|flag| flags.contains(flag));
        let Some(reset) = build::tcp_reset(&frame, &packet) else {
            prop_assert!(rst, "only a reset is not answered with one");
            return Ok(());
        };
        prop_assert!(!rst);
        assert_checksums(&reset);
        let sliced = SlicedPacket::from_ethernet(&reset).unwrap();
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) =
            (sliced.net, sliced.transport)
        else {
            return Err(TestCaseError::fail("no TCP over IPv4"));
        };
        prop_assert_eq!(ip.header().source_addr(), spec.destination);
        prop_assert_eq!(ip.header().destination_addr(), spec.source);
        prop_assert_eq!((tcp.source_port(), tcp.destination_port()), (ports.1, ports.0));
        prop_assert!(tcp.rst() && !tcp.syn() && !tcp.fin() && tcp.payload().is_empty());
        if ack {
            let acknowledged = u32::from_be_bytes(
                frame[packet.ipv4().unwrap().l4_offset() as usize + 8..][..4].try_into().unwrap(),
            );
            prop_assert_eq!((tcp.sequence_number(), tcp.ack()), (acknowledged, false));
        } else {
            let length = payload.len() as u32 + u32::from(syn) + u32::from(fin);
            prop_assert_eq!((tcp.sequence_number(), tcp.ack()), (0, true));
            prop_assert_eq!(tcp.acknowledgment_number(), sequence.wrapping_add(length));
        }
        // And never a reset about a reset.
        let read = parse::frame(&reset).unwrap();
        prop_assert!(build::tcp_reset(&reset, &read).is_none());
    }

    #[test]
    fn a_segment_with_a_wrong_checksum_is_not_answered(spec in segment(), flip in any::<prop::sample::Index>()) {
        let mut frame = spec.build();
        let ip = *parse::frame(&frame).unwrap().ipv4().unwrap();
        let (start, end) = (usize::from(ip.l4_offset()), ip.end());
        frame[start + flip.index(end - start)] ^= 0x10;
        if let Ok(packet) = parse::frame(&frame) {
            prop_assert!(build::tcp_reset(&frame, &packet).is_none());
        }
    }
}
