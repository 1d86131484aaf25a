//! Tandem and testpmd in turn, on the same packets.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::hugepages::Hugepages;
use crate::machine::Machine;
use crate::statistics::Summary;
use crate::{Error, packets, tandem, testpmd};

/// testpmd's modes, from the least work to the most like ours.
pub const MODES: [&str; 3] = ["io", "macswap", "5tswap"];
/// Buffers besides those that hold the file: queues, caches, bursts.
const SPARE_MBUFS: u32 = 16_384;
/// Bytes that a buffer takes with its headers.
const MBUF: u64 = 2_560;

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Connections, a packet of each in turn.
    pub connections: u32,
    /// How often each program runs.
    pub rounds: u32,
    /// How long each time.
    pub time: Duration,
}

/// The result.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// On what.
    pub machine: Machine,
    /// Connections.
    pub connections: u32,
    /// Tandem's rate in Mpps.
    pub mpps: Summary,
    /// Its cycles a packet, receiving and sending included.
    pub cycles_per_packet: Summary,
    /// testpmd's rates by mode, on the same file.
    pub testpmd: BTreeMap<String, Summary>,
    /// Medians: Tandem's rate by that of each mode.
    pub ratio: BTreeMap<String, f64>,
    /// testpmd 5tswap on the file with 1,024 flows, and Tandem's rate by that.
    pub reference: Reference,
}

/// What every ratio in docs/performance.md refers to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Reference {
    /// testpmd 5tswap on 1,024 flows, in Mpps.
    pub mpps: Summary,
    /// Tandem's median by that.
    pub ratio: f64,
}

/// Buffers for a run whose file has a packet for each of so many connections.
pub(crate) fn mbufs(connections: u32) -> u32 {
    connections + SPARE_MBUFS
}

/// Memory for them.
pub(crate) fn mebibytes(connections: u32) -> u64 {
    u64::from(mbufs(connections)) * MBUF / (1 << 20) + 128
}

/// Runs all programs in turn, `progress` being told of each.
///
/// # Errors
///
/// [`Error`] of the first program that fails.
pub fn run(plan: &Plan, folder: &Path, progress: &dyn Fn(&str)) -> Result<Comparison, Error> {
    let (file, small) = (folder.join("flows.pcap"), folder.join("reference.pcap"));
    packets::write(&file, plan.connections)?;
    packets::write(&small, 1024)?;
    let mbufs = mbufs(plan.connections);
    let _pages = Hugepages::reserve(mebibytes(plan.connections))?;
    let mut rates: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let (mut mpps, mut cycles, mut reference) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        for mode in MODES {
            let rate = testpmd::run(mode, &file, mbufs, plan.time)?;
            progress(&format!("round {round}: testpmd {mode} {rate:.1} Mpps"));
            rates.entry(mode.to_owned()).or_default().push(rate);
        }
        let rate = testpmd::run("5tswap", &small, mbufs, plan.time)?;
        progress(&format!("round {round}: testpmd 5tswap, 1,024 flows {rate:.1} Mpps"));
        reference.push(rate);
        let run = tandem::run(&file, plan.connections, mbufs, plan.time)?;
        progress(&format!("round {round}: tandem {:.1} Mpps, {:.0} cycles", run.mpps, run.cycles));
        mpps.push(run.mpps);
        cycles.push(run.cycles);
    }
    let none = || Error::Dataplane("no rounds were run".to_owned());
    let mpps = Summary::of(&mpps).ok_or_else(none)?;
    let reference = Summary::of(&reference).ok_or_else(none)?;
    let testpmd: BTreeMap<String, Summary> = rates
        .iter()
        .filter_map(|(mode, rates)| Some((mode.clone(), Summary::of(rates)?)))
        .collect();
    let ratio =
        testpmd.iter().map(|(mode, rate)| (mode.clone(), mpps.median / rate.median)).collect();
    Ok(Comparison {
        machine: Machine::this(),
        connections: plan.connections,
        mpps,
        cycles_per_packet: Summary::of(&cycles).ok_or_else(none)?,
        testpmd,
        ratio,
        reference: Reference { mpps: reference, ratio: mpps.median / reference.median },
    })
}
