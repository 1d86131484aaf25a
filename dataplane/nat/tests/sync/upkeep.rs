//! Work that no packet brings is still work: a worker that has some does not sleep.

use nat::sync::Order;

use super::pair::{CAPACITY, Pair, at};

#[test]
fn each_step_of_the_sweep_counts_until_it_is_over() {
    let mut pair = Pair::new(1, 1, 4096);
    pair.begin(at(1));
    pair.settle(1);
    pair.order(0, Order::Sweep);
    let connections = &mut pair.importer.workers[0].connections;
    let mut steps = Vec::new();
    loop {
        match connections.follow_session(at(2), &pair.importer.services) {
            0 => break,
            done => steps.push(done),
        }
    }
    // One entry of the ring, and every record.
    assert_eq!(steps.iter().sum::<usize>(), 1 + CAPACITY);
    assert!(steps.len() >= CAPACITY / 64, "{steps:?}");
}
