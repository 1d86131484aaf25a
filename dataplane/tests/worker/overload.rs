//! A source that overflows: known connections go before what has none.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use nat::Side;

use crate::bench::{Bench, CLIENT, REAL, VIP, datagram, drain, question};

/// Full bursts in a row that a queue holds.
const HELD: u64 = 32;

/// A burst of one packet of a known connection, and as many as fit that nothing listens for.
fn burst(stranger: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = vec![stranger.to_vec(); 32];
    frames[9] = question(9);
    frames
}

fn stranger(to: Ipv4Addr) -> Vec<u8> {
    datagram(Side::Public, (CLIENT, 40_000), (to, 9), 0)
}

#[test]
fn of_a_source_that_overflows_a_few_strangers_are_served_and_all_known_packets() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    for _ in 0..HELD {
        bench.arrive(Side::Public, &burst(&stranger(VIP)));
    }
    assert_eq!(bench.dropped(DropReason::NoService), 31 * HELD);
    assert_eq!(bench.dropped(DropReason::Overload), 0);
    for _ in 0..10 {
        bench.arrive(Side::Public, &burst(&stranger(VIP)));
    }
    assert_eq!(bench.dropped(DropReason::NoService), 31 * HELD + 4 * 10);
    assert_eq!(bench.dropped(DropReason::Overload), 27 * 10);
    // The source had no more than this: what comes then may be anything.
    bench.arrive(Side::Public, &burst(&stranger(VIP))[1..]);
    bench.arrive(Side::Public, &burst(&stranger(VIP)));
    assert_eq!(bench.dropped(DropReason::Overload), 27 * 10);
    assert_eq!(bench.sent(Side::Private).len() as u64, 1 + HELD + 10 + 2);
    // Some of the strangers were told that nobody listens.
    assert!(!bench.sent(Side::Public).is_empty());
    assert_eq!(bench.pool.in_use(), 0);
}

#[test]
fn strangers_alone_are_in_nobodys_way() {
    let mut bench = Bench::new();
    for _ in 0..2 * HELD {
        bench.arrive(Side::Public, &vec![stranger(VIP); 32]);
    }
    assert_eq!(bench.dropped(DropReason::NoService), 2 * 32 * HELD);
    assert_eq!(bench.dropped(DropReason::Overload), 0);
}

#[test]
fn what_the_kernel_is_to_have_is_no_stranger() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    for _ in 0..2 * HELD {
        bench.arrive(Side::Public, &burst(&stranger(REAL)));
        assert_eq!(drain(&mut bench.for_main).len(), 31);
    }
    assert_eq!(bench.dropped(DropReason::Overload), 0);
}
