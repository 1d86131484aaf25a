//! What scrapes of the metrics cost the packets of known connections, which they are not to touch.
//!
//! The real dataplane forwards as fast as it can, with a real tandem-control beside it that a
//! reader asks for the metrics so many times a second, in every other slice. Everything that
//! is no worker runs on core 0: what shows is what the reading of counters costs the worker, and
//! not who has its core.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

use serde::Serialize;

use crate::Error;
use crate::hugepages::Hugepages;
use crate::record::{Better, Each, Figure};
use crate::replay::Replay;
use crate::statistics::Summary;
use crate::tandem::{ControlProcess, DataplaneProcess, Run, Scrape, scrape};
use crate::traffic::Traffic;

/// What is asked of a run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ScrapeSettings {
    /// The packets.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Scrapes a second.
    pub rate: u32,
    /// Pairs of slices, one without and one with scrapes.
    pub rounds: u32,
    /// Milliseconds of a slice.
    pub millis: u64,
    /// Services besides, of ten servers each: what a scrape tells of.
    pub services: u32,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Scraped {
    /// Millions of packets a second without scrapes.
    pub without: Summary,
    /// The same with scrapes.
    pub during: Summary,
    /// The rate with scrapes by that without, pair by pair.
    pub ratio: Summary,
    /// Cycles of the worker for a packet, without scrapes.
    pub cycles_without: Summary,
    /// The same with scrapes.
    pub cycles_during: Summary,
    /// The cycles with scrapes by those without, pair by pair.
    pub cycles_ratio: Summary,
    /// Milliseconds from a scraper's connection to the end of its answer.
    pub millis: Summary,
    /// Kilobytes of an answer, packed.
    pub kilobytes: Summary,
    /// Per cent of a core that tandem-control takes meanwhile.
    pub control_percent: Summary,
    /// Scrapes in all.
    pub scrapes: usize,
    /// Packets that Tandem dropped, by reason.
    #[serde(skip)]
    pub drops: BTreeMap<String, u64>,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// A slice without scrapes, and its neighbour with them.
struct Pair {
    without: Run,
    during: Run,
    scrapes: Vec<Scrape>,
    /// Of a core.
    control_percent: f64,
}

/// Measures; `progress` is told of each pair.
///
/// # Errors
///
/// [`Error`], when a program does not do its part.
pub fn run(
    settings: &ScrapeSettings,
    folder: &Path,
    progress: &dyn Fn(&str),
) -> Result<Scraped, Error> {
    let traffic = settings.traffic;
    keep_off_the_worker()?;
    let replay = Replay::write(folder, "flows", &traffic, 1)?;
    let _pages = Hugepages::reserve(replay.mebibytes())?;
    let mut dataplane =
        DataplaneProcess::start_with(&replay, &traffic, folder, 1, settings.services)?;
    let control = ControlProcess::start(&replay, traffic.connections, folder, settings.services)?;
    let time = Duration::from_millis(settings.millis);
    // The first slice warms up.
    dataplane.measure(time)?;
    let mut pairs = Vec::new();
    for round in 1..=settings.rounds {
        // What drifts with the machine's time of day meets both alike.
        let scraped_first = round % 2 == 0;
        let early = (!scraped_first).then(|| dataplane.measure(time)).transpose()?;
        let before = (control.processor_seconds(), Instant::now());
        let (during, scrapes) = while_scraped(&mut dataplane, &control, settings.rate, time)?;
        let took = control.processor_seconds() - before.0;
        let control_percent = took / before.1.elapsed().as_secs_f64() * 100.0;
        let without = early.map_or_else(|| dataplane.measure(time), Ok)?;
        for run in [&without, &during] {
            dataplane.check(run)?;
        }
        progress(&format!(
            "{round:>4} {:>8.2} Mpps, {:>8.2} in {} scrapes",
            without.mpps,
            during.mpps,
            scrapes.len()
        ));
        pairs.push(Pair { without, during, scrapes, control_percent });
    }
    result(&pairs)
}

/// This thread and all that follow leave the worker's core alone.
fn keep_off_the_worker() -> Result<(), Error> {
    let own = std::process::id().to_string();
    let status = Command::new("taskset").args(["-a", "-c", "-p", "0", &own]).output();
    let output = status.map_err(Error::io("taskset"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::dataplane(String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// What is forwarded in a while in which the metrics are asked for so many times a second.
fn while_scraped(
    dataplane: &mut DataplaneProcess,
    control: &ControlProcess,
    rate: u32,
    time: Duration,
) -> Result<(Run, Vec<Scrape>), Error> {
    let (metrics, pause) = (control.metrics(), Duration::from_secs(1) / rate.max(1));
    let (stop, stopped) = channel::<()>();
    std::thread::scope(|scope| {
        let scraper = scope.spawn(move || {
            let (mut scrapes, mut next) = (Vec::new(), Instant::now());
            loop {
                scrapes.push(scrape(metrics)?);
                next += pause;
                let left = next.saturating_duration_since(Instant::now());
                if stopped.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
                    return Ok(scrapes);
                }
            }
        });
        let run = dataplane.measure(time);
        drop(stop);
        let panicked = |_| Err(Error::dataplane("the thread that scrapes panicked"));
        let scrapes = scraper.join().unwrap_or_else(panicked)?;
        Ok((run?, scrapes))
    })
}

fn result(pairs: &[Pair]) -> Result<Scraped, Error> {
    let mut figures = Vec::new();
    let mut put = |name: &str, unit, better, of: &dyn Fn(&Pair) -> f64| {
        let samples = pairs.iter().map(of).collect();
        Figure::new(name, unit, better, Each::Round, samples).put(&mut figures)
    };
    let without = put("without scrapes", "Mpps", Better::Higher, &|pair| pair.without.mpps)?;
    let during = put("during scrapes", "Mpps", Better::Higher, &|pair| pair.during.mpps)?;
    let ratio = put("during by without", "ratio", Better::Higher, &|pair| {
        pair.during.mpps / pair.without.mpps
    })?;
    let cycles = |run: &Run| run.cycles;
    let cycles_without =
        put("without scrapes", "cycles a packet", Better::Lower, &|pair| cycles(&pair.without))?;
    let cycles_during =
        put("during scrapes", "cycles a packet", Better::Lower, &|pair| cycles(&pair.during))?;
    let cycles_ratio = put("cycles during by without", "ratio", Better::Lower, &|pair| {
        cycles(&pair.during) / cycles(&pair.without)
    })?;
    let control_percent =
        put("tandem-control", "% of a core", Better::Lower, &|pair| pair.control_percent)?;
    let scrapes: Vec<Scrape> = pairs.iter().flat_map(|pair| pair.scrapes.clone()).collect();
    let mut each = |name: &str, unit, of: &dyn Fn(&Scrape) -> f64| {
        let samples = scrapes.iter().map(of).collect();
        Figure::new(name, unit, Better::Lower, Each::Part, samples).put(&mut figures)
    };
    let millis = each("a scrape", "ms", &|scrape| scrape.time.as_secs_f64() * 1e3)?;
    let kilobytes = each("an answer", "kB", &|scrape| scrape.bytes as f64 / 1e3)?;
    let runs: Vec<Run> =
        pairs.iter().flat_map(|pair| [pair.without.clone(), pair.during.clone()]).collect();
    Ok(Scraped {
        without,
        during,
        ratio,
        cycles_without,
        cycles_during,
        cycles_ratio,
        millis,
        kilobytes,
        control_percent,
        scrapes: scrapes.len(),
        drops: Run::drops_of_all(&runs),
        figures,
    })
}
