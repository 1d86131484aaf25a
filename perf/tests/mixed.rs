//! `tandem-perf run` in the process, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::Error;
use perf::rig::Pages;
use perf::run::{Plan, Source, in_process};
use perf::traffic::{Mix, Size, Traffic};

const PLAN: Plan = Plan {
    traffic: Traffic { mix: Mix::Service, one_way: false, size: Size::Imix, connections: 500 },
    new_percent: 1,
    workers: 1,
    seconds: 1,
};

#[test]
fn new_connections_begin_and_end_beside_known_ones() {
    assert_eq!(PLAN.source(), Source::Process);
    let result = in_process(&PLAN, Pages::Ordinary, &|_, _| ()).unwrap();
    let new = result.new_connections.unwrap().median;
    // Of each hundred packets one.
    let share = new / (result.mpps.median * 1e6);
    assert!((0.005..=0.02).contains(&share), "{share}");
    // Those that have ended are no longer there: fewer than begin in the warm-up and the run.
    let table = result.occupancy;
    assert!(table.connections > 500 && table.connections < table.capacity, "{table:?}");
    assert!(result.stages["dispatch"].median > 0.0);
    assert_eq!(result.drops.keys().filter(|reason| *reason != "overload").count(), 0);
    record::check("run", &PLAN, &result.figures, &result);
}

#[test]
fn what_the_process_cannot_feed_is_told() {
    for plan in [
        Plan { workers: 2, ..PLAN },
        Plan { traffic: Traffic { mix: Mix::Both, ..PLAN.traffic }, ..PLAN },
    ] {
        let error = in_process(&plan, Pages::Ordinary, &|_, _| ()).unwrap_err();
        assert!(matches!(error, Error::NotInTheProcess), "{error}");
    }
}

#[test]
fn known_connections_alone_are_replayed_as_long_as_net_pcap_holds_them() {
    let of = |connections| Traffic { connections, ..PLAN.traffic };
    let plan = Plan { new_percent: 0, traffic: of(4 << 20), ..PLAN };
    assert_eq!(plan.source(), Source::Replay);
    assert_eq!(Plan { traffic: of((4 << 20) + 1), ..plan }.source(), Source::Process);
}
