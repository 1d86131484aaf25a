//! The dataplane's counters, and what became of them meanwhile.

use std::collections::BTreeMap;
use std::time::Instant;

use api::Client;
use api::client::ClientError;
use dataplane::counters::WorkerBlock;
use dataplane::drop_reason::DropReason;

/// The stages of a packet's way whose cycles the workers count, from some of their polls.
pub const STAGES: [&str; 7] =
    ["receive", "read", "match", "forward", "dispatch", "other", "transmit"];

/// Drops that tell of too many packets, and not of wrong ones.
const OVERLOAD: [&str; 4] = ["handoff_full", "housekeeping_full", "no_buffer", "transmit_full"];

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
    pub forwarded: u64,
    /// Packets that took the slow path.
    pub slow: u64,
    /// Connections opened a second.
    pub opened: f64,
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

    /// Of one worker in this process.
    pub(crate) fn of(worker: &WorkerBlock) -> Self {
        let drop = |&reason: &DropReason| (reason.name().to_owned(), worker.drops.get(reason));
        Reading {
            at: Instant::now(),
            counters: worker
                .named()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            drops: DropReason::ALL.iter().map(drop).collect(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or_default()
    }

    fn more(&self, before: &Reading, name: &str) -> u64 {
        self.get(name).saturating_sub(before.get(name))
    }

    /// What was done since `before`, packets coming in on so many sides, all of them for the
    /// fast path.
    pub(crate) fn since(&self, before: &Reading, sides: usize) -> Run {
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        let [fast, cycles] = ["fast_path_packets", "cycles"].map(|name| self.more(before, name));
        self.run(before, sides, fast, seconds, cycles)
    }

    /// The same of packets that go any way, in so many seconds and cycles of the worker's.
    pub(crate) fn since_all(
        &self,
        before: &Reading,
        sides: usize,
        seconds: f64,
        cycles: u64,
    ) -> Run {
        let sent = ["tx_public_packets", "tx_private_packets"].map(|name| self.more(before, name));
        self.run(before, sides, sent.iter().sum(), seconds, cycles)
    }

    fn run(
        &self,
        before: &Reading,
        sides: usize,
        forwarded: u64,
        seconds: f64,
        cycles: u64,
    ) -> Run {
        let more = |name: &str| self.more(before, name);
        let each = |count: u64, among: u64| count as f64 / among.max(1) as f64;
        let timed = more("timed_packets");
        let stage = |name| (name, each(more(&format!("stage_{name}_cycles")), timed));
        let stages = if timed > 0 { STAGES.map(stage).into() } else { BTreeMap::new() };
        let drops = self.drops.iter().filter_map(|(reason, &count)| {
            let more = count - before.drops.get(reason).copied().unwrap_or_default().min(count);
            (more > 0).then(|| (reason.clone(), more))
        });
        Run {
            mpps: forwarded as f64 / seconds / 1e6,
            cycles: each(cycles, forwarded),
            stages,
            burst: each(forwarded, more("polls") * sides as u64),
            forwarded,
            slow: more("slow_path_packets"),
            opened: more("connections_opened") as f64 / seconds,
            received: [more("rx_public_packets"), more("rx_private_packets")],
            sent: [more("tx_public_packets"), more("tx_private_packets")],
            drops: drops.collect(),
        }
    }
}

impl Run {
    /// Why this was no run of packets that all went the way that is measured; packets came
    /// in on the sides that were `fed`.
    pub(crate) fn fault(&self, fed: [bool; 2]) -> Option<String> {
        let is_wrong = |(reason, _): &(&String, &u64)| !OVERLOAD.contains(&reason.as_str());
        if let Some((reason, count)) = self.drops.iter().find(is_wrong) {
            return Some(format!("it dropped {count} packets for the reason {reason}"));
        }
        let [public, private] = self.sent;
        let [to_public, to_private] = fed;
        if (to_public && private == 0) || (to_private && public == 0) {
            return Some("what came in on one side did not leave on the other".to_owned());
        }
        let lost: u64 = self.drops.values().sum();
        let received: u64 = self.received.iter().sum();
        // A burst or two are under way at either end of the measurement.
        let is_fast = self.forwarded as f64 >= received.saturating_sub(lost) as f64 * 0.99;
        let slow = || format!("only {} of {received} packets took the fast path", self.forwarded);
        (!is_fast).then(slow)
    }

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
    fn runs_of_other_packets_are_told() {
        let both = [true, true];
        let run = Run {
            mpps: 1.0,
            cycles: 1.0,
            stages: BTreeMap::new(),
            burst: 32.0,
            forwarded: 1000,
            slow: 0,
            opened: 0.0,
            received: [500, 510],
            sent: [500, 500],
            drops: BTreeMap::new(),
        };
        assert_eq!(run.fault(both), None);
        let dropped = |reason: &str| BTreeMap::from([(reason.to_owned(), 400)]);
        let overloaded = Run { forwarded: 610, drops: dropped("handoff_full"), ..run.clone() };
        assert_eq!(overloaded.fault(both), None, "too many for the machine is no fault");
        let one_sided = Run { sent: [0, 1000], ..run.clone() };
        assert_eq!(one_sided.fault([true, false]), None);
        for (faulty, says) in [
            (one_sided, "did not leave"),
            (Run { drops: dropped("no_connection"), ..run.clone() }, "no_connection"),
            (Run { forwarded: 900, ..run }, "only 900 of 1010"),
        ] {
            let fault = faulty.fault(both).unwrap();
            assert!(fault.contains(says), "{fault}");
        }
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
