//! What no router forwards: addresses that are not forwardable, which the fast path does not
//! look at since no connection has one, and IP options.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use etherparse::Icmpv4Type;
use etherparse::icmpv4::DestUnreachableHeader;
use nat::Side;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, REAL, SERVER, VIP, arriving, datagram, question};

const NOBODIES: [[u8; 4]; 8] = [
    [224, 0, 0, 18],
    [239, 1, 1, 1],
    [240, 0, 0, 1],
    [255, 255, 255, 255],
    [127, 0, 0, 1],
    [169, 254, 1, 2],
    [169, 254, 169, 254],
    [192, 0, 0, 8],
];

#[test]
fn an_inside_host_opens_no_way_in_for_a_sender_that_cannot_be() {
    let mut bench = Bench::new();
    let mut dropped = 0;
    for nobody in NOBODIES.map(Ipv4Addr::from) {
        bench.arrive(Side::Private, &[datagram(Side::Private, (SERVER, 7000), (nobody, 9), 1)]);
        bench.arrive(Side::Public, &[datagram(Side::Public, (nobody, 9), (VIP, 7000), 2)]);
        dropped += 2;
        assert_eq!(bench.dropped(DropReason::Martian), dropped, "{nobody}");
    }
    assert_eq!(bench.counters.opened.get(), 0);
}

#[test]
fn a_service_is_not_open_to_addresses_that_are_not_forwarded() {
    let mut bench = Bench::new();
    for nobody in NOBODIES.map(Ipv4Addr::from) {
        bench.arrive(Side::Public, &[datagram(Side::Public, (nobody, 4242), (VIP, 53), 1)]);
        let ping = Frame::echo_request(nobody, VIP, 7);
        bench.arrive(Side::Public, &[arriving(Side::Public, ping).build()]);
    }
    assert_eq!(bench.sent(Side::Private).len() + bench.sent(Side::Public).len(), 0);
    assert_eq!(bench.dropped(DropReason::Martian), 2 * NOBODIES.len() as u64);
    // The control: an ordinary client is served.
    bench.arrive(Side::Public, &[question(1)]);
    assert_eq!(bench.sent(Side::Private).len(), 1);
}

/// A host of the link may speak to this machine itself: nothing is forwarded then.
#[test]
fn the_kernel_decides_about_link_local_senders_of_its_own() {
    let mut bench = Bench::new();
    let from = (Ipv4Addr::new(169, 254, 1, 2), 4242);
    bench.arrive(Side::Public, &[datagram(Side::Public, from, (REAL, 22), 1)]);
    let [mbuf] = bench.punted().try_into().unwrap();
    assert_eq!(HandoffTag::of(&mbuf), Some(HandoffTag::Kernel(Side::Public)));
}

#[test]
fn an_error_from_an_address_that_is_not_forwarded_reaches_nobody() {
    let mut bench = Bench::new();
    bench.arrive(Side::Private, &[datagram(Side::Private, (SERVER, 7000), (CLIENT, 9), 1)]);
    let sent = bench.sent(Side::Public);
    let port = wire::flow::read(&sent[0]).unwrap().tuple.source_port.number();
    let quoted = Frame::udp((VIP, port), (CLIENT, 9)).payload([1; 18]);
    let unreachable = Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Host);
    for (router, reached) in [([169, 254, 0, 1], 0), ([203, 0, 113, 1], 1)] {
        let error = Frame::error(router, unreachable.clone(), quoted.clone());
        bench.arrive(Side::Public, &[arriving(Side::Public, error).build()]);
        assert_eq!(bench.sent(Side::Private).len(), reached, "from {router:?}");
    }
    assert_eq!(bench.dropped(DropReason::Martian), 1);
}

#[test]
fn options_that_rfc_7126_says_to_drop_are_dropped_also_in_known_connections() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(1)]);
    assert_eq!(bench.sent(Side::Private).len(), 1);
    let with = |options: &[u8]| {
        let frame = Frame::udp((CLIENT, 4242), (VIP, 53)).payload([2; 18]).options(options);
        arriving(Side::Public, frame).build()
    };
    let dropped: [&[u8]; 5] = [
        &[131, 7, 4, 10, 0, 0, 11],
        &[137, 7, 4, 10, 0, 0, 11],
        &[7, 7, 4, 0, 0, 0, 0],
        &[68, 8, 5, 0, 0, 0, 0, 0],
        &[148, 9, 0, 0],
    ];
    for (at, options) in dropped.into_iter().enumerate() {
        bench.arrive(Side::Public, &[with(options)]);
        assert_eq!(bench.dropped(DropReason::IpOption), at as u64 + 1, "{options:?}");
    }
    assert_eq!(bench.sent(Side::Private).len(), 0);
    // The control: router alert and padding go on.
    for options in [&[148, 4, 0, 0][..], &[1, 1, 1]] {
        bench.arrive(Side::Public, &[with(options)]);
        assert_eq!(bench.sent(Side::Private).len(), 1, "{options:?}");
    }
}
