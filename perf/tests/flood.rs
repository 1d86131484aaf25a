//! `tandem-perf flood`, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::rig::flood::{self, FloodSettings, Target};

#[test]
fn new_connections_are_accepted_beside_the_known_ones() {
    let settings = FloodSettings {
        target: Target::Service,
        connections: 500,
        rate: 200_000,
        rounds: 2,
        millis: 20,
        pages: Pages::Ordinary,
    };
    let result = flood::run(&settings, &|_| ()).unwrap();
    assert!(result.figures.iter().all(|figure| figure.samples.len() == 2));
    // 4,000 in each slice, less those of its last round.
    assert!(result.accepted.median > 100_000.0, "{:?}", result.accepted);
    assert!(result.flooded.least > 0.0);
    record::check("flood", &settings, &result.figures, &result);
}

#[test]
fn packets_for_the_machine_itself_are_bounded_beside_the_known_ones() {
    let settings = FloodSettings {
        target: Target::RealAddress,
        connections: 500,
        rate: 2_000_000,
        rounds: 2,
        millis: 20,
        pages: Pages::Ordinary,
    };
    let result = flood::run(&settings, &|_| ()).unwrap();
    // How much the class of the kernel takes is bounded by a clock that goes on while the worker
    // waits for its core.
    assert!(result.accepted.median > 0.0, "{:?}", result.accepted);
    assert!(result.flooded.least > 0.0);
}
