//! `tandem-perf run --flap` in the process, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::run::{RunSettings, in_process};
use perf::traffic::{Mix, Size, Traffic};

const SETTINGS: RunSettings = RunSettings {
    traffic: Traffic { mix: Mix::Service, one_way: false, size: Size::Smallest, connections: 500 },
    new_percent: 0,
    workers: 1,
    seconds: 2,
    flap: Some(100),
};

#[test]
fn a_weight_that_changes_sends_no_known_packet_through_the_slow_path() {
    let result = in_process(&SETTINGS, Pages::Ordinary, &|_, _| ()).unwrap();
    let flapping = result.flapping.clone().unwrap();
    // At least one change in each second.
    assert!(flapping.changes >= 2, "{flapping:?}");
    assert!(flapping.mpps.median > 0.0);
    assert_eq!((flapping.slow_packets, flapping.slow_packets_without), (0, 0));
    assert!(result.drops.is_empty(), "{:?}", result.drops);
    record::check("flap", &SETTINGS, &result.figures, &result);
}
