//! One run of the dataplane, second by second, as testpmd shows its own.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::Error;
use crate::flap::{self, Flapping, Pair};
use crate::hugepages::Hugepages;
use crate::record::{Better, Each, Figure};
use crate::replay::Replay;
use crate::rig::Pages;
use crate::rig::mixed::Mixed;
use crate::statistics::Summary;
use crate::tandem::{DataplaneProcess, Occupancy, Run, STAGES};

pub use crate::run_settings::RunSettings;

#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    /// Forwarded packets, in millions a second, over the seconds.
    pub mpps: Summary,
    /// Bits of frames with preamble, checksum and gap, in thousands of millions a second, by
    /// the median.
    pub gbps: f64,
    /// Cycles of the time stamp counter in each packet, receiving and sending included.
    pub cycles_per_packet: Summary,
    /// The same by stage, from the polls that were timed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<&'static str, Summary>,
    /// Packets that a poll finds on a side where there are some.
    pub packets_per_burst: f64,
    /// Connections opened a second; left out where all are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_connections: Option<Summary>,
    /// The same while a server's weight changed; left out where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
    /// How full the tables were.
    pub occupancy: Occupancy,
    /// Packets dropped while it ran, by reason; reasons that did not happen are left out.
    #[serde(skip)]
    pub drops: BTreeMap<String, u64>,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// Bytes that a frame takes on a wire beside those in memory: preamble 8, checksum 4,
/// gap 12.
const WIRE: f64 = 24.0;

impl RunSettings {
    /// Where the packets come from.
    pub fn source(&self) -> Source {
        match self.new_percent > 0 || self.traffic.connections > Replay::MOST_CONNECTIONS {
            true => Source::Process,
            false => Source::Replay,
        }
    }
}

/// Where the packets of a run come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// From files that net_pcap replays to the real program.
    Replay,
    /// From this process, to the real worker in it, over net_ring.
    Process,
}

/// Forwards as planned; `progress` is told of each second.
///
/// # Errors
///
/// [`Error`], with the dataplane's last words.
pub fn run(
    settings: &RunSettings,
    folder: &Path,
    progress: &dyn Fn(u32, &Run),
) -> Result<Throughput, Error> {
    match settings.source() {
        Source::Replay => replay(settings, folder, progress),
        Source::Process => in_process(settings, Pages::Huge, progress),
    }
}

/// The same in this process, whatever the settings is.
///
/// # Errors
///
/// As [`run`].
pub fn in_process(
    settings: &RunSettings,
    pages: Pages,
    progress: &dyn Fn(u32, &Run),
) -> Result<Throughput, Error> {
    let mut mixed = Mixed::start(settings, pages)?;
    let seconds = seconds(settings, progress, |flap| match flap {
        None => Ok((mixed.second()?, 0)),
        Some(a_second) => mixed.second_flapping(a_second),
    })?;
    result(settings, &seconds, mixed.occupancy())
}

fn replay(
    settings: &RunSettings,
    folder: &Path,
    progress: &dyn Fn(u32, &Run),
) -> Result<Throughput, Error> {
    enough_cores(settings.workers)?;
    let replay = Replay::write(folder, "flows", &settings.traffic, settings.workers)?;
    let _pages = Hugepages::reserve(replay.mebibytes())?;
    let mut dataplane =
        DataplaneProcess::start(&replay, &settings.traffic, folder, settings.workers)?;
    dataplane.follow()?;
    let second = Duration::from_secs(1);
    let seconds = seconds(settings, progress, |flap| {
        let (run, changes) = match flap {
            None => (dataplane.measure(second)?, 0),
            Some(a_second) => dataplane.measure_flapping(second, a_second)?,
        };
        dataplane.check(&run)?;
        Ok((run, changes))
    })?;
    result(settings, &seconds, dataplane.occupancy()?)
}

/// The seconds of a run, and those among them that a second with a changing weight followed.
#[derive(Default)]
struct Seconds {
    runs: Vec<Run>,
    pairs: Vec<Pair>,
}

/// Measures second by second, with changes of a weight and without in turn where the settings
/// ask for them.
fn seconds(
    settings: &RunSettings,
    progress: &dyn Fn(u32, &Run),
    mut measure: impl FnMut(Option<u32>) -> Result<(Run, u64), Error>,
) -> Result<Seconds, Error> {
    let mut seconds = Seconds::default();
    for second in 1..=settings.seconds {
        let (run, _) = measure(None)?;
        progress(second, &run);
        if settings.flap.is_some() {
            let (with, changes) = measure(settings.flap)?;
            progress(second, &with);
            seconds.pairs.push(Pair { without: run.clone(), with, changes });
        }
        seconds.runs.push(run);
    }
    Ok(seconds)
}

/// Core 0 is everything's that is no worker.
fn enough_cores(workers: usize) -> Result<(), Error> {
    let cores = crate::machine::Machine::this().cores;
    if workers < cores { Ok(()) } else { Err(Error::TooFewCores { workers, cores }) }
}

fn result(
    settings: &RunSettings,
    Seconds { runs, pairs }: &Seconds,
    occupancy: Occupancy,
) -> Result<Throughput, Error> {
    let figure = |name: &str, unit, better, of: &dyn Fn(&Run) -> f64| {
        Figure::new(name, unit, better, Each::Second, runs.iter().map(of).collect())
    };
    let rate = figure("tandem", "Mpps", Better::Higher, &|run| run.mpps);
    let cycles = figure("tandem", "cycles a packet", Better::Lower, &|run| run.cycles);
    let timed = |stage: &str| runs.iter().all(|run| run.stages.contains_key(stage));
    let by_stage: Vec<(&str, Figure)> = STAGES
        .into_iter()
        .filter(|stage| timed(stage))
        .map(|stage| {
            let of = |run: &Run| run.stages.get(stage).copied().unwrap_or_default();
            (stage, figure(stage, "cycles a packet", Better::Lower, &of))
        })
        .collect();
    let opened = (settings.new_percent > 0)
        .then(|| figure("new connections", "a second", Better::Higher, &|run| run.opened));
    let all: Vec<Run> = runs.iter().chain(pairs.iter().map(|pair| &pair.with)).cloned().collect();
    let mpps = rate.summary()?;
    let bursts: Vec<f64> = runs.iter().map(|run| run.burst).collect();
    Ok(Throughput {
        mpps,
        gbps: mpps.median * (settings.traffic.mean_frame() + WIRE) * 8.0 / 1e3,
        cycles_per_packet: cycles.summary()?,
        stages: by_stage
            .iter()
            .map(|(stage, figure)| Ok((*stage, figure.summary()?)))
            .collect::<Result<_, Error>>()?,
        packets_per_burst: Summary::of(&bursts).map(|bursts| bursts.median).unwrap_or_default(),
        new_connections: opened.as_ref().map(Figure::summary).transpose()?,
        flapping: settings.flap.map(|_| Flapping::of(pairs)).transpose()?,
        occupancy,
        drops: Run::drops_of_all(&all),
        figures: [rate, cycles]
            .into_iter()
            .chain(by_stage.into_iter().map(|(_, figure)| figure))
            .chain(opened)
            .chain(settings.flap.map(|_| flap::figure(pairs)))
            .collect(),
    })
}
