//! A private host's packet to another private network: forwarded as it is, and its sender is
//! told once of the better way.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use etherparse::{Icmpv4Type, IpNumber, icmpv4};
use nat::Side;
use wire::MacAddress;
use wire::parse;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, MACS, NEIGHBOURS, SERVER, arriving};
use crate::floating::icmp;

const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
const ROUTER_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 0xfe]);
const BEYOND: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);

fn bench() -> Bench {
    let bench = Bench::with_other(
        "floating = [\"10.0.0.1/24\"]",
        "floating = [\"10.0.0.1/24\"]\nroute = [{ to = \"10.1.0.0/16\", via = \"10.0.0.254\" }]",
    );
    let hop = bench.neighbours.insert(Side::Private, ROUTER).unwrap();
    bench.neighbours.publish(hop, Some(ROUTER_MAC));
    bench
}

/// The frames that left for a station, and the others.
fn sent(bench: &mut Bench) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let frames = bench.sent(Side::Private);
    frames.into_iter().partition(|frame| frame[..6] == ROUTER_MAC.0)
}

#[test]
fn it_leaves_where_it_came_in_with_its_own_addresses() {
    let mut bench = bench();
    let whole = Frame::udp((SERVER, 7000), (BEYOND, 9)).payload([7; 1000]);
    let mut frames = vec![
        Frame::other(SERVER, BEYOND, IpNumber::GRE.0, &[0; 8]),
        Frame::echo_request(SERVER, BEYOND, 3),
        whole.clone(),
    ];
    frames.extend(whole.fragments(400));
    for frame in frames {
        bench.arrive(Side::Private, &[arriving(Side::Private, frame.clone()).build()]);
        let (forwarded, _) = sent(&mut bench);
        assert_eq!(forwarded.len(), 1, "{frame:?}");
        let packet = parse::frame(&forwarded[0]).unwrap();
        assert_eq!(packet.source_mac, MACS[1]);
        let ip = packet.ipv4().unwrap();
        assert_eq!((ip.source, ip.destination, ip.ttl), (SERVER, BEYOND, 63));
        let mut expected = frame.ttl(63).ip_packet();
        let mut left = forwarded[0][14..].to_vec();
        // The checksum follows the time to live; parse has verified it.
        expected[10..12].fill(0);
        left[10..12].fill(0);
        assert_eq!(left, expected);
    }
    assert_eq!(bench.counters.opened.get(), 0);
}

#[test]
fn its_sender_is_told_once_by_redirect() {
    let mut bench = bench();
    let frame = arriving(Side::Private, Frame::udp((SERVER, 7000), (BEYOND, 9))).build();
    let mut told = Vec::new();
    for _ in 0..10 {
        bench.arrive(Side::Private, core::slice::from_ref(&frame));
        told.extend(sent(&mut bench).1);
    }
    assert_eq!(told.len(), 1);
    let packet = parse::frame(&told[0]).unwrap();
    assert_eq!(packet.destination_mac, NEIGHBOURS[1]);
    let (kind, from) = icmp(&told[0]);
    assert_eq!(from, [10, 0, 0, 1], "hosts believe their gateway alone");
    let Icmpv4Type::Redirect(redirect) = kind else { panic!("{kind:?}") };
    assert_eq!(redirect.code, icmpv4::RedirectCode::RedirectForHost);
    assert_eq!(redirect.gateway_internet_address, ROUTER.octets());
}

#[test]
fn its_sender_is_told_of_each_destination() {
    let mut bench = bench();
    let mut told = 0;
    for _ in 0..3 {
        for last in [1, 2, 3, 4, 5, 21, 37] {
            let frame = Frame::udp((SERVER, 7000), ([10, 1, 2, last], 9));
            bench.arrive(Side::Private, &[arriving(Side::Private, frame).build()]);
        }
        told += sent(&mut bench).1.len();
    }
    assert_eq!(told, 7);
}

/// A later fragment is never answered, so its sender is told with the next packet.
#[test]
fn what_may_not_be_answered_is_not_taken_for_told() {
    let mut bench = bench();
    let whole = Frame::udp((SERVER, 7000), (BEYOND, 9)).payload([7; 1000]);
    let later = whole.fragments(400).remove(2);
    for (frame, told) in [(later, 0), (whole, 1)] {
        bench.arrive(Side::Private, &[arriving(Side::Private, frame).build()]);
        assert_eq!(sent(&mut bench).1.len(), told);
    }
}

#[test]
fn nothing_goes_back_to_the_router_that_it_came_from() {
    let mut bench = bench();
    let own = Frame::udp((ROUTER, 7000), (BEYOND, 9));
    let others = Frame::udp(([10, 1, 0, 5], 7000), (BEYOND, 9));
    for frame in [own, others] {
        bench.arrive(Side::Private, &[frame.macs(ROUTER_MAC, MACS[1]).build()]);
    }
    // It is told that there is no way, and gets nothing else.
    let host = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Host);
    let said: Vec<_> = sent(&mut bench).0.iter().map(|frame| icmp(frame).0).collect();
    assert_eq!(said, [host.clone(), host]);
    assert_eq!(bench.dropped(DropReason::NoRoute), 2);
}

#[test]
fn the_public_side_gets_nothing_through() {
    let mut bench = bench();
    for to in [BEYOND, SERVER] {
        let frame = Frame::udp((CLIENT, 7000), (to, 9));
        bench.arrive(Side::Public, &[arriving(Side::Public, frame).build()]);
    }
    assert_eq!(bench.dropped(DropReason::NotForUs), 2);
    let broadcast = Frame::udp((SERVER, 7000), ([10, 0, 0, 255], 9));
    bench.arrive(Side::Private, &[arriving(Side::Private, broadcast).build()]);
    assert_eq!(bench.dropped(DropReason::NotForUs), 3);
    assert!(bench.sent(Side::Private).is_empty());
}
