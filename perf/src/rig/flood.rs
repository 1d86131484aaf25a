//! What known connections keep while others' packets arrive: those that open connections, or
//! those for the machine's own address.
//!
//! The worker is never without packets: those of known connections come as fast as it
//! takes them, and among them, spread evenly, the flood's, so many a second. The second is the
//! worker's: cycles that it polled. As it is never without packets, it takes its queue for
//! overflowing, and refuses the flood's packets beyond the share that it gives them.

use std::sync::Arc;

use dataplane::drop_reason::DropReason;
use dataplane::punt::PuntClass;
use nat::Side;
use nat::random::Random;
use serde::Serialize;

use super::frames::{Flow, Template};
use super::test_bed::{Lifetime, Pages, TestBed, WORKER_CORE};
use super::worker_harness::{Flows, Packet, ROUND, Turn, WorkerHarness};
use crate::Error;
use crate::packets::FRAME;
use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;

/// The flood's packets of a round at the most, so that packets of known ones are in each burst.
const MOST: usize = ROUND / 8 * 7;

/// What the flood's packets are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Each opens a connection of a service.
    Service,
    /// The machine's own address: they are for its kernel, which takes each that it is given.
    RealAddress,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct FloodSettings {
    pub target: Target,
    /// Connections that are known.
    pub connections: u32,
    /// Packets of the flood a second, as far as seven packets of eight can be such.
    pub rate: u32,
    /// Pairs of slices, one without and one with the flood.
    pub rounds: u32,
    /// Milliseconds of the worker's time in a slice.
    pub millis: u32,
    pub pages: Pages,
}

#[derive(Clone, Debug, Serialize)]
pub struct Flood {
    /// Connections that are known; packets are of random ones of them.
    pub connections: u32,
    pub target: Target,
    /// Packets of the flood that were offered in a second.
    pub rate: u32,
    /// Millions of packets of known connections a second, nothing else arriving.
    pub alone: Summary,
    /// The same in the flood.
    pub flooded: Summary,
    /// What known connections keep of their rate, in per cent, pair by pair.
    pub kept_percent: Summary,
    /// Packets of the flood that were served in a second: connections opened, or packets given
    /// to the main core.
    pub accepted: Summary,
    /// Packets of the flood that were dropped in a second.
    pub refused: Summary,
    /// What the flood took of the worker's cycles, in per cent: all but what the other packets
    /// cost alone.
    pub share_percent: Summary,
    /// Cycles of a packet of the flood, by that share: of each one that was offered to a real
    /// address, and of each connection that was opened.
    pub cycles_each: Summary,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// What a slice gave.
struct Slice {
    known: u64,
    accepted: u64,
    refused: u64,
    cycles: u64,
}

impl Slice {
    fn seconds(&self) -> f64 {
        self.cycles as f64 / dpdk::clock::hz().max(1) as f64
    }

    fn mpps(&self) -> f64 {
        self.known as f64 / self.seconds() / 1e6
    }

    /// Cycles beyond what its known packets cost in a slice without the flood.
    fn beyond(&self, alone: &Slice) -> f64 {
        let each = alone.cycles as f64 / alone.known.max(1) as f64;
        self.cycles as f64 - self.known as f64 * each
    }
}

/// Measures; `progress` is told of each pair.
///
/// # Errors
///
/// [`Error`], when DPDK or the worker does not do its part.
pub fn run(settings: &FloodSettings, progress: &dyn Fn(&str)) -> Result<Flood, Error> {
    let test_bed = TestBed::new(settings.pages, WORKER_CORE, &[])?;
    let mut flood = FloodHarness::new(settings, &test_bed)?;
    let (mut alone, mut flooded, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    let (mut share, mut each) = (Vec::new(), Vec::new());
    // The first slice warms up.
    flood.slice(0)?;
    for round in 1..=settings.rounds {
        let usual = flood.slice(0)?;
        let slice = flood.slice(settings.rate)?;
        let beyond = slice.beyond(&usual);
        alone.push(usual.mpps());
        flooded.push(slice.mpps());
        kept.push(slice.mpps() / usual.mpps() * 100.0);
        accepted.push(slice.accepted as f64 / slice.seconds());
        refused.push(slice.refused as f64 / slice.seconds());
        share.push(beyond / slice.cycles as f64 * 100.0);
        let of = match settings.target {
            Target::Service => slice.accepted,
            Target::RealAddress => slice.accepted + slice.refused,
        };
        each.push(beyond / of.max(1) as f64);
        progress(&format!("{round:>4} {:>8.2} {:>8.2} Mpps", usual.mpps(), slice.mpps()));
    }
    let mut figures = Vec::new();
    let mut put = |name, unit, better, samples| {
        Figure::new(name, unit, better, Each::Round, samples).put(&mut figures)
    };
    Ok(Flood {
        target: settings.target,
        connections: settings.connections,
        rate: settings.rate,
        alone: put("known connections alone", "Mpps", Better::Higher, alone)?,
        flooded: put("known connections in the flood", "Mpps", Better::Higher, flooded)?,
        kept_percent: put("kept in the flood", "%", Better::Higher, kept)?,
        accepted: put("served of the flood", "a second", Better::Higher, accepted)?,
        refused: put("dropped of the flood", "a second", Better::Lower, refused)?,
        share_percent: put("cycles for the flood", "%", Better::Lower, share)?,
        cycles_each: put("a packet of the flood", "cycles", Better::Lower, each)?,
        figures,
    })
}

/// The worker, and whose packets come next.
struct FloodHarness {
    harness: WorkerHarness,
    request: Template,
    flood: Template,
    target: Target,
    flows: Flows,
    connections: u32,
    /// The first client that nobody has seen.
    next: u32,
    random: Random,
    /// Cycles of a slice.
    length: u64,
}

impl FloodHarness {
    /// With room for all connections of the run, so that the table is never full.
    fn new(settings: &FloodSettings, test_bed: &TestBed) -> Result<Self, Error> {
        let rate = match settings.target {
            Target::Service => settings.rate,
            Target::RealAddress => 0,
        };
        let seconds = f64::from(settings.rounds) * f64::from(settings.millis) / 1e3;
        let new = (seconds * f64::from(rate) * 1.1) as u32 + ROUND as u32;
        let room = settings.connections.checked_add(new);
        let room = room.ok_or_else(|| Error::dataplane("that is too many connections"))?;
        let mut harness = WorkerHarness::new(test_bed, room, Lifetime::LONG)?;
        let request = Template::udp(Side::Public, FRAME);
        let flows = harness.open(&request, settings.connections)?;
        let flood = match settings.target {
            Target::Service => request.clone(),
            Target::RealAddress => Template::to_real_address(),
        };
        Ok(FloodHarness {
            harness,
            request,
            flood,
            target: settings.target,
            flows,
            connections: settings.connections,
            next: settings.connections,
            random: Random::from_system(),
            length: dpdk::clock::hz() * u64::from(settings.millis) / 1000,
        })
    }

    /// One slice, with so many packets of the flood a second.
    fn slice(&mut self, rate: u32) -> Result<Slice, Error> {
        let counters = Arc::clone(&self.harness.counters);
        let drops = |reason| counters.drops.get(reason);
        let target = self.target;
        let seen = || match target {
            Target::Service => (counters.opened.get(), drops(DropReason::Overload)),
            Target::RealAddress => (
                counters.punted[PuntClass::Kernel.index()].get(),
                drops(DropReason::Overload) + drops(DropReason::HousekeepingFull),
            ),
        };
        let (opened, refused) = seen();
        let mut slice = Slice { known: 0, accepted: 0, refused: 0, cycles: 0 };
        let mut offered = 0;
        while slice.cycles < self.length {
            let due = (slice.seconds() * f64::from(rate)) as u64 - offered;
            let new = due.min(MOST as u64);
            let turn = self.round(new as usize);
            offered += new;
            slice.known += turn.packets - new;
            slice.cycles += turn.cycles;
        }
        slice.accepted = seen().0 - opened;
        slice.refused = seen().1 - refused;
        match slice.accepted + slice.refused == offered {
            true => Ok(slice),
            false => {
                let known = slice.accepted + slice.refused;
                Err(Error::Dataplane(format!("{known} of the flood's {offered} packets were seen")))
            }
        }
    }

    /// A round of packets of which `new` are the flood's.
    fn round(&mut self, new: usize) -> Turn {
        let (flows, request, flood) = (self.flows, &self.request, &self.flood);
        let (random, next, connections) = (&mut self.random, &mut self.next, self.connections);
        let packets = (0..ROUND).map(|at| {
            // Bresenham's line through the round.
            let is_new = (at + 1) * new / ROUND > at * new / ROUND;
            if !is_new {
                return Packet { template: request, flow: flows.of(random.below(connections)) };
            }
            let flow = Flow { client: *next, server: 0 };
            *next = next.wrapping_add(1);
            Packet { template: flood, flow }
        });
        let turn = self.harness.run_on(packets);
        self.harness.collect_for_main();
        turn
    }
}
