//! Addresses that no host has: the fast path doesn't look at them, since no connection has one.

use std::net::Ipv4Addr;

use dataplane::drop_reason::DropReason;
use nat::Side;

use crate::bench::{Bench, SERVER, VIP, datagram};

#[test]
fn an_inside_host_opens_no_way_in_for_a_sender_that_cannot_be() {
    let mut bench = Bench::new();
    let nobodies = [[224, 0, 0, 18], [239, 1, 1, 1], [240, 0, 0, 1], [255, 255, 255, 255]];
    for (at, nobody) in nobodies.map(Ipv4Addr::from).into_iter().enumerate() {
        bench.arrive(Side::Private, &[datagram(Side::Private, (SERVER, 7000), (nobody, 9), 1)]);
        assert_eq!(bench.sent(Side::Public).len(), 0, "to {nobody}");
        assert_eq!(bench.counters.opened.get(), 0, "to {nobody}");
        assert_eq!(bench.dropped(DropReason::NotForUs), at as u64 + 1);

        bench.arrive(Side::Public, &[datagram(Side::Public, (nobody, 9), (VIP, 7000), 2)]);
        assert_eq!(bench.sent(Side::Private).len(), 0, "from {nobody}");
        assert_eq!(bench.dropped(DropReason::Martian), at as u64 + 1);
    }
}
