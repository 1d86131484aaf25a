//! What the main core is given: each class has room of its own.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use dataplane::punt::PuntClass;
use dpdk::mbuf::Mbuf;
use nat::Side;
use wire::MacAddress;
use wire::arp::Packet;
use wire::build;
use wire::tcp::Flags;
use wire::testing::Frame;

use crate::bench::{Bench, MACS, NEIGHBOURS, SERVER, arriving};

const REAL: [u8; 4] = [198, 51, 100, 2];
const PRIVATE: [u8; 4] = [10, 0, 0, 2];
const GATEWAY: [u8; 4] = [198, 51, 100, 1];
const PEER_ADDRESS: [u8; 4] = [198, 51, 100, 3];
/// A ring of the bench holds so many.
const ROOM: usize = 63;

const PEER: &str = r#"
[peer]
key_file = "/etc/tandem/peer.key"
paths = [{ local = "198.51.100.2", remote = "198.51.100.3" }]
"#;

fn request(from: [u8; 4], mac: MacAddress) -> Vec<u8> {
    let packet = Packet::request(mac, Ipv4Addr::from(from), Ipv4Addr::from(REAL));
    let mut frame = [0; build::ARP_FRAME];
    let length = build::arp(&mut frame, MACS[0], &packet).unwrap();
    frame[..length].to_vec()
}

fn to_real(from: [u8; 4], from_port: u16, port: u16) -> Vec<u8> {
    arriving(Side::Public, Frame::udp((from, from_port), (REAL, port))).build()
}

/// One frame of each class that comes in on the public side, and one more of a server.
fn one_of_each() -> Vec<Vec<u8>> {
    let ssh = Frame::tcp(([203, 0, 113, 7], 40_000), (REAL, 22), Flags::SYN);
    vec![
        request([198, 51, 100, 77], MacAddress([2, 0, 0, 0, 0, 77])),
        arriving(Side::Public, ssh).build(),
        to_real(PEER_ADDRESS, 7405, 7405),
        request(GATEWAY, NEIGHBOURS[0]),
    ]
}

fn from_server() -> Vec<u8> {
    let answer = Frame::tcp((SERVER, 80), (PRIVATE, 40_000), Flags::SYN | Flags::ACK);
    arriving(Side::Private, answer).build()
}

fn tags(given: &[Mbuf]) -> Vec<HandoffTag> {
    given.iter().filter_map(HandoffTag::of).collect()
}

#[test]
fn a_flood_at_a_real_address_takes_no_other_class_its_room() {
    let mut bench = Bench::with_more(PEER);
    for _ in 0..10 {
        bench.arrive(Side::Public, &vec![to_real([203, 0, 113, 9], 9, 9); 30]);
    }
    // The peer's port and address alone make nobody the peer, nor does the other end's port.
    bench.arrive(
        Side::Public,
        &[to_real([203, 0, 113, 9], 7405, 7405), to_real(PEER_ADDRESS, 5, 5)],
    );
    bench.arrive(Side::Public, &one_of_each());
    bench.arrive(Side::Private, &[from_server()]);
    let given = bench.punted();
    let public = Side::Public;
    let mut expected = vec![
        HandoffTag::Arp(public),
        HandoffTag::Kernel(public),
        HandoffTag::Kernel(Side::Private),
        HandoffTag::Kernel(public),
        HandoffTag::Arp(public),
    ];
    expected.extend([HandoffTag::Kernel(public); ROOM]);
    assert_eq!(tags(&given), expected, "in the order of classes");
    let lost = 302 - ROOM as u64;
    for class in PuntClass::ALL {
        let at = class.index();
        let (passed, dropped) = match class {
            PuntClass::Kernel => (ROOM as u64, lost),
            PuntClass::Unresolved => (0, 0),
            _ => (1, 0),
        };
        assert_eq!(bench.counters.punted[at].get(), passed, "{class:?}");
        assert_eq!(bench.counters.punt_dropped[at].get(), dropped, "{class:?}");
    }
    assert_eq!(bench.dropped(DropReason::HousekeepingFull), lost);
}

#[test]
fn without_a_peer_its_port_is_like_any_other() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[to_real(PEER_ADDRESS, 7405, 7405)]);
    assert_eq!(bench.counters.punted[PuntClass::Kernel.index()].get(), 1);
}

#[test]
fn a_class_has_a_rate_though_its_ring_is_empty() {
    let mut bench = Bench::new();
    let flood = vec![request([198, 51, 100, 77], MacAddress([2, 0, 0, 0, 0, 77])); 30];
    // The bucket holds what comes in a tenth of a second.
    let rate = u64::from(PuntClass::Arp.rate(1));
    let mut given = 0;
    for _ in 0..rate / 10 {
        bench.arrive(Side::Public, &flood);
        given += bench.punted().len() as u64;
    }
    assert!((rate / 10..3 * rate).contains(&given), "{given} of {}", 3 * rate);
    let dropped = bench.counters.punt_dropped[PuntClass::Arp.index()].get();
    assert_eq!(given + dropped, 3 * rate);
    bench.arrive(Side::Public, &[request(GATEWAY, NEIGHBOURS[0])]);
    assert_eq!(bench.punted().len(), 1, "a next hop's ARP has a rate of its own");
}

#[test]
fn who_asks_for_this_machine_is_no_next_hop_by_that_nor_one_that_asks_without_end() {
    let mut bench = Bench::new();
    let neighbour = PuntClass::Neighbour.index();
    let address = [198, 51, 100, 77];
    let mac = MacAddress([2, 0, 0, 0, 0, 77]);
    // It is in the table, as it has asked for this machine.
    let hop = bench.neighbours.insert(Side::Public, Ipv4Addr::from(address)).unwrap();
    bench.arrive(Side::Public, &[request(address, mac)]);
    assert_eq!(bench.counters.punted[neighbour].get(), 0);
    bench.neighbours.want(hop);
    for _ in 0..40 {
        bench.arrive(Side::Public, &vec![request(address, mac); 30]);
        drop(bench.punted());
    }
    let served = bench.counters.punted[neighbour].get();
    assert!((1..600).contains(&served), "{served} of 1200");
    assert_eq!(bench.counters.punt_dropped[neighbour].get(), 0);
    bench.arrive(Side::Public, &[request(GATEWAY, NEIGHBOURS[0])]);
    assert_eq!(bench.counters.punted[neighbour].get(), served + 1);
}

#[test]
fn the_kernels_neighbours_are_no_strangers_and_a_server_that_floods_is_one() {
    let mut bench = Bench::with_more(&format!("{PEER}witness = \"198.51.100.9\"\n"));
    let of = |bench: &Bench, class: PuntClass| bench.counters.punted[class.index()].get();
    let mac = MacAddress([2, 0, 0, 0, 0, 77]);
    bench.arrive(Side::Public, &[request(PEER_ADDRESS, mac), request([198, 51, 100, 9], mac)]);
    assert_eq!(of(&bench, PuntClass::Neighbour), 2);
    let echo = Frame::echo_reply([198, 51, 100, 9], REAL, 7);
    let datagram = Frame::udp(([198, 51, 100, 9], 7), (REAL, 7));
    let from_witness = [echo, datagram].map(|frame| arriving(Side::Public, frame).build());
    bench.arrive(Side::Public, &from_witness);
    assert_eq!((of(&bench, PuntClass::Check), of(&bench, PuntClass::Kernel)), (1, 1));
    for _ in 0..200 {
        bench.arrive(Side::Private, &vec![from_server(); 30]);
        drop(bench.punted());
    }
    let checks = of(&bench, PuntClass::Check);
    assert!((1000..5900).contains(&checks), "{checks} of 6001");
    // Both sides have rings of their own.
    for _ in 0..10 {
        bench.arrive(Side::Private, &vec![from_server(); 30]);
    }
    bench.arrive(Side::Public, &[to_real([203, 0, 113, 9], 9, 9)]);
    let kernel = tags(&bench.punted());
    assert!(kernel.contains(&HandoffTag::Kernel(Side::Public)), "{kernel:?}");
}

#[test]
fn the_main_core_works_on_copies_and_gives_the_buffers_back() {
    let mut bench = Bench::with_more(PEER);
    let (mut from, own) = bench.main_core(7);
    let (all, own_all) = (bench.pool.in_use(), own.available());
    let arrived = vec![to_real([203, 0, 113, 9], 9, 9); 8];
    bench.arrive(Side::Public, &arrived);
    assert_eq!(bench.pool.in_use(), all + 8);

    let mut taken = from.take(PuntClass::Kernel, Side::Public, &own);
    // One found no buffer: the main core has too much in its hands, and the worker loses none.
    assert_eq!((taken.count, taken.copies.len()), (8, 7));
    assert_eq!((bench.pool.in_use(), own.available()), (all + 8, 0));
    bench.worker.poll();
    assert_eq!(bench.pool.in_use(), all);

    for (copy, frame) in taken.copies.drain().zip(&arrived) {
        assert_eq!(copy.data(), frame);
        assert_eq!(HandoffTag::of(&copy), Some(HandoffTag::Kernel(Side::Public)));
    }
    assert_eq!(own.available(), own_all);
}
