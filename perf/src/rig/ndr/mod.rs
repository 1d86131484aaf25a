//! The rate without loss and the latency, in the manner of RFC 2544 (sections 26.1, 26.2).
//!
//! ```text
//!                      .-- rings --> router ----.
//!  generator, core 0 --|                         |--> back to the generator
//!                      '-- rings --> loop-back -'
//!                                     core 1
//! ```
//!
//! The generator sends at a steady rate, takes what comes back, and reads how long it was
//! under way from time stamps in the packets. The loop-back stands in the worker's place,
//! on its core, and sends what it receives: what the router adds to latency is what its
//! percentiles have beyond those of the loop-back. Both run in turn.
//!
//! On a machine that others use too, the kernel or the hypervisor takes a core away now
//! and then, and packets are lost by no fault of the router's. So trials are cut into
//! slices, each with a beginning and an end of its own. A slice in which either core stood
//! still is repeated if it lost packets, and one of the latency's in any case; the result
//! says how often. A poll of the router that takes so long itself cannot be told from that:
//! `expiry` looks for it.

mod device;
mod latency;
mod search;
mod steady;

use core::time::Duration;
use std::sync::Arc;

use nat::Side;
use serde::{Serialize, Serializer};

pub use latency::Load;

use super::frames::Template;
use super::generator::Generator;
use super::ring_pair;
use super::test_bed::{GENERATOR_CORE, Lifetime, Pages, TestBed, WORKER_CORE};
use crate::Error;
use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;
use device::{Device, Switch};
use steady::{SteadyGenerator, Traffic};

/// A core that does not come round for so long stood still, in microseconds.
pub const STILL_MICROS: u64 = 50;
/// How often a slice is repeated as a core stood still.
const REPEATS: u32 = 20;

#[derive(Clone, Debug, Serialize)]
pub struct NdrSettings {
    /// Connections, packets of random ones.
    pub connections: u32,
    /// Bytes of a frame without its checksum, 60 to 1514.
    pub frame: usize,
    /// Replies too, as many as requests.
    pub replies: bool,
    /// The length of a trial, all its slices together; milliseconds in a record.
    #[serde(serialize_with = "in_millis")]
    pub trial: Duration,
    /// The length of a slice; milliseconds in a record.
    #[serde(serialize_with = "in_millis")]
    pub slice: Duration,
    /// How near the search comes, in per cent of the highest rate.
    pub resolution: f64,
    /// Packets that may be lost, in per cent of those offered.
    pub tolerance: f64,
    pub rounds: u32,
    /// Percentages of the rate without loss at which latency is measured.
    pub loads: Vec<f64>,
    /// Slices at each load, in each of the two devices.
    pub slices: u32,
    pub pages: Pages,
}

fn in_millis<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64() * 1e3)
}

#[derive(Clone, Debug, Serialize)]
pub struct Ndr {
    /// Connections, packets of random ones.
    pub connections: u32,
    /// Bytes of a frame without its checksum.
    pub frame: usize,
    /// Replies too, as many as requests.
    pub replies: bool,
    /// Packets that might be lost, in per cent of those offered.
    pub tolerance: f64,
    /// The highest rate without more loss than that, in millions of packets a second.
    pub mpps: Summary,
    /// The rate that the generator reaches with the loop-back: no search goes beyond it.
    pub generator_mpps: f64,
    /// True if the router lost nothing at the highest rate that the generator reached: it
    /// might do more.
    pub is_limited_by_generator: bool,
    /// Trials of all searches.
    pub trials: u32,
    /// Slices that count, of all trials.
    pub slices: u32,
    /// Slices that were repeated as a core stood still.
    pub repeated: u32,
    /// Trials that lost packets, and in which a core stood still even in repetitions.
    pub undecided: u32,
    pub loads: Vec<Load>,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// Measures; `progress` is told of each trial.
///
/// # Errors
///
/// [`Error`], when DPDK or the worker does not do its part.
pub fn run(settings: &NdrSettings, progress: &dyn Fn(&str)) -> Result<Ndr, Error> {
    let test_bed = TestBed::new(settings.pages, GENERATOR_CORE, &[WORKER_CORE])?;
    let router = test_bed.fixture(settings.connections, Lifetime::LONG)?;
    let [near, far] = loop_back(&test_bed)?;
    let counters = Arc::clone(&router.parts.counters);
    let switch = Arc::new(Switch::to(Device::Router));
    let mut generator = Generator::new(router.near, &test_bed.mempool);
    let (parts, at_worker) = (router.parts, Arc::clone(&switch));
    let worker = test_bed.eal.launch(WORKER_CORE, move || device::attend(parts, far, &at_worker));
    let worker = worker.map_err(Error::dataplane)?;
    let [request, reply] = Side::ALL.map(|side| Template::udp(side, settings.frame));
    let measured = (|| {
        let clients: Vec<u32> = (0..settings.connections).collect();
        let flows = generator.open(&request, &clients)?;
        if counters.opened.get() != u64::from(settings.connections) {
            return Err(Error::dataplane("not every connection was opened"));
        }
        let templates = if settings.replies { vec![request, reply] } else { vec![request] };
        let traffic = Traffic::new(templates, flows, settings.connections);
        let generators = [generator, Generator::new(near, &test_bed.mempool)];
        measure(settings, &mut SteadyGenerator::new(generators, traffic, &switch), progress)
    })();
    switch.stop();
    worker.join().map_err(Error::dataplane)?;
    measured
}

/// Pairs of rings to the loop-back, by side: the near ends and the far ones.
fn loop_back(test_bed: &TestBed) -> Result<[[ring_pair::End; 2]; 2], Error> {
    let [near, far] = ring_pair::create(&test_bed.eal, &test_bed.mempool)?;
    let [other_near, other_far] = ring_pair::create(&test_bed.eal, &test_bed.mempool)?;
    Ok([[near, other_near], [far, other_far]])
}

/// What the generator reaches without the router: packets a second, the median of slices
/// in which no core stood still, if there are any.
fn highest(
    settings: &NdrSettings,
    generator: &mut SteadyGenerator,
    figures: &mut Vec<Figure>,
) -> Result<f64, Error> {
    let slice = |_| generator.trial(Device::Loopback, f64::INFINITY, settings.slice, None);
    let (disturbed, usual): (Vec<_>, Vec<_>) =
        (0..REPEATS).map(slice).partition(|slice| slice.stood_still);
    let slices = if usual.is_empty() { disturbed } else { usual };
    let mpps = slices.iter().map(|slice| slice.returned() / 1e6).collect();
    let figure = Figure::new("generator alone", "Mpps", Better::Neither, Each::Part, mpps);
    Ok(figure.put(figures)?.median * 1e6)
}

fn measure(
    settings: &NdrSettings,
    generator: &mut SteadyGenerator,
    progress: &dyn Fn(&str),
) -> Result<Ndr, Error> {
    let mut figures = Vec::new();
    let most = highest(settings, generator, &mut figures)?;
    progress(&format!("the generator alone: {:.2} Mpps", most / 1e6));
    let mut searches = search::Searches::new(settings, most, progress);
    let mut rates = Vec::new();
    for _ in 0..settings.rounds {
        rates.push(searches.run(generator)? / 1e6);
    }
    let mpps = Figure::new("rate without loss", "Mpps", Better::Higher, Each::Round, rates)
        .put(&mut figures)?;
    let rate = mpps.median * 1e6;
    let loads = settings.loads.iter().map(|&percent| {
        progress(&format!("latency at {percent} %"));
        latency::measure(settings, generator, percent, rate, &mut figures)
    });
    let loads = loads.collect::<Result<_, _>>()?;
    Ok(Ndr {
        connections: settings.connections,
        frame: settings.frame,
        replies: settings.replies,
        tolerance: settings.tolerance,
        generator_mpps: most / 1e6,
        is_limited_by_generator: searches.is_limited || rate >= most * 0.99,
        trials: searches.trials,
        slices: searches.slices,
        repeated: searches.repeated,
        undecided: searches.undecided,
        loads,
        mpps,
        figures,
    })
}
