//! `tandem-perf cps`, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::rig::cps::{self, CpsSettings};

#[test]
fn connections_open_and_end_and_fill_a_table() {
    let settings = CpsSettings { connections: 2000, pages: Pages::Ordinary };
    let result = cps::run(settings, &|_| ()).unwrap();
    assert!(result.figures.iter().all(|figure| figure.samples.len() >= 16));

    let ways = [&result.closing.udp, &result.closing.fin, &result.closing.reset];
    assert!(ways.iter().all(|way| way.connections == 2000));
    let ended_by_packets = ways.map(|way| way.packets.is_some());
    assert_eq!(ended_by_packets, [false, true, true]);

    let capacity = result.capacity;
    assert!(capacity.held <= u64::from(capacity.room) && capacity.held > 1900, "{capacity:?}");
    assert_eq!(capacity.passing, capacity.held);
    assert_eq!(capacity.held + capacity.refused, u64::from(capacity.offered));
    assert!(result.memory.table > 0.0 && result.memory.resident > 0.0);
    record::check("cps", &settings, &result.figures, &result);
}
