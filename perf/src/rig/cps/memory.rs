//! What memory a connection takes.

use std::fs;

use nat::sync::ring;
use serde::Serialize;

use crate::Error;
use crate::rig::test_bed::{Lifetime, TestBed};

/// The result, in bytes a connection, in a table with room for as many as were asked for.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Memory {
    /// Table, index and timer wheel.
    pub table: f64,
    /// All that the process grew by, in resident memory, when a worker of that size was
    /// made: with its counters, its rings and the ring of connection sync.
    pub resident: f64,
}

/// Makes a worker with room for so many.
pub(super) fn measure(test_bed: &TestBed, connections: u32) -> Result<Memory, Error> {
    let before = resident()?;
    let fixture = test_bed.fixture(connections, Lifetime::LONG)?;
    let session = ring::ring(dataplane::sync::RING);
    let grown = resident()?.saturating_sub(before);
    drop(session);
    let each = |bytes: f64| bytes / f64::from(connections);
    Ok(Memory { table: each(fixture.bytes as f64), resident: each(grown as f64) })
}

/// Resident memory of this process in bytes; DPDK's huge pages are not in it.
fn resident() -> Result<u64, Error> {
    const STATUS: &str = "/proc/self/status";
    let status = fs::read_to_string(STATUS).map_err(Error::io(STATUS))?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse::<u64>().ok());
    kibibytes.map(|count| count * 1024).ok_or_else(|| Error::dataplane("no VmRSS in /proc"))
}
