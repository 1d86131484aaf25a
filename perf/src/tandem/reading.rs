//! The dataplane's counters, and what became of them meanwhile.

use std::collections::BTreeMap;
use std::time::Instant;

use api::Client;
use api::client::ClientError;

/// The stages of a packet's way whose cycles the workers count, from some of their polls.
pub const STAGES: [&str; 5] = ["receive", "read", "match", "forward", "transmit"];

/// The counters at one time.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    at: Instant,
    /// Sums over all workers, by name.
    counters: BTreeMap<String, u64>,
    drops: BTreeMap<String, u64>,
}

/// What the dataplane did between two readings.
#[derive(Clone, Debug)]
pub struct Run {
    /// Packets forwarded, millions a second.
    pub mpps: f64,
    /// Cycles of the time stamp counter in each.
    pub cycles: f64,
    /// The same by stage, from the polls that were timed; empty if none were.
    pub stages: BTreeMap<&'static str, f64>,
    /// Packets that a poll finds on a side where there are some.
    pub burst: f64,
    /// Packets forwarded.
    pub forwarded: u64,
    /// Frames taken in on the public and the private side.
    pub received: [u64; 2],
    /// Frames sent on either.
    pub sent: [u64; 2],
    /// Packets dropped by reason, reasons that did not happen left out.
    pub drops: BTreeMap<String, u64>,
}

impl Reading {
    pub(crate) fn take(client: &mut Client) -> Result<Self, ClientError> {
        let answer = client.counters()?;
        let mut counters: BTreeMap<String, u64> = BTreeMap::new();
        for (name, value) in answer.workers.into_iter().flat_map(|worker| worker.counters) {
            *counters.entry(name).or_default() += value;
        }
        let drops = answer.drops.into_iter().map(|drop| (drop.name, drop.packets)).collect();
        Ok(Reading { at: Instant::now(), counters, drops })
    }

    pub(crate) fn get(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    /// What was done since `before`, packets coming in on so many sides.
    pub(crate) fn since(&self, before: &Reading, sides: usize) -> Run {
        let more = |name: &str| self.get(name).saturating_sub(before.get(name));
        let forwarded = more("fast_path_packets");
        let each = |count: u64, among: u64| count as f64 / among.max(1) as f64;
        let timed = more("timed_packets");
        let stage = |name| (name, each(more(&format!("stage_{name}_cycles")), timed));
        let stages = if timed > 0 { STAGES.map(stage).into() } else { BTreeMap::new() };
        let drops = self.drops.iter().filter_map(|(reason, &count)| {
            let more = count - before.drops.get(reason).copied().unwrap_or_default().min(count);
            (more > 0).then(|| (reason.clone(), more))
        });
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        Run {
            mpps: forwarded as f64 / seconds / 1e6,
            cycles: each(more("cycles"), forwarded),
            stages,
            burst: each(forwarded, more("polls") * sides as u64),
            forwarded,
            received: [more("rx_public_packets"), more("rx_private_packets")],
            sent: [more("tx_public_packets"), more("tx_private_packets")],
            drops: drops.collect(),
        }
    }
}

impl Run {
    /// Packets dropped in several runs, by reason.
    pub fn drops_of_all(runs: &[Run]) -> BTreeMap<String, u64> {
        let mut drops = BTreeMap::new();
        for (reason, count) in runs.iter().flat_map(|run| &run.drops) {
            *drops.entry(reason.clone()).or_default() += count;
        }
        drops
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn reading(at: Instant, counters: &[(&str, u64)], dropped: u64) -> Reading {
        let counters = counters.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let drops = [("standby", 7), ("no_buffer", dropped)].map(|(n, v)| (n.to_owned(), v));
        Reading { at, counters, drops: drops.into() }
    }

    #[test]
    fn differences_are_by_packet_and_second() {
        let start = Instant::now();
        let before = [("fast_path_packets", 5), ("cycles", 100), ("polls", 1)];
        let after = [("fast_path_packets", 2_000_005), ("cycles", 200_000_100), ("polls", 50_001)];
        let run = reading(start + Duration::from_secs(2), &after, 4)
            .since(&reading(start, &before, 1), 2);
        assert_eq!((run.mpps, run.cycles, run.burst), (1.0, 100.0, 20.0));
        assert!(run.stages.is_empty(), "nothing was timed");
        assert_eq!(run.drops, BTreeMap::from([("no_buffer".to_owned(), 3)]));
    }

    #[test]
    fn stages_are_there_when_they_were_timed() {
        let start = Instant::now();
        let after = [("timed_packets", 10), ("stage_read_cycles", 250)];
        let run = reading(start, &after, 0).since(&reading(start, &[], 0), 1);
        assert_eq!(run.stages.get("read"), Some(&25.0));
        assert_eq!(run.stages.len(), STAGES.len());
    }
}
