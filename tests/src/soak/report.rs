//! What came of all faults.

use core::fmt;
use std::collections::BTreeMap;

use super::fault::Fault;
use super::load::Done;
use super::rest::Memory;

/// By how much the memory of a process may be more than it was first.
const GROWTH: u64 = 64 << 10;

/// Of one kind of fault.
#[derive(Default)]
struct Line {
    times: u64,
    lost: u64,
    failed: u64,
    short: u64,
}

/// The table.
pub struct Report {
    seed: u64,
    lines: BTreeMap<Fault, Line>,
    /// What each process had when it was seen first.
    first: Memory,
    /// Processes that had more after a fault, in words.
    grown: Vec<String>,
    why: Vec<String>,
}

impl Report {
    pub(super) fn new(seed: u64) -> Self {
        Report {
            seed,
            lines: BTreeMap::new(),
            first: Memory::new(),
            grown: Vec::new(),
            why: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, fault: Fault, done: &Done) {
        let line = self.lines.entry(fault).or_default();
        line.times += 1;
        line.lost += done.loaded.lost + done.loaded.wrong;
        for (_, count, failed) in &done.short {
            line.short += count;
            line.failed += failed;
        }
        self.why.extend(done.loaded.why.iter().map(|why| format!("{fault}: {why}")));
    }

    /// Compares what each process has with what it had when it was seen first.
    pub(super) fn compare(&mut self, when: &str, memory: Memory) {
        for (process, now) in memory {
            let first = *self.first.entry(process).or_insert(now);
            if now > first + GROWTH {
                let (machine, name, _) = process;
                self.grown
                    .push(format!("{when}: {name} of {machine} grew from {first} to {now} KiB"));
            }
        }
    }

    /// True if no established connection was lost, and no process has grown.
    pub fn is_good(&self) -> bool {
        self.lines.values().all(|line| line.lost == 0) && self.grown.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:42} {:>5} {:>16} {:>24}",
            "FAULT", "TIMES", "CONNECTIONS LOST", "NEW REQUESTS FAILED"
        )?;
        for (fault, Line { times, lost, failed, short }) in &self.lines {
            let requests = format!("{failed} of {short}");
            writeln!(f, "{fault:42} {times:5} {lost:16} {requests:>24}")?;
        }
        let times: u64 = self.lines.values().map(|line| line.times).sum();
        let lost: u64 = self.lines.values().map(|line| line.lost).sum();
        writeln!(f, "seed {}: {times} faults, {lost} established connections lost", self.seed)?;
        self.why.iter().try_for_each(|why| writeln!(f, "  {why}"))?;
        self.grown.iter().try_for_each(|grown| writeln!(f, "  {grown}"))
    }
}
