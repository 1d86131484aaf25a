//! `tandem-perf handoff`, small.

#![allow(clippy::unwrap_used)]

mod record;

use perf::rig::Pages;
use perf::rig::handoff::{self, Plan};

#[test]
fn packets_reach_the_worker_that_has_their_connection() {
    let plan = Plan { connections: 100, parts: 2, rounds: 2, pages: Pages::Ordinary };
    let result = handoff::run(&plan, &|_| ()).unwrap();
    for cost in [&result.one_core, &result.two_cores] {
        assert!(cost.giver.least > 0.0 && cost.owner.least > 0.0);
    }
    assert!(result.figures.iter().all(|figure| figure.samples.len() == 2));
    record::check("handoff", &plan, &result.figures, &result);
}
