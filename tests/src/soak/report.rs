//! What came of all faults.

use core::fmt;
use std::collections::BTreeMap;

use super::fault::Fault;
use super::load::Done;
use crate::Lab;

/// By how much the memory of a process may be more than it was first.
const GROWTH: u64 = 64 << 10;

/// KiB that a process has, by machine, name and number.
type Memory = BTreeMap<(&'static str, &'static str, u32), u64>;

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
    /// What each process had when it was seen first, and most.
    memory: BTreeMap<(&'static str, &'static str, u32), [u64; 2]>,
    why: Vec<String>,
}

impl Report {
    pub(super) fn new(seed: u64) -> Self {
        Report { seed, lines: BTreeMap::new(), memory: BTreeMap::new(), why: Vec::new() }
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

    pub(super) fn remember(&mut self, memory: Memory) {
        for (process, kibibytes) in memory {
            let seen = self.memory.entry(process).or_insert([kibibytes; 2]);
            seen[1] = seen[1].max(kibibytes);
        }
    }

    fn grown(&self) -> impl Iterator<Item = String> {
        self.memory.iter().filter(|(_, [first, most])| most - first > GROWTH).map(
            |((machine, name, _), [first, most])| {
                format!("{name} of {machine} grew from {first} to {most} KiB")
            },
        )
    }

    /// True if no established connection was lost, and no process has grown.
    pub fn is_good(&self) -> bool {
        self.lines.values().all(|line| line.lost == 0) && self.grown().next().is_none()
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
        self.grown().try_for_each(|grown| writeln!(f, "  {grown}"))
    }
}

/// What the processes of both machines have now.
pub(super) fn memory(lab: &Lab) -> Memory {
    let mut memory = Memory::new();
    for machine in lab.machines() {
        let processes = [
            ("tandem-dataplane", machine.process()),
            ("tandem-control", machine.control.process()),
        ];
        for (name, process) in processes {
            let Some(process) = process else { continue };
            let status = std::fs::read_to_string(format!("/proc/{process}/status"));
            let status = status.unwrap_or_default();
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let number = resident.and_then(|line| line.split_whitespace().next()?.parse().ok());
            if let Some(kibibytes) = number {
                memory.insert((machine.machine.name, name, process), kibibytes);
            }
        }
    }
    memory
}
