//! What the router answers is limited, each kind by itself: a flood of one kind leaves the
//! others alone, and what is not answered costs nothing.

use etherparse::IpNumber;
use nat::Side;
use wire::parse;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, SERVER, VIP, arriving, question};

/// The types of the ICMP messages that left on a side.
fn types(bench: &mut Bench, side: Side) -> Vec<u8> {
    bench
        .sent(side)
        .iter()
        .map(|frame| frame[parse::frame(frame).unwrap().ipv4().unwrap().l4_offset() as usize])
        .collect()
}

fn large() -> Vec<u8> {
    let frame = Frame::udp((CLIENT, 4242), (VIP, 53)).payload([0; 1600]).dont_fragment();
    arriving(Side::Public, frame).build()
}

#[test]
fn path_mtu_discovery_goes_on_beside_a_flood_of_expired_packets() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    let expired = arriving(Side::Public, Frame::udp((CLIENT, 4242), (VIP, 53)).ttl(1)).build();
    for _ in 0..100 {
        bench.arrive(Side::Public, &vec![expired.clone(); 32]);
    }
    let before = types(&mut bench, Side::Public);
    assert!(!before.is_empty() && before.len() < 3200 && before.iter().all(|&kind| kind == 11));
    assert!(bench.counters.icmp_limited.get() > 0);
    for _ in 0..20 {
        bench.arrive(Side::Public, &[large()]);
    }
    assert_eq!(types(&mut bench, Side::Public), [3; 20]);
}

#[test]
fn the_other_side_has_limits_of_its_own() {
    let mut bench = Bench::new();
    let expired = arriving(Side::Public, Frame::udp((CLIENT, 4242), (VIP, 53)).ttl(1)).build();
    for _ in 0..100 {
        bench.arrive(Side::Public, &vec![expired.clone(); 32]);
    }
    bench.sent(Side::Public);
    let expired = Frame::udp((SERVER, 7000), (CLIENT, 9)).ttl(1);
    bench.arrive(Side::Private, &[arriving(Side::Private, expired).build()]);
    assert_eq!(types(&mut bench, Side::Private), [11]);
}

#[test]
fn fragments_that_are_never_answered_use_up_nothing() {
    let mut bench = Bench::new();
    let gre = Frame::other(SERVER, CLIENT, IpNumber::GRE.0, &[0; 800]);
    let later = arriving(Side::Private, gre.clone().fragment(400, 400)).build();
    for _ in 0..100 {
        bench.arrive(Side::Private, &vec![later.clone(); 32]);
    }
    assert!(bench.sent(Side::Private).is_empty());
    assert_eq!(bench.counters.icmp_limited.get(), 0);
    // The control: the same protocol in one piece is answered.
    bench.arrive(Side::Private, &[arriving(Side::Private, gre).build()]);
    assert_eq!(types(&mut bench, Side::Private), [3]);
}
