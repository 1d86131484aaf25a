//! `tandem-perf flood`, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::rig::flood::{self, FloodSettings};

#[test]
fn new_connections_are_accepted_beside_the_known_ones() {
    let settings = FloodSettings {
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
