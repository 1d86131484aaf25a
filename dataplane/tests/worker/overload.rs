//! A source that overflows: known connections go before what has none.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use nat::Side;
use wire::tcp::Flags;
use wire::testing::Frame;

use crate::bench::{Bench, CLIENT, REAL, VIP, arriving, datagram, question};

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
fn what_the_kernel_is_to_have_is_a_strangers_but_of_the_peer_of_servers_and_for_management() {
    let mut bench = Bench::with_more(
        "[peer]\nkey_file = \"/etc/tandem/peer.key\"\n\
         paths = [{ local = \"198.51.100.2\", remote = \"198.51.100.3\" }]\n",
    );
    bench.arrive(Side::Public, &[question(0)]);
    let heartbeat = Frame::udp(([198, 51, 100, 3], 7405), (REAL, 7405));
    let ssh = Frame::tcp((CLIENT, 40_000), (REAL, 22), Flags::SYN);
    for _ in 0..2 * HELD {
        for frame in [&heartbeat, &ssh] {
            let frame = arriving(Side::Public, frame.clone()).build();
            bench.arrive(Side::Public, &burst(&frame));
            assert_eq!(bench.punted().len(), 31);
        }
    }
    assert_eq!(bench.dropped(DropReason::Overload), 0);
    bench.arrive(Side::Public, &burst(&stranger(REAL)));
    assert_eq!(bench.punted().len(), 4);
    assert_eq!(bench.dropped(DropReason::Overload), 27);
}
