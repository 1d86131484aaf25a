//! `tandem-perf ndr`, small. Where other tests run beside it packets are lost, so any loss
//! is tolerated.

#![allow(clippy::unwrap_used)]

mod record;

use core::time::Duration;

use perf::rig::Pages;
use perf::rig::ndr::{self, NdrSettings};

#[test]
fn packets_pass_the_router_and_the_loop_back() {
    let settings = NdrSettings {
        connections: 100,
        frame: 60,
        replies: true,
        trial: Duration::from_millis(2),
        slice: Duration::from_micros(200),
        resolution: 10.0,
        tolerance: 100.0,
        rounds: 1,
        loads: vec![50.0],
        slices: 10,
        pages: Pages::Ordinary,
    };
    let result = ndr::run(&settings, &|_| ()).unwrap();
    assert_eq!((result.trials, result.slices), (1, 10));
    assert!(result.mpps.median > 0.0);
    let [load] = &result.loads[..] else { panic!("{} loads", result.loads.len()) };
    assert!(load.router.p50 > 0.0 && load.loopback.p50 > 0.0);
    record::check("ndr", &settings, &result.figures, &result);
}
