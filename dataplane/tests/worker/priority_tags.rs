//! Tags that carry a priority and no VLAN, where the NIC leaves them in: the frame is treated
//! as one without.

use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use dataplane::role::Deadlines;
use nat::Side;
use wire::ethernet::EtherType;
use wire::testing::Frame;
use wire::{FiveTuple, MacAddress, Port, arp, build, parse};

use crate::bench::{Bench, CLIENT, MACS, NEIGHBOURS, REAL, VIP, arriving};

fn question() -> Frame {
    arriving(Side::Public, Frame::udp((CLIENT, 4242), (VIP, 53)).payload([1; 18]))
}

fn tagged() -> [Frame; 4] {
    [
        question().vlan(0),
        question().tag(EtherType::VLAN, 0xa000),
        question().tag(EtherType::SERVICE_VLAN, 0),
        question().tag(EtherType::SERVICE_VLAN, 0).vlan(0),
    ]
}

#[test]
fn packets_with_a_priority_leave_untagged_and_take_the_fast_path() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question().build()]);
    let expected = bench.sent(Side::Private);
    for frame in tagged() {
        bench.arrive(Side::Public, &[frame.build()]);
        assert_eq!(bench.sent(Side::Private), expected, "{:?}", frame.tags);
    }
    assert_eq!(bench.counters.fast.get(), 4);
}

#[test]
fn they_open_connections_and_take_the_slow_path_as_well() {
    let mut bench = Bench::new();
    for (port, frame) in (5000..).zip(tagged()) {
        let tuple = FiveTuple { source_port: Port::new(port), ..frame.tuple().unwrap() };
        let frame = frame.with_ends(tuple);
        bench.arrive(Side::Public, &[frame.build()]);
        bench.arrive(Side::Public, &[frame.options(&[0x94, 4, 0, 0]).build()]);
        let lengths: Vec<_> = bench.sent(Side::Private).iter().map(Vec::len).collect();
        assert_eq!(lengths, [60, 64]);
    }
    assert_eq!(bench.counters.opened.get(), 4);
}

/// The control: a VLAN is a VLAN, also behind a tag with a priority alone.
#[test]
fn a_tag_with_a_vlan_is_none_of_them() {
    let mut bench = Bench::new();
    let frames = [
        question().vlan(5),
        question().vlan(0).vlan(5),
        question().tag(EtherType::SERVICE_VLAN, 5).vlan(0),
    ];
    bench.arrive(Side::Public, &frames.map(|frame| frame.build()));
    assert_eq!(bench.dropped(DropReason::Vlan), 3);
    assert_eq!(bench.sent(Side::Private).len(), 0);
}

fn arp_request() -> Vec<u8> {
    let [source, own] = [NEIGHBOURS[0], MACS[0]];
    let packet = arp::Packet::request(source, [198, 51, 100, 1].into(), REAL);
    let mut frame = vec![0; build::ARP_FRAME];
    assert_eq!(build::arp(&mut frame, own, &packet), Some(build::ARP_FRAME));
    frame.splice(12..12, [0x81, 0, 0, 0]);
    frame
}

fn assert_untagged_at_the_main_core(mut bench: Bench) {
    let own = Frame::udp((CLIENT, 4242), (REAL, 22)).payload([1; 18]).vlan(0);
    let frames = [arp_request(), arriving(Side::Public, own).build()];
    bench.arrive(Side::Public, &frames);
    let got = bench.punted();
    let tags: Vec<_> = got.iter().map(|mbuf| HandoffTag::of(mbuf).unwrap()).collect();
    assert_eq!(tags, [HandoffTag::Arp(Side::Public), HandoffTag::Kernel(Side::Public)]);
    for (mbuf, tagged) in got.iter().zip(&frames) {
        assert!(parse::frame(mbuf.data()).unwrap().tags.is_empty());
        assert_eq!(mbuf.len(), tagged.len() - 4);
        let receiver = mbuf.data().first_chunk().copied().map(MacAddress);
        assert_eq!(receiver, Some(MACS[0]));
    }
}

#[test]
fn arp_and_the_kernels_packets_come_untagged_to_the_main_core() {
    assert_untagged_at_the_main_core(Bench::new());
}

#[test]
fn also_on_a_standby() {
    assert_untagged_at_the_main_core(Bench::with(Deadlines::past(), 1));
}
