//! Multicast of routing protocols reaches the kernel where the configuration says so.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use dataplane::handoff_tag::HandoffTag;
use dataplane::punt::PuntClass;
use dataplane::role::Deadlines;
use nat::Side;
use wire::MacAddress;
use wire::testing::Frame;

use crate::bench::{Bench, CONFIGURATION, MACS, NEIGHBOURS};

/// Neighbours on the link, by side.
const ROUTERS: [Ipv4Addr; 2] = [Ipv4Addr::new(198, 51, 100, 1), Ipv4Addr::new(10, 0, 0, 77)];
const EVERY_ONE: &str = r#"["ospf", "vrrp", "pim", "igmp", "lldp"]"#;
/// "Every router on the way is to look at this" (RFC 2113).
const ROUTER_ALERT: [u8; 4] = [0x94, 4, 0, 0];

fn group(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(224, 0, 0, last)
}

/// A packet of a router on this side to a group, as it stands on the link.
fn packet(side: Side, protocol: u8, to: u8) -> Frame {
    let source = ROUTERS[side.index()];
    let frame = Frame::other(source, group(to), protocol, b"a hello of some protocol");
    frame.ttl(1).macs(NEIGHBOURS[side.index()], MacAddress::of_group(group(to)))
}

fn lldp(last: u8) -> Vec<u8> {
    let mut frame = vec![0x01, 0x80, 0xc2, 0, 0, last];
    frame.extend(NEIGHBOURS[0].0);
    frame.extend([0x88, 0xcc, 0x02, 7, 4]);
    frame.extend(NEIGHBOURS[0].0);
    frame.resize(60, 0);
    frame
}

/// All that is configured by these names, on one side.
fn one_of_each(side: Side) -> Vec<Vec<u8>> {
    let over_ip = [(89, 5), (89, 6), (112, 18), (103, 13), (2, 1), (2, 2), (2, 22)];
    let over_ip = over_ip.map(|(protocol, to)| packet(side, protocol, to).build());
    over_ip.into_iter().chain([0x0e, 0x03, 0x00].map(lldp)).collect()
}

/// The public side of the bench hands these to the kernel.
fn configuration(public: &str) -> String {
    CONFIGURATION.replace(
        "gateway = \"198.51.100.1\"\n",
        &format!("gateway = \"198.51.100.1\"\nkernel_multicast = {public}\n"),
    )
}

/// One whose public side hands these to the kernel.
fn bench(public: &str) -> Bench {
    Bench::with_configuration(&configuration(public), Deadlines::never())
}

/// What the kernel of this side was given.
fn given(bench: &mut Bench, side: Side) -> Vec<Vec<u8>> {
    let punted = bench.punted();
    assert!(punted.iter().all(|mbuf| HandoffTag::of(mbuf) == Some(HandoffTag::Kernel(side))));
    punted.iter().map(|mbuf| mbuf.data().to_vec()).collect()
}

#[test]
fn the_kernel_gets_what_is_configured_unchanged_in_its_class() {
    let mut bench = bench(EVERY_ONE);
    let frames = one_of_each(Side::Public);
    bench.arrive(Side::Public, &frames);
    assert_eq!(given(&mut bench, Side::Public), frames);
    for class in PuntClass::ALL {
        let expected = if class == PuntClass::Arp { frames.len() as u64 } else { 0 };
        assert_eq!(bench.counters.punted[class.index()].get(), expected, "{class:?}");
    }
    assert_eq!(bench.counters.drops.total(), 0);
    // It has no more room than what else stations of the link send to all.
    for _ in 0..10 {
        bench.arrive(Side::Public, &frames);
    }
    let dropped = bench.counters.punt_dropped[PuntClass::Arp.index()].get();
    assert_eq!((dropped, bench.dropped(DropReason::HousekeepingFull)), (37, 37));
}

#[test]
fn options_fragments_and_priority_tags_are_no_obstacle() {
    let mut bench = bench(EVERY_ONE);
    let plain = packet(Side::Public, 89, 5);
    let alerted = packet(Side::Public, 2, 22).options(&ROUTER_ALERT).build();
    let mut frames = vec![alerted.clone()];
    let whole = plain.clone().payload([7; 64]);
    let cut = [(0, 4), (4, 4)].map(|cut| Frame { cut: Some(cut), ..whole.clone() }.build());
    frames.extend(cut.clone());
    frames.push(plain.clone().vlan(0).build());
    bench.arrive(Side::Public, &frames);
    let [first, second] = cut;
    assert_eq!(given(&mut bench, Side::Public), [alerted, first, second, plain.build()]);
}

#[test]
fn a_standby_gets_the_same() {
    let role = Deadlines::past();
    let mut bench = Bench::with_configuration(&configuration(EVERY_ONE), role);
    let frames = one_of_each(Side::Public);
    bench.arrive(Side::Public, &frames);
    assert_eq!(given(&mut bench, Side::Public), frames);
}

#[test]
fn what_is_not_configured_is_dropped() {
    let mut bench = bench(r#"["vrrp"]"#);
    bench.arrive(Side::Public, &one_of_each(Side::Public));
    assert_eq!(given(&mut bench, Side::Public), [packet(Side::Public, 112, 18).build()]);
    assert_eq!(bench.dropped(DropReason::NotForUs), 6);
    assert_eq!(bench.dropped(DropReason::EtherType), 3);
    // Nor does the other side have it.
    bench.arrive(Side::Private, &one_of_each(Side::Private));
    assert!(bench.punted().is_empty());
    assert_eq!(bench.dropped(DropReason::NotForUs), 13);
    assert_eq!(bench.dropped(DropReason::EtherType), 6);
}

#[test]
fn exactly_these_frames_and_no_others_like_them() {
    let mut bench = bench(EVERY_ONE);
    let plain = packet(Side::Public, 89, 5);
    let to = |mac| plain.clone().macs(NEIGHBOURS[0], mac).build();
    let from = |source: [u8; 4]| Frame { source: source.into(), ..plain.clone() }.build();
    let mut of_another_type = lldp(0x0e);
    of_another_type[13] = 0xcd;
    let stories = [
        (packet(Side::Public, 89, 18).build(), DropReason::NotForUs),
        (packet(Side::Public, 112, 5).build(), DropReason::NotForUs),
        // Another group with the same Ethernet address.
        (
            Frame { destination: [239, 0, 0, 5].into(), ..plain.clone() }.build(),
            DropReason::NotForUs,
        ),
        (to(MacAddress::BROADCAST), DropReason::NotForUs),
        (to(MacAddress::of_group(group(6))), DropReason::NotForUs),
        (to(MACS[0]), DropReason::Martian),
        (from([10, 0, 0, 11]), DropReason::Spoofed),
        (from([127, 0, 0, 1]), DropReason::Martian),
        (plain.clone().vlan(7).build(), DropReason::Vlan),
        (lldp(0x01), DropReason::EtherType),
        (of_another_type, DropReason::EtherType),
    ];
    for (frame, reason) in stories {
        let before = bench.dropped(reason);
        bench.arrive(Side::Public, &[frame]);
        assert_eq!(bench.dropped(reason), before + 1, "{reason:?}");
        assert!(bench.punted().is_empty(), "{reason:?}");
    }
}

#[test]
fn what_the_kernel_sends_leaves_as_it_is() {
    let role = Deadlines::past();
    let mut bench = Bench::with_configuration(CONFIGURATION, role);
    let hello = packet(Side::Public, 89, 5).options(&ROUTER_ALERT);
    let hello = hello.macs(MACS[0], MacAddress::of_group(group(5))).build();
    let frames = [hello, lldp(0x0e)];
    bench.send_own(Side::Public, &frames);
    assert_eq!(bench.sent(Side::Public), frames);
    assert_eq!(bench.counters.drops.total(), 0);
}
