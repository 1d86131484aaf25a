//! Tandem and testpmd in turn, on the same packets.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::hugepages::Hugepages;
use crate::record::{Better, Each, Figure};
use crate::replay::Replay;
use crate::statistics::Summary;
use crate::tandem::Run;
use crate::traffic::Traffic;
use crate::{Error, tandem, testpmd};

/// testpmd's modes, from the least work to the most like ours.
pub const MODES: [&str; 3] = ["io", "macswap", "5tswap"];
/// What every ratio in docs/performance.md refers to.
const REFERENCE: &str = "testpmd 5tswap, 1,024 connections";

#[derive(Clone, Copy, Debug, Serialize)]
pub struct CompareSettings {
    #[serde(flatten)]
    pub traffic: Traffic,
    /// How often each program runs.
    pub rounds: u32,
    /// How long each time.
    pub seconds: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub connections: u32,
    /// Tandem's rate in Mpps, over both directions.
    pub mpps: Summary,
    /// Its cycles a packet, receiving and sending included.
    pub cycles_per_packet: Summary,
    /// testpmd's rates by mode, on the same files.
    pub testpmd: BTreeMap<String, Summary>,
    /// Medians: Tandem's rate by that of each mode.
    pub ratio: BTreeMap<String, f64>,
    /// testpmd 5tswap on 1,024 connections, and Tandem's rate by that.
    pub reference: Reference,
    /// Packets that Tandem dropped, by reason.
    #[serde(skip)]
    pub drops: BTreeMap<String, u64>,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// What every ratio in docs/performance.md refers to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Reference {
    /// testpmd 5tswap on 1,024 connections of the same mix in the smallest frames, in Mpps.
    pub mpps: Summary,
    /// Tandem's median by that.
    pub ratio: f64,
}

/// The rates of all rounds.
#[derive(Default)]
struct Rounds {
    testpmd: BTreeMap<&'static str, Vec<f64>>,
    reference: Vec<f64>,
    tandem: Vec<Run>,
}

/// Runs all programs in turn, `progress` being told of each.
///
/// # Errors
///
/// [`Error`] of the first program that fails.
pub fn run(
    settings: &CompareSettings,
    folder: &Path,
    progress: &dyn Fn(&str),
) -> Result<Comparison, Error> {
    let traffic = settings.traffic;
    let replay = Replay::write(folder, "flows", &traffic, 1)?;
    let small = Replay::write(folder, "reference", &traffic.reference(), 1)?;
    let _pages = Hugepages::reserve(replay.mebibytes().max(small.mebibytes()))?;
    let time = Duration::from_secs(settings.seconds.into());
    let mut rounds = Rounds::default();
    for round in 1..=settings.rounds {
        for mode in MODES {
            let rate = testpmd::run(mode, &replay, time)?;
            progress(&format!("round {round}: testpmd {mode} {rate:.1} Mpps"));
            rounds.testpmd.entry(mode).or_default().push(rate);
        }
        let rate = testpmd::run("5tswap", &small, time)?;
        progress(&format!("round {round}: {REFERENCE} {rate:.1} Mpps"));
        rounds.reference.push(rate);
        let run = tandem::run(&replay, &traffic, folder, time)?;
        progress(&format!("round {round}: tandem {:.1} Mpps, {:.0} cycles", run.mpps, run.cycles));
        rounds.tandem.push(run);
    }
    rounds.result(traffic.connections)
}

impl Rounds {
    fn result(&self, connections: u32) -> Result<Comparison, Error> {
        let nothing = || Error::dataplane("no rounds were run");
        let summary = |values: &[f64]| Summary::of(values).ok_or_else(nothing);
        let (mpps, reference) = (summary(&self.mpps())?, summary(&self.reference)?);
        let testpmd: BTreeMap<String, Summary> = self
            .testpmd
            .iter()
            .map(|(mode, rates)| Ok(((*mode).to_owned(), summary(rates)?)))
            .collect::<Result<_, Error>>()?;
        let ratio =
            testpmd.iter().map(|(mode, rate)| (mode.clone(), mpps.median / rate.median)).collect();
        Ok(Comparison {
            connections,
            mpps,
            cycles_per_packet: summary(&self.cycles())?,
            testpmd,
            ratio,
            reference: Reference { mpps: reference, ratio: mpps.median / reference.median },
            drops: Run::drops_of_all(&self.tandem),
            figures: self.figures(),
        })
    }

    fn mpps(&self) -> Vec<f64> {
        self.tandem.iter().map(|run| run.mpps).collect()
    }

    fn cycles(&self) -> Vec<f64> {
        self.tandem.iter().map(|run| run.cycles).collect()
    }

    /// All rates, and the ratios of each round: what the machine does to both programs of a
    /// round shows in them least.
    fn figures(&self) -> Vec<Figure> {
        let round = |name: &str, unit: &str, better, samples: Vec<f64>| {
            Figure::new(name, unit, better, Each::Round, samples)
        };
        let ratio =
            |rates: &[f64]| self.mpps().iter().zip(rates).map(|(our, rate)| our / rate).collect();
        let others: Vec<(String, &Vec<f64>)> = MODES
            .iter()
            .filter_map(|mode| Some((format!("testpmd {mode}"), self.testpmd.get(mode)?)))
            .chain([(REFERENCE.to_owned(), &self.reference)])
            .collect();
        let mut figures = vec![round("tandem", "Mpps", Better::Higher, self.mpps())];
        for (name, rates) in &others {
            figures.push(round(name, "Mpps", Better::Neither, rates.to_vec()));
        }
        figures.push(round("tandem", "cycles a packet", Better::Lower, self.cycles()));
        for (name, rates) in &others {
            let name = format!("tandem by {name}");
            figures.push(round(&name, "ratio", Better::Higher, ratio(rates)));
        }
        figures
    }
}
