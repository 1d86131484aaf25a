//! IP checksums that a NIC has looked at, and those that it has not.

use dataplane::drop_reason::DropReason;
use dpdk::mbuf::Mbuf;
use nat::Side;

use crate::bench::{Bench, CLIENT, SERVER, datagram, question};

/// A frame whose IP checksum is wrong.
fn broken(mut frame: Vec<u8>) -> Vec<u8> {
    frame[24] ^= 1;
    frame
}

fn answer() -> Vec<u8> {
    datagram(Side::Private, (SERVER, 53), (CLIENT, 4242), 1)
}

#[test]
fn what_a_nic_has_found_right_is_not_looked_at_again() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    bench.arrive_as(Side::Private, &[broken(answer())], Mbuf::set_right_ip_checksum);
    assert_eq!(bench.sent(Side::Public).len(), 1);
    assert_eq!(bench.counters.fast.get(), 1);
}

#[test]
fn what_it_has_not_found_right_is() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    bench.arrive(Side::Private, &[broken(answer()), answer()]);
    assert_eq!(bench.sent(Side::Public).len(), 1);
    assert_eq!(bench.dropped(DropReason::IpHeader), 1);
}

#[test]
fn a_nic_that_does_not_look_is_not_asked() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    bench.arrive_as(Side::Public, &[broken(question(1))], Mbuf::set_right_ip_checksum);
    assert_eq!(bench.sent(Side::Private).len(), 1);
    assert_eq!(bench.dropped(DropReason::IpHeader), 1);
}
