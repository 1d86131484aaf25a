//! What expiry costs while packets flow, and how late it makes them.
//!
//! A few connections of TCP carry packets, a full burst in every poll. Beside them lie
//! those of UDP, whose time is over for all at once: nobody has polled since. Each poll
//! is timed until the last of them is closed, and twice for as long again afterwards, without
//! anything to expire: what interrupts a worker for longer than a poll does so by time, so that
//! every part has as much of it.
//!
//! An interruption lasts longer where caches are cold, and expiry makes them so. Therefore the
//! last part has packets of as many other connections, in random order: its polls read as much
//! memory, and take about as long, for no expiry. If polls with expiry are later than those, it
//! is for expiry.

use nat::Side;
use serde::Serialize;
use wire::tcp::Flags;

use super::cps::establish;
use super::frames::Template;
use super::percentiles::{Percentiles, Times};
use super::test_bed::{Lifetime, Pages, TestBed, WORKER_CORE};
use super::worker_harness::{Packet, ROUND, WorkerHarness};
use crate::Error;
use crate::packets::FRAME;
use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;

/// Polls that take longer than these are counted; the second is what is called late.
pub const LATE_MICROS: [u64; 3] = [20, 50, 100];

#[derive(Clone, Copy, Debug, Serialize)]
pub struct ExpirySettings {
    /// Connections whose time is over at once.
    pub connections: u32,
    /// Connections that carry packets.
    pub flowing: u32,
    pub rounds: u32,
    pub pages: Pages,
}

#[derive(Clone, Debug, Serialize)]
pub struct Expiry {
    /// Connections whose time was over at once.
    pub connections: u32,
    /// Connections that carried packets.
    pub flowing: u32,
    /// Cycles that expiry takes for a connection: what the median poll takes with it more
    /// than without, over all polls.
    pub cycles: Summary,
    /// Polls that closed them, packets of a full burst in each.
    pub polls: u64,
    /// How long polls took with expiry.
    pub during: Lateness,
    /// How long they took without.
    pub without: Lateness,
    /// How long they took without, their packets being of as many connections at random.
    pub scattered: Lateness,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// How long polls took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lateness {
    /// In microseconds, over all rounds.
    pub poll: Percentiles,
    /// The longest of each round, in microseconds.
    pub longest: Summary,
    /// Polls in a second of polling that took longer than each of [`LATE_MICROS`]: what
    /// interrupts the worker does so by time, however long polls are.
    pub late_a_second: [f64; 3],
}

/// Measures; `progress` is told what comes next.
///
/// # Errors
///
/// [`Error`], when DPDK or the worker does not do its part.
pub fn run(settings: &ExpirySettings, progress: &dyn Fn(&str)) -> Result<Expiry, Error> {
    let test_bed = TestBed::new(settings.pages, WORKER_CORE, &[])?;
    let (mut cycles, mut polls) = (Vec::new(), 0);
    let (mut during, mut without, mut scattered) = (Phase::new()?, Phase::new()?, Phase::new()?);
    for round in 1..=settings.rounds {
        progress(&format!("round {round} of {}", settings.rounds));
        let [expiring, usual, random] = measure(settings, &test_bed)?;
        let spent = expiring.times.median() as f64 - usual.times.median() as f64;
        cycles.push(spent * expiring.polls as f64 / f64::from(settings.connections));
        polls += expiring.polls;
        during.add(&expiring)?;
        without.add(&usual)?;
        scattered.add(&random)?;
    }
    let mut figures = Vec::new();
    let mut put = |name, unit, better, samples| {
        Figure::new(name, unit, better, Each::Round, samples).put(&mut figures)
    };
    Ok(Expiry {
        connections: settings.connections,
        flowing: settings.flowing,
        cycles: put("expiry", "cycles a connection", Better::Lower, cycles)?,
        polls,
        during: during
            .lateness(|longest| put("longest poll with expiry", "us", Better::Lower, longest))?,
        // As long as the machine has it: the worker does what it always does.
        without: without.lateness(|longest| {
            put("longest poll without expiry", "us", Better::Neither, longest)
        })?,
        scattered: scattered.lateness(|longest| {
            put("longest poll of scattered packets", "us", Better::Neither, longest)
        })?,
        figures,
    })
}

/// Polls of one round and kind.
struct Timed {
    polls: u64,
    cycles: u64,
    times: Times,
}

impl Timed {
    fn new() -> Result<Self, Error> {
        Ok(Timed { polls: 0, cycles: 0, times: Times::new()? })
    }

    /// As many polls as a round of packets takes.
    fn run<'a>(&mut self, harness: &mut WorkerHarness, packets: impl Iterator<Item = Packet<'a>>) {
        harness.run_each(packets.take(ROUND), |cycles| {
            self.cycles += cycles;
            self.polls += 1;
            self.times.record(cycles);
        });
    }
}

/// All rounds of one kind.
struct Phase {
    cycles: u64,
    times: Times,
    longest: Vec<f64>,
}

impl Phase {
    fn new() -> Result<Self, Error> {
        Ok(Phase { cycles: 0, times: Times::new()?, longest: Vec::new() })
    }

    fn add(&mut self, round: &Timed) -> Result<(), Error> {
        self.cycles += round.cycles;
        self.longest.push(round.times.percentiles().max);
        self.times.add(&round.times)
    }

    fn lateness(
        self,
        longest: impl FnOnce(Vec<f64>) -> Result<Summary, Error>,
    ) -> Result<Lateness, Error> {
        let hz = dpdk::clock::hz();
        let seconds = self.cycles.max(1) as f64 / hz.max(1) as f64;
        let later_than = |micros| self.times.longer_than(hz * micros / 1_000_000) as f64 / seconds;
        Ok(Lateness {
            poll: self.times.percentiles(),
            late_a_second: LATE_MICROS.map(later_than),
            longest: longest(self.longest)?,
        })
    }
}

/// A round: polls with expiry, without for as long, and without for as long of packets of
/// random connections.
fn measure(settings: &ExpirySettings, test_bed: &TestBed) -> Result<[Timed; 3], Error> {
    let lifetime = Lifetime::to_open(settings.connections);
    let known = settings.connections.max(settings.flowing);
    let mut harness = WorkerHarness::new(test_bed, settings.connections + known, lifetime)?;
    let flows = establish(&mut harness, known)?;
    harness.open(&Template::udp(Side::Public, FRAME), settings.connections)?;
    if harness.counters.closed.get() > 0 {
        return Err(Error::dataplane("connections expired before their time"));
    }
    let ack = Template::tcp(Side::Public, Flags::ACK);
    std::thread::sleep(lifetime.until_due());
    let (mut expiring, mut usual, mut random) = (Timed::new()?, Timed::new()?, Timed::new()?);
    let few = || flows.packets(&ack, (0..settings.flowing).cycle());
    let any = || flows.packets(&ack, core::iter::repeat_with(|| fastrand::u32(0..known)));
    while harness.counters.closed.get() < u64::from(settings.connections) {
        expiring.run(&mut harness, few());
    }
    // Expiry began after a rest, whereupon the kernel and a hypervisor interrupt for longer.
    // So do the others.
    std::thread::sleep(lifetime.until_due());
    while usual.cycles < expiring.cycles {
        usual.run(&mut harness, few());
    }
    std::thread::sleep(lifetime.until_due());
    while random.cycles < expiring.cycles {
        random.run(&mut harness, any());
    }
    match harness.counters.connections.get() == u64::from(known) {
        true => Ok([expiring, usual, random]),
        false => Err(Error::dataplane("connections that carried packets expired")),
    }
}
