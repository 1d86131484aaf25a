//! [`crate::run`] in this process: for connections that are new, which a file that is replayed
//! cannot have, and for more of them than net_pcap has buffers for.
//!
//! The worker is never without packets, on any side that has some. They are of random known
//! connections and, spread evenly among them, of new ones, which end by their timeout: after
//! the warm-up as many end as begin. A second is the worker's: cycles that it polled.

use std::sync::Arc;

use dataplane::worker::BURST;
use nat::Side;
use nat::random::Random;

use super::frames::{Flow, Template};
use super::test_bed::{Lifetime, Pages, TestBed, WORKER_CORE};
use super::worker_harness::{Flows, Packet, ROUND, WorkerHarness};
use crate::Error;
use crate::flap;
use crate::packets::FRAME;
use crate::run_settings::RunSettings;
use crate::tandem::{Occupancy, Reading, Run};
use crate::traffic::{Mix, Traffic};

/// Room for new connections at the most, whatever their number a second.
const MOST_NEW: u32 = 16_000_000;
/// Packets a second that a worker is not expected to exceed.
const PACKETS_A_SECOND: u32 = 15_000_000;

/// A worker and its packets.
pub(crate) struct Mixed {
    harness: WorkerHarness,
    stream: Stream,
    capacity: u32,
}

impl Mixed {
    /// With all connections open, and as many new ones as the table has in the long run.
    pub(crate) fn start(settings: &RunSettings, pages: Pages) -> Result<Self, Error> {
        let Traffic { mix, connections, .. } = settings.traffic;
        if mix != Mix::Service || settings.workers != 1 {
            return Err(Error::NotInTheProcess);
        }
        let test_bed = TestBed::new(pages, WORKER_CORE, &[])?;
        // Long enough for each of the known ones to have a packet meanwhile.
        let lifetime = Lifetime(2 + connections / 500_000);
        let new = PACKETS_A_SECOND / 100 * u32::from(settings.new_percent);
        let room = new.saturating_mul(lifetime.0 + 3).min(MOST_NEW);
        let capacity = connections.checked_add(room);
        let capacity = capacity.ok_or_else(|| Error::dataplane("that is too many connections"))?;
        let opening = Lifetime(lifetime.0.max(Lifetime::to_open(connections).0));
        let mut harness = WorkerHarness::new(&test_bed, capacity, opening)?;
        let templates = Templates::of(&settings.traffic);
        let flows = harness.open(&Template::udp(Side::Public, FRAME), connections)?;
        let mut mixed =
            Mixed { harness, stream: Stream::new(settings, templates, flows), capacity };
        mixed.warm_up(opening)?;
        Ok(mixed)
    }

    /// Until as many connections end as begin.
    fn warm_up(&mut self, lifetime: Lifetime) -> Result<(), Error> {
        let start = std::time::Instant::now();
        let enough = match self.stream.new_percent {
            0 => core::time::Duration::from_millis(200),
            _ => lifetime.until_due(),
        };
        while start.elapsed() < enough {
            self.round()?;
        }
        Ok(())
    }

    /// As many packets as the rings hold; returns the cycles.
    fn round(&mut self) -> Result<u64, Error> {
        let turn = self.harness.run_on(self.stream.round());
        match turn.packets {
            0 => Err(Error::dataplane("no buffer was left for a packet")),
            _ => Ok(turn.cycles),
        }
    }

    /// A second of the worker's time.
    pub(crate) fn second(&mut self) -> Result<Run, Error> {
        let counters = Arc::clone(&self.harness.counters);
        let before = Reading::of(&counters);
        let hz = dpdk::clock::hz();
        let mut cycles = 0;
        while cycles < hz {
            cycles += self.round()?;
        }
        let seconds = cycles as f64 / hz.max(1) as f64;
        Ok(Reading::of(&counters).since_all(&before, self.stream.sides, seconds, cycles))
    }

    /// The same while a server's weight changes so many times a second, as the thread of the
    /// control socket changes it; and how many times it has.
    pub(crate) fn second_flapping(&mut self, a_second: u32) -> Result<(Run, u64), Error> {
        let snapshot = Arc::clone(&self.harness.snapshot);
        let mut servers = snapshot.policy.services.iter().flat_map(|service| &service.servers);
        let server = servers.next().ok_or_else(|| Error::dataplane("there is no server"))?.id;
        let set = |weight: u16| {
            snapshot.policy.weights.set(server, weight.into());
            Ok(())
        };
        flap::meanwhile(a_second, set, || self.second())
    }

    /// How full the table is.
    pub(crate) fn occupancy(&self) -> Occupancy {
        let connections = self.harness.counters.connections.get();
        Occupancy { connections, capacity: u64::from(self.capacity) }
    }
}

/// One frame of each length, of requests and of replies.
struct Templates {
    requests: Vec<Template>,
    replies: Vec<Template>,
}

impl Templates {
    fn of(traffic: &Traffic) -> Self {
        let of = |side| {
            let lengths = traffic.size.lengths().iter();
            lengths.map(|&length| Template::udp(side, length)).collect()
        };
        Templates { requests: of(Side::Public), replies: of(Side::Private) }
    }
}

/// Whose packet comes next.
struct Stream {
    templates: Templates,
    flows: Flows,
    connections: u32,
    new_percent: u8,
    sides: usize,
    /// The first client that nobody has seen.
    next: u32,
    /// Packets so far on each side, for lengths and new connections.
    turn: usize,
    random: Random,
}

impl Stream {
    fn new(settings: &RunSettings, templates: Templates, flows: Flows) -> Self {
        Stream {
            templates,
            flows,
            connections: settings.traffic.connections,
            new_percent: settings.new_percent,
            sides: if settings.traffic.one_way { 1 } else { 2 },
            next: settings.traffic.connections,
            turn: 0,
            random: Random::from_system(),
        }
    }

    /// A round has as many packets on each side as a pair of rings holds.
    fn round(&mut self) -> impl Iterator<Item = Packet<'_>> {
        let Stream { templates, flows, connections, new_percent, sides, next, turn, random } = self;
        let (templates, flows, connections, sides) = (&*templates, *flows, *connections, *sides);
        // A new connection's first packet is a request: those have the replies' part, too.
        let percent = usize::from(*new_percent) * sides;
        (0..ROUND * sides).filter_map(move |at| {
            let is_reply = sides == 2 && at % 2 == 1;
            if !is_reply {
                *turn += 1;
            }
            let of = if is_reply { &templates.replies } else { &templates.requests };
            let template = of.get(*turn % of.len().max(1))?;
            // Bresenham's line.
            let is_new = !is_reply && *turn * percent / 100 > (*turn - 1) * percent / 100;
            let flow = match is_new {
                true => Flow { client: *next, server: 0 },
                false => flows.of(random.below(connections)),
            };
            *next = next.wrapping_add(u32::from(is_new));
            Some(Packet { template, flow })
        })
    }
}

// A burst is taken whole from each side.
const _: () = assert!(ROUND % BURST == 0);
