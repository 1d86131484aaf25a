//! `tandem-perf run` in the process, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::Error;
use perf::rig::Pages;
use perf::run::{RunSettings, Source, in_process};
use perf::traffic::{Mix, Size, Traffic};

const SETTINGS: RunSettings = RunSettings {
    traffic: Traffic { mix: Mix::Service, one_way: false, size: Size::Imix, connections: 500 },
    new_percent: 1,
    workers: 1,
    seconds: 1,
    flap: None,
};

#[test]
fn new_connections_begin_and_end_beside_known_ones() {
    assert_eq!(SETTINGS.source(), Source::Process);
    let result = in_process(&SETTINGS, Pages::Ordinary, &|_, _| ()).unwrap();
    let new = result.new_connections.unwrap().median;
    // Of each hundred packets one.
    let share = new / (result.mpps.median * 1e6);
    assert!((0.005..=0.02).contains(&share), "{share}");
    // Those that have ended are no longer there: fewer than begin in the warm-up and the run.
    let table = result.occupancy;
    assert!(table.connections > 500 && table.connections < table.capacity, "{table:?}");
    assert!(result.stages["dispatch"].median > 0.0);
    assert_eq!(result.drops.keys().filter(|reason| *reason != "overload").count(), 0);
    record::check("run", &SETTINGS, &result.figures, &result);
}

#[test]
fn what_the_process_cannot_feed_is_told() {
    for settings in [
        RunSettings { workers: 2, ..SETTINGS },
        RunSettings { traffic: Traffic { mix: Mix::Both, ..SETTINGS.traffic }, ..SETTINGS },
    ] {
        let error = in_process(&settings, Pages::Ordinary, &|_, _| ()).unwrap_err();
        assert!(matches!(error, Error::NotInTheProcess), "{error}");
    }
}

#[test]
fn known_connections_alone_are_replayed_as_long_as_net_pcap_holds_them() {
    let of = |connections| Traffic { connections, ..SETTINGS.traffic };
    let settings = RunSettings { new_percent: 0, traffic: of(4 << 20), ..SETTINGS };
    assert_eq!(settings.source(), Source::Replay);
    assert_eq!(RunSettings { traffic: of((4 << 20) + 1), ..settings }.source(), Source::Process);
}
