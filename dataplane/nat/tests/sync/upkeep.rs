//! Work that no packet brings is still work: a worker that has some does not sleep.

use nat::connection::Kind;
use nat::sync::Order;
use wire::Protocol;

use super::pair::{CAPACITY, Pair, at, opening};

#[test]
fn each_step_of_the_sweep_counts_until_it_is_over() {
    let mut pair = Pair::new(1, 1, 4096);
    pair.begin(at(1));
    pair.settle(1);
    pair.order(0, Order::Sweep);
    let connections = &mut pair.importer.workers[0].connections;
    let mut steps = Vec::new();
    loop {
        match connections.follow_session(at(2), &pair.importer.services, |_| ()) {
            0 => break,
            done => steps.push(done),
        }
    }
    // One entry of the ring, and every record.
    assert_eq!(steps.iter().sum::<usize>(), 1 + CAPACITY);
    assert!(steps.len() >= CAPACITY / 64, "{steps:?}");
}

#[test]
fn arming_after_a_promotion_counts_until_it_is_over() {
    let mut pair = Pair::new(1, 1, 4096);
    let opening = opening(&pair.exporter.services, Kind::Service, Protocol::Tcp, 0, 0);
    let connections = &mut pair.exporter.workers[0].connections;
    connections.set_standby(true, at(1));
    connections.open(&opening, at(1)).unwrap();
    assert!(!connections.expire(at(1), |_, _| ()));
    connections.set_standby(false, at(2));
    let steps = (0..1000).take_while(|_| connections.expire(at(2), |_, _| ())).count();
    assert_eq!(steps, CAPACITY / 32 - 1);
}
