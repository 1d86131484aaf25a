//! A floating address behaves as a host's address: what nobody listens for is refused, and an
//! echo request is answered, also one in fragments.

use etherparse::defrag::IpDefragPool;
use etherparse::{Icmpv4Slice, Icmpv4Type, IpNumber, SlicedPacket, TransportSlice, icmpv4};
use nat::Side;
use wire::parse::{self, Payload};
use wire::tcp::Flags;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, MACS, NEIGHBOURS, SERVER, VIP, arriving};

const GATEWAY: [u8; 4] = [10, 0, 0, 1];

/// What a frame says, if it is an ICMP error, and who says it.
pub(crate) fn icmp(frame: &[u8]) -> (Icmpv4Type, [u8; 4]) {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(TransportSlice::Icmpv4(message)) = packet.transport else { panic!("{packet:?}") };
    let source = parse::frame(frame).unwrap().ipv4().unwrap().source;
    (message.icmp_type(), source.octets())
}

/// The only frame that left on a side.
pub(crate) fn only(bench: &mut Bench, side: Side) -> Vec<u8> {
    let mut frames = bench.sent(side);
    assert_eq!(frames.len(), 1, "{side}");
    frames.remove(0)
}

fn unreachable(code: icmpv4::DestUnreachableHeader) -> Icmpv4Type {
    Icmpv4Type::DestinationUnreachable(code)
}

#[test]
fn a_closed_port_is_refused_from_both_sides_and_in_its_own_name() {
    let mut bench = Bench::new();
    for (side, from, to) in [
        (Side::Public, CLIENT.octets(), VIP.octets()),
        (Side::Private, SERVER.octets(), GATEWAY),
        (Side::Private, SERVER.octets(), VIP.octets()),
    ] {
        let syn = arriving(side, Frame::tcp((from, 4242), (to, 81), Flags::SYN).numbers(7, 0));
        bench.arrive(side, &[syn.build()]);
        let reset = only(&mut bench, side);
        let packet = parse::frame(&reset).unwrap();
        let Payload::Tcp { tuple, flags, acknowledgment, .. } = packet.ipv4().unwrap().payload
        else {
            panic!("{packet:?}")
        };
        assert_eq!((tuple.source.octets(), tuple.destination.octets()), (to, from));
        assert_eq!((flags, acknowledgment), (Flags::from_bits(0x14), 8));

        bench.arrive(side, &[arriving(side, Frame::udp((from, 4242), (to, 9))).build()]);
        let expected = unreachable(icmpv4::DestUnreachableHeader::Port);
        assert_eq!(icmp(&only(&mut bench, side)), (expected, to));
    }
    assert_eq!(bench.counters.opened.get(), 0);
}

#[test]
fn a_traceroute_to_it_ends_with_its_answer() {
    let mut bench = Bench::new();
    let probe = Frame::udp((CLIENT, 4242), (VIP, 33_434)).ttl(1);
    bench.arrive(Side::Public, &[arriving(Side::Public, probe).build()]);
    let expected = unreachable(icmpv4::DestUnreachableHeader::Port);
    assert_eq!(icmp(&only(&mut bench, Side::Public)), (expected, VIP.octets()));
}

#[test]
fn an_unknown_protocol_is_refused() {
    let mut bench = Bench::new();
    let gre = arriving(Side::Public, Frame::other(CLIENT, VIP, IpNumber::GRE.0, &[0; 8]));
    bench.arrive(Side::Public, &[gre.build()]);
    let expected = unreachable(icmpv4::DestUnreachableHeader::Protocol);
    assert_eq!(icmp(&only(&mut bench, Side::Public)), (expected, VIP.octets()));
}

#[test]
fn the_gateway_address_is_not_the_public_sides_business() {
    let mut bench = Bench::new();
    for frame in [
        Frame::tcp((CLIENT, 4242), (GATEWAY, 81), Flags::SYN),
        Frame::udp((CLIENT, 4242), (GATEWAY, 9)),
        Frame::echo_request(CLIENT, GATEWAY, 7),
        Frame::other(CLIENT, GATEWAY, IpNumber::GRE.0, &[0; 8]),
    ] {
        bench.arrive(Side::Public, &[arriving(Side::Public, frame).build()]);
        assert!(bench.sent(Side::Public).is_empty());
    }
}

/// RFC 5382 REQ-4; and what is no answer to a SYN is not held back.
#[test]
fn a_port_that_masquerading_may_give_out_keeps_silent_to_a_syn() {
    let mut bench = Bench::new();
    let syn = Frame::tcp((CLIENT, 4242), (VIP, 8080), Flags::SYN);
    bench.arrive(Side::Public, &[arriving(Side::Public, syn).build()]);
    assert!(bench.sent(Side::Public).is_empty());
    let segment = Frame::tcp((CLIENT, 4242), (VIP, 8080), Flags::ACK);
    bench.arrive(Side::Public, &[arriving(Side::Public, segment).build()]);
    assert_eq!(bench.sent(Side::Public).len(), 1);
}

#[test]
fn an_operator_may_choose_silence() {
    let mut bench = Bench::with_other("name = \"test\"", "name = \"test\"\nunserved = \"drop\"");
    for frame in [
        Frame::tcp((CLIENT, 4242), (VIP, 81), Flags::SYN),
        Frame::udp((CLIENT, 4242), (VIP, 9)),
        Frame::other(CLIENT, VIP, IpNumber::GRE.0, &[0; 8]),
    ] {
        bench.arrive(Side::Public, &[arriving(Side::Public, frame).build()]);
        assert!(bench.sent(Side::Public).is_empty());
    }
}

/// The echo reply that comes out of these frames, put together by etherparse.
fn reply(frames: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut pool = IpDefragPool::<(), ()>::new();
    let mut whole = frames.iter().filter_map(|frame| {
        let sliced = SlicedPacket::from_ethernet(frame).unwrap();
        pool.process_sliced_packet(&sliced, (), ()).unwrap()
    });
    whole.next().map(|whole| whole.payload)
}

#[test]
fn a_large_ping_is_answered_whatever_order_its_fragments_come_in() {
    let mut bench = Bench::new();
    let ping = Frame::echo_request(CLIENT, VIP, 7).payload([0x5a; 4000]);
    let orders: [&[usize]; 5] =
        [&[0, 1, 2], &[2, 1, 0], &[1, 0, 2], &[0, 0, 1, 1, 2], &[1, 1, 2, 0]];
    for (at, order) in orders.into_iter().enumerate() {
        let ping = arriving(Side::Public, ping.clone().identification(at as u16 + 1));
        let fragments = ping.fragments(1480);
        assert_eq!(fragments.len(), 3);
        for &number in order {
            assert!(bench.sent(Side::Public).is_empty(), "too early: {order:?}");
            bench.arrive(Side::Public, &[fragments[number].build()]);
        }
        let sent = bench.sent(Side::Public);
        assert_eq!(sent.len(), 3, "{order:?}");
        for frame in &sent {
            let packet = parse::frame(frame).unwrap();
            assert_eq!((packet.source_mac, packet.destination_mac), (MACS[0], NEIGHBOURS[0]));
            let ip = packet.ipv4().unwrap();
            assert_eq!((ip.source, ip.destination), (VIP, CLIENT));
        }
        let payload = reply(&sent).unwrap();
        let message = Icmpv4Slice::from_slice(&payload).unwrap();
        let Icmpv4Type::EchoReply(echo) = message.icmp_type() else { panic!("{message:?}") };
        assert_eq!((echo.id, message.payload()), (7, &[0x5a; 4000][..]));
        let checksum = message.icmp_type().calc_checksum(message.payload());
        assert_eq!(message.checksum(), checksum);
    }
    assert_eq!(bench.counters.echoes.get(), 5);
    assert_eq!(bench.pool.in_use(), 0);
}

#[test]
fn fragments_that_contradict_each_other_are_not_answered() {
    let mut bench = Bench::new();
    let ping = Frame::echo_request(CLIENT, VIP, 7).payload([1; 4000]).identification(1);
    let other = Frame::echo_request(CLIENT, VIP, 7).payload([2; 4000]).identification(1);
    let (ping, other) = (arriving(Side::Public, ping), arriving(Side::Public, other));
    let frames =
        [ping.clone().fragment(0, 1480), other.fragment(1472, 1480), ping.fragment(2960, 1048)];
    for frame in frames {
        bench.arrive(Side::Public, &[frame.build()]);
    }
    assert!(bench.sent(Side::Public).is_empty());
    assert_eq!(bench.pool.in_use(), 0);
}

/// More unfinished pings than are put together at a time: memory is bounded, and a new one is
/// answered once their time is over.
#[test]
fn a_flood_of_unfinished_pings_takes_no_buffer() {
    let mut bench = Bench::new();
    for id in 0..200 {
        let ping = Frame::echo_request(CLIENT, VIP, 7).payload([1; 4000]).identification(id);
        let first = arriving(Side::Public, ping.fragment(0, 1480));
        bench.arrive(Side::Public, &[first.build()]);
    }
    assert!(bench.sent(Side::Public).is_empty());
    assert_eq!(bench.pool.in_use(), 0);
}
