//! One run of the dataplane, second by second, as testpmd shows its own.

use core::time::Duration;
use std::path::Path;

use serde::Serialize;

use crate::compare::{mbufs, mebibytes};
use crate::hugepages::Hugepages;
use crate::machine::Machine;
use crate::statistics::Summary;
use crate::tandem::{Dataplane, Run};
use crate::{Error, packets};

/// The result.
#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    /// On what.
    pub machine: Machine,
    /// Connections, a packet of each in turn.
    pub connections: u32,
    /// Forwarded packets, in millions a second, over the seconds.
    pub mpps: Summary,
    /// Bits of frames with preamble, checksum and gap, in thousands of millions a second, by
    /// the median.
    pub gbps: f64,
    /// Cycles of the time stamp counter in each packet, receiving and sending included.
    pub cycles_per_packet: Summary,
    /// Packets that a poll finds.
    pub packets_per_burst: f64,
    /// Packets dropped while it ran, by reason; reasons that did not happen are left out.
    pub drops: Vec<(String, u64)>,
}

/// Bytes that a frame takes on a wire beside those in memory: preamble 8, checksum 4,
/// gap 12.
const WIRE: usize = 24;

/// Forwards for so many seconds; `progress` is told of each.
///
/// # Errors
///
/// [`Error`], with the dataplane's last words.
pub fn run(
    connections: u32,
    seconds: u32,
    folder: &Path,
    progress: &dyn Fn(u32, &Run),
) -> Result<Throughput, Error> {
    let file = folder.join("flows.pcap");
    packets::write(&file, connections)?;
    let _pages = Hugepages::reserve(mebibytes(connections))?;
    let mut dataplane = Dataplane::start(&file, connections, mbufs(connections))?;
    let before = dataplane.drops()?;
    let mut runs = Vec::new();
    for second in 1..=seconds {
        let run = dataplane.measure(Duration::from_secs(1))?;
        progress(second, &run);
        runs.push(run);
    }
    let drops = dataplane.drops()?.into_iter().zip(before);
    let drops = drops.map(|((name, after), (_, before))| (name, after - before));
    let summary = |of: fn(&Run) -> f64| {
        let values: Vec<f64> = runs.iter().map(of).collect();
        Summary::of(&values).ok_or_else(|| Error::dataplane("it ran for no second"))
    };
    let mpps = summary(|run| run.mpps)?;
    Ok(Throughput {
        machine: Machine::this(),
        connections,
        mpps,
        gbps: mpps.median * ((packets::FRAME + WIRE) * 8) as f64 / 1e3,
        cycles_per_packet: summary(|run| run.cycles)?,
        packets_per_burst: summary(|run| run.burst)?.median,
        drops: drops.filter(|(_, count)| *count > 0).collect(),
    })
}
