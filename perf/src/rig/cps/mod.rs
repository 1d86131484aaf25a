//! Connections in the manner of RFC 9693: how fast they are opened and torn down, how
//! many a table holds, and what memory each takes.
//!
//! The clock runs while the worker polls. For a new connection the count has in it
//! receiving from DPDK's net_ring, parsing, the look-up that misses, the scheduler, the
//! entry into table and wheel, translation and sending.

mod capacity;
mod closing;
mod memory;

use nat::Side;
use serde::Serialize;

pub use capacity::Capacity;
pub(crate) use closing::establish;
pub use closing::{Closing, Ending};
pub use memory::Memory;

use super::frames::Template;
use super::test_bed::{Lifetime, Pages, TestBed, WORKER_CORE};
use super::worker_harness::WorkerHarness;
use crate::Error;
use crate::packets::FRAME;
use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;

/// Parts of a run: so short that the kernel or the hypervisor takes the core away in few.
const PARTS: u32 = 512;

#[derive(Clone, Copy, Debug, Serialize)]
pub struct CpsSettings {
    /// Connections; tables have room for as many.
    pub connections: u32,
    pub pages: Pages,
}

#[derive(Clone, Debug, Serialize)]
pub struct ConnectionRates {
    /// Connections opened, in a table with room for as many.
    pub connections: u32,
    /// Cycles of the time stamp counter for a new connection of UDP.
    pub cycles: Summary,
    /// Such connections a second that one worker opens when it does nothing else.
    pub per_second: f64,
    pub closing: Closing,
    /// How many there may be.
    pub capacity: Capacity,
    pub memory: Memory,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// Measures with so many connections; `progress` is told what comes next.
///
/// # Errors
///
/// [`Error`], when DPDK or the worker does not do its part.
pub fn run(settings: CpsSettings, progress: &dyn Fn(&str)) -> Result<ConnectionRates, Error> {
    let connections = settings.connections.max(2 * PARTS);
    let test_bed = TestBed::new(settings.pages, WORKER_CORE, &[])?;
    let memory = memory::measure(&test_bed, connections)?;
    progress("opening");
    let mut figures = Vec::new();
    let cycles = cycles("new connection", opening(&test_bed, connections)?).put(&mut figures)?;
    let closing = closing::measure(&test_bed, connections, &mut figures, progress)?;
    progress("filling a table");
    let capacity = capacity::measure(&test_bed, connections)?;
    Ok(ConnectionRates {
        connections,
        per_second: dpdk::clock::hz() as f64 / cycles.median,
        cycles,
        closing,
        capacity,
        memory,
        figures,
    })
}

/// Cycles of a connection, part by part.
fn cycles(name: impl Into<String>, samples: Vec<f64>) -> Figure {
    Figure::new(name, "cycles", Better::Lower, Each::Part, samples)
}

/// Cycles of a new connection, part by part.
fn opening(test_bed: &TestBed, connections: u32) -> Result<Vec<f64>, Error> {
    let mut harness = WorkerHarness::new(test_bed, connections, Lifetime::LONG)?;
    let request = Template::udp(Side::Public, FRAME);
    let flows = harness.begin(&request)?;
    let opened = |first, last| harness.run(flows.packets(&request, first..last)).cycles_each();
    let cycles = in_parts(1, connections, opened);
    let opened = harness.counters.opened.get();
    if opened == u64::from(connections) {
        return Ok(cycles);
    }
    Err(Error::Dataplane(format!("{opened} of {connections} connections opened")))
}

/// What each part of the clients gives, by its first and the one behind its last.
fn in_parts(first: u32, last: u32, mut part: impl FnMut(u32, u32) -> f64) -> Vec<f64> {
    let length = ((last - first) / PARTS).max(1);
    let starts = (first..last).step_by(length as usize);
    starts.map(|start| part(start, last.min(start.saturating_add(length)))).collect()
}
