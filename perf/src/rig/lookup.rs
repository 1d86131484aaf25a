//! What a packet of a known connection costs, by the number of connections.
//!
//! Packets of random connections, more than the caches hold: the look-up goes to memory,
//! and what is counted is how well a burst hides the way there. In the count are
//! receiving from and sending to DPDK's net_ring and all that a worker does; not in it is
//! the making of the packets, which lie in the cache as those of a NIC would.

use nat::Side;
use nat::random::Random;
use serde::Serialize;

use super::frames::Template;
use super::test_bed::{Lifetime, Pages, TestBed, WORKER_CORE};
use super::worker_harness::{Packet, ROUND, WorkerHarness};
use crate::Error;
use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;

#[derive(Clone, Debug, Serialize)]
pub struct LookupSettings {
    /// Numbers of connections, each in a table of that size.
    pub connections: Vec<u32>,
    /// Bytes of a frame without its checksum, 60 to 1514.
    pub frame: usize,
    /// Replies too, as many as requests.
    pub replies: bool,
    /// Parts of the run with each number of connections.
    pub parts: u32,
    /// Packets of a part.
    pub packets: u32,
    pub pages: Pages,
}

#[derive(Clone, Debug, Serialize)]
pub struct Lookup {
    /// Bytes of a frame without its checksum.
    pub frame: usize,
    /// Replies too, as many as requests.
    pub replies: bool,
    /// By the number of connections.
    pub sizes: Vec<Size>,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// The result with one number of connections.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Size {
    /// How many there are.
    pub connections: u32,
    /// Cycles of the time stamp counter for a packet.
    pub cycles: Summary,
    /// Millions of packets a second, by the median.
    pub mpps: f64,
}

/// Measures; `progress` is told of each number of connections.
///
/// # Errors
///
/// [`Error`], when DPDK or the worker does not do its part.
pub fn run(settings: &LookupSettings, progress: &dyn Fn(&Size)) -> Result<Lookup, Error> {
    let test_bed = TestBed::new(settings.pages, WORKER_CORE, &[])?;
    let (mut sizes, mut figures) = (Vec::new(), Vec::new());
    for &connections in &settings.connections {
        let samples = measure(settings, &test_bed, connections)?;
        let name = format!("{connections} connections");
        let figure = Figure::new(name, "cycles a packet", Better::Lower, Each::Part, samples);
        let cycles = figure.put(&mut figures)?;
        let mpps = dpdk::clock::hz() as f64 / cycles.median / 1e6;
        let size = Size { connections, cycles, mpps };
        progress(&size);
        sizes.push(size);
    }
    Ok(Lookup { frame: settings.frame, replies: settings.replies, sizes, figures })
}

/// Cycles of a packet, part by part.
fn measure(
    settings: &LookupSettings,
    test_bed: &TestBed,
    connections: u32,
) -> Result<Vec<f64>, Error> {
    let mut harness = WorkerHarness::new(test_bed, connections, Lifetime::LONG)?;
    let [request, reply] = &Side::ALL.map(|side| Template::udp(side, settings.frame));
    let flows = harness.open(request, connections)?;
    let mut random = Random::from_system();
    let mut any = move || {
        let template = if settings.replies && random.below(2) == 1 { reply } else { request };
        Packet { template, flow: flows.of(random.below(connections)) }
    };
    let mut samples = Vec::new();
    // The first part warms up.
    for part in 0..=settings.parts {
        let turn = harness.run((0..settings.packets.max(ROUND as u32)).map(|_| any()));
        if turn.sent != turn.packets {
            let lost = turn.packets - turn.sent;
            return Err(Error::Dataplane(format!("{lost} packets were not forwarded")));
        }
        if part > 0 {
            samples.push(turn.cycles_each());
        }
    }
    Ok(samples)
}
