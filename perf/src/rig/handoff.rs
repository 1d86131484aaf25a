//! What it costs to hand a packet to another worker.
//!
//! ```text
//!  direct:    rig --> B --> rig
//!  handed:    rig --> A --> ring --> B --> rig
//! ```
//!
//! All packets belong to connections of worker B. The cost of handing one over is what it
//! takes of A and B when it comes to A, less what it takes of B when it comes to B: A's
//! reading and look-up, and both ends of the ring. First both workers are polled in turn
//! on one thread, which no cache line has to leave; then B has a core of its own.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use crossbeam::utils::CachePadded;
use dataplane::counters::WorkerBlock;
use dataplane::sharing::Sharing;
use dataplane::worker::{BURST, Handoff, Peer, Worker};
use dpdk::SocketId;
use dpdk::burst::Burst;
use dpdk::port::RssKey;
use dpdk::ring;
use nat::Side;
use nat::random::Random;
use serde::Serialize;

use super::frames::Template;
use super::generator::Generator;
use super::test_bed::{GENERATOR_CORE, Lifetime, Pages, RING, TestBed, WORKER_CORE};
use super::worker_harness::{Flows, Packet, ROUND, WorkerHarness};
use crate::Error;
use crate::packets::{self, FRAME};
use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;

/// The bits of the key of the hash.
const KEY: u32 = 0x9e37_79b9;
/// Worker B's number.
const OWNER: usize = 1;
/// The longest wait for a worker to go on polling.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, Serialize)]
pub struct HandoffSettings {
    /// Connections, all of one worker.
    pub connections: u32,
    /// Parts of the run.
    pub parts: u32,
    /// Rounds of some hundred packets in a part.
    pub rounds: u32,
    pub pages: Pages,
}

#[derive(Clone, Debug, Serialize)]
pub struct HandoffCost {
    /// Connections, all of one worker.
    pub connections: u32,
    /// Both workers on one thread, in turn.
    pub one_core: Cost,
    /// A worker on each of two cores.
    pub two_cores: Cost,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// Cycles a packet over the parts, each the median of its rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// Of the worker that has the connection, packets coming to it directly.
    pub direct: Summary,
    /// Of the worker that hands packets over.
    pub sender: Summary,
    /// Of the worker to which they are handed.
    pub owner: Summary,
    /// Of both, less what they cost directly.
    pub handoff: Summary,
}

/// Cycles a packet of each way, by round or by part.
#[derive(Default)]
struct Samples {
    direct: Vec<f64>,
    sender: Vec<f64>,
    owner: Vec<f64>,
    handoff: Vec<f64>,
}

impl Samples {
    /// A round, by the cycles of all its packets.
    fn push(&mut self, [direct, sender, owner]: [u64; 3]) {
        let each = |cycles: u64| cycles as f64 / ROUND as f64;
        self.direct.push(each(direct));
        self.sender.push(each(sender));
        self.owner.push(each(owner));
        self.handoff.push(each(sender) + each(owner) - each(direct));
    }

    /// A part, by the medians of its rounds: the kernel or the hypervisor takes a core away
    /// in few of them.
    fn push_part(&mut self, rounds: &Samples) -> Result<(), Error> {
        self.direct.push(median(&rounds.direct)?);
        self.sender.push(median(&rounds.sender)?);
        self.owner.push(median(&rounds.owner)?);
        self.handoff.push(median(&rounds.handoff)?);
        Ok(())
    }

    /// The cost on so many cores: "one core".
    fn cost(self, cores: &str, figures: &mut Vec<Figure>) -> Result<Cost, Error> {
        let mut put = |name, samples| {
            let name = format!("{name}, {cores}");
            Figure::new(name, "cycles a packet", Better::Lower, Each::Part, samples).put(figures)
        };
        Ok(Cost {
            direct: put("not handed over", self.direct)?,
            sender: put("the sender", self.sender)?,
            owner: put("the owner", self.owner)?,
            handoff: put("handing over", self.handoff)?,
        })
    }
}

fn median(rounds: &[f64]) -> Result<f64, Error> {
    let summary = Summary::of(rounds).ok_or_else(|| Error::dataplane("nothing ran"));
    summary.map(|summary| summary.median)
}

/// Measures; `progress` is told what comes next.
///
/// # Errors
///
/// [`Error`], when DPDK or a worker does not do its part.
pub fn run(settings: &HandoffSettings, progress: &dyn Fn(&str)) -> Result<HandoffCost, Error> {
    let test_bed = TestBed::new(settings.pages, GENERATOR_CORE, &[WORKER_CORE])?;
    progress("both workers on one core");
    let mut figures = Vec::new();
    let one_core = one_core(settings, &test_bed)?.cost("one core", &mut figures)?;
    progress("a worker on each of two cores");
    let two_cores = two_cores(settings, &test_bed)?.cost("two cores", &mut figures)?;
    Ok(HandoffCost { connections: settings.connections, one_core, two_cores, figures })
}

/// Who owns which connection, the same in every run.
fn sharing() -> Sharing {
    Sharing::new(RssKey::from_random(KEY), 2, Sharing::PLACES)
}

/// Rings between two workers, both ways.
fn handoffs(test_bed: &TestBed) -> Result<[Handoff; 2], Error> {
    let ring = || ring::spsc(&test_bed.eal, RING, SocketId::ANY).map_err(Error::dataplane);
    let (to_owner, from_sender) = ring()?;
    let (to_sender, from_owner) = ring()?;
    let peer = |ring| Some(CachePadded::new(Peer { ring, waiting: Burst::<BURST>::new() }));
    let sharing = Arc::new(sharing());
    let sender = Handoff {
        peers: vec![None, peer(to_owner)],
        from: vec![from_owner],
        index: 0,
        sharing: Arc::clone(&sharing),
    };
    let owner = Handoff {
        peers: vec![peer(to_sender), None],
        from: vec![from_sender],
        index: OWNER,
        sharing,
    };
    Ok([sender, owner])
}

/// Clients whose connections belong to worker B.
fn clients(count: u32) -> Vec<u32> {
    let sharing = sharing();
    let owned = |client: &u32| sharing.owner(packets::tuple(*client).source) == OWNER;
    (0..).filter(owned).take(count as usize).collect()
}

/// Packets of random clients.
struct Traffic {
    request: Template,
    clients: Vec<u32>,
    random: Random,
}

impl Traffic {
    fn new(count: u32) -> Result<Self, Error> {
        let (clients, random) = (clients(count), Random::from_system());
        Ok(Traffic { request: Template::udp(Side::Public, FRAME), clients, random })
    }

    /// A packet of each client: its connection opens.
    fn all(&self) -> impl Iterator<Item = Packet<'_>> {
        Flows::default().packets(&self.request, self.clients.iter().copied())
    }

    /// A round of packets.
    fn round(&mut self) -> impl Iterator<Item = Packet<'_>> {
        let (clients, random) = (&self.clients, &mut self.random);
        let any = move || {
            let at = random.below(clients.len() as u32) as usize;
            clients.get(at).copied().unwrap_or_default()
        };
        Flows::default().packets(&self.request, core::iter::repeat_with(any).take(ROUND))
    }
}

fn one_core(settings: &HandoffSettings, test_bed: &TestBed) -> Result<Samples, Error> {
    let [sender, owner] = handoffs(test_bed)?
        .map(|handoff| test_bed.fixture_among(handoff, settings.connections, Lifetime::LONG));
    let (mut sender, mut owner) = (WorkerHarness::of(sender?), WorkerHarness::of(owner?));
    let mut traffic = Traffic::new(settings.connections)?;
    owner.run(traffic.all());
    expect(owner.counters.opened.get(), settings.connections)?;
    let mut samples = Samples::default();
    // The first part warms up.
    for part in 0..=settings.parts {
        let mut rounds = Samples::default();
        for _ in 0..settings.rounds {
            let direct = owner.run(traffic.round()).cycles;
            let given = sender.run(traffic.round()).cycles;
            let before = owner.counters.fast.get();
            let all = |counters: &WorkerBlock| counters.fast.get() - before >= ROUND as u64;
            let taken = owner.poll_until(all)?.cycles;
            owner.collect();
            owner.give_buffers(&mut sender, ROUND);
            rounds.push([direct, given, taken]);
        }
        if part > 0 {
            samples.push_part(&rounds)?;
        }
    }
    Ok(samples)
}

fn two_cores(settings: &HandoffSettings, test_bed: &TestBed) -> Result<Samples, Error> {
    let [sender, owner] = handoffs(test_bed)?
        .map(|handoff| test_bed.fixture_among(handoff, settings.connections, Lifetime::LONG));
    let (mut sender, owner) = (WorkerHarness::of(sender?), owner?);
    let counters = Arc::clone(&owner.parts.counters);
    let (mut generator, parts) = (Generator::new(owner.near, &test_bed.mempool), owner.parts);
    let worker = test_bed.eal.launch(WORKER_CORE, move || Worker::new(parts).run());
    let worker = worker.map_err(Error::dataplane)?;
    let samples = feed(settings, &mut sender, &mut generator, &counters);
    test_bed.stop.store(true, Ordering::Relaxed);
    worker.join().map_err(Error::dataplane)?;
    samples
}

/// Packets to A and to B in turn, while B polls on its core.
fn feed(
    settings: &HandoffSettings,
    sender: &mut WorkerHarness,
    generator: &mut Generator,
    counters: &WorkerBlock,
) -> Result<Samples, Error> {
    let mut traffic = Traffic::new(settings.connections)?;
    generator.open(&traffic.request, &traffic.clients)?;
    expect(counters.opened.get(), settings.connections)?;
    let busy = || counters.busy_cycles.get();
    let mut samples = Samples::default();
    for part in 0..=settings.parts {
        let mut rounds = Samples::default();
        for _ in 0..settings.rounds {
            let before = busy();
            generator.send(traffic.round());
            generator.take(ROUND as u64)?;
            settle(counters);
            let between = busy();
            let given = sender.run(traffic.round()).cycles;
            generator.take(ROUND as u64)?;
            settle(counters);
            rounds.push([between - before, given, busy() - between]);
            generator.give_buffers(sender, ROUND);
        }
        if part > 0 {
            samples.push_part(&rounds)?;
        }
    }
    Ok(samples)
}

/// Waits until the worker has counted the poll in which it sent the last packet.
fn settle(counters: &WorkerBlock) {
    let (polls, start) = (counters.polls.get(), Instant::now());
    while counters.polls.get() < polls + 2 && start.elapsed() < PATIENCE {
        core::hint::spin_loop();
    }
}

fn expect(opened: u64, connections: u32) -> Result<(), Error> {
    match opened == u64::from(connections) {
        true => Ok(()),
        false => Err(Error::Dataplane(format!("{opened} of {connections} connections opened"))),
    }
}
