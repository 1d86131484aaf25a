//! A worker: one thread on its own core that takes bursts from the NICs' queues and
//! from the rings, and brings each packet to its end.
//!
//! ```text
//!  receive --> read --> match --> forward --> deal --> transmit    the fast path (burst.rs)
//!                |                              |
//!                |                              |--> open connections (plan.rs)
//!                |                              |    but not too many (pressure.rs)
//!                |                              '--> slow path, a packet at a time (slow.rs)
//!                |                                   |-- open a connection (open.rs)
//!                |                                   |-- forward, fragment (forward.rs)
//!                |                                   |-- ICMP errors (icmp.rs)
//!                |                                   |-- fragments (fragments.rs)
//!                |                                   '-- to the main core (ARP, kernel, unresolved)
//!                '--> to the worker that owns the connection (handoff.rs)
//! ```
//!
//! Everything a worker writes is its own: tables, counters, queues. It takes no lock,
//! makes no system call (but to sleep when idle and told to) and allocates nothing.

mod burst;
mod expire;
mod forward;
mod fragments;
mod handoff;
mod hops;
mod icmp;
mod idle;
mod link;
mod open;
mod orders;
mod plan;
mod pressure;
mod slow;
mod stages;
mod sync;
mod transmit;

use core::sync::atomic::{AtomicBool, Ordering};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;

use config::Idle;
use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::mempool::Mempool;
use dpdk::port::RxQueue;
use dpdk::ring::{Consumer, Producer};
use nat::fragment::Tracker;
use nat::random::Random;
use nat::scheduler::Scheduler;
use nat::{Connections, Instant, Side};
use wire::MacAddress;

use crate::clock::{Clock, Tsc};
use crate::counters::WorkerBlock;
use crate::drop_reason::DropReason;
use crate::mailbox::{Mailbox, Walk};
use crate::neighbour::{NeighbourTable, Sender};
use crate::rate::TokenBucket;
use crate::role::SharedDeadlines;
use crate::snapshot::Snapshot;

use hops::Hops;
use idle::Rest;
use pressure::Pressure;

pub use fragments::Verdict;
pub use handoff::{Handoff, Peer, Sharing};
pub use stages::Stage;
pub use transmit::{Exit, Outlet};

/// Packets that are handled together.
pub const BURST: usize = 32;
/// ICMP errors that one worker sends in a second.
const ICMP_ERRORS_A_SECOND: u32 = 1000;
/// Resets that a worker sends about connections that it does not know.
const RESETS_A_SECOND: u32 = 1000;

/// What a worker is made of.
pub struct Parts {
    /// Its number among the workers, from zero.
    pub index: usize,
    /// Its receive queues on each side, none if the device has fewer queues than there
    /// are workers.
    pub receive: [Option<RxQueue>; 2],
    /// Whether the NIC of each side looks at the checksums of IP headers.
    pub checks_ip: [bool; 2],
    /// How it sends on each side.
    pub outlets: [Outlet; 2],
    /// Rings to and from the other workers.
    pub handoff: Handoff,
    /// Ring to the main core.
    pub to_housekeeping: Producer,
    /// Ring from the main core.
    pub from_housekeeping: Consumer,
    /// Buffers for packets that it makes itself.
    pub mempool: Mempool,
    /// Its connections.
    pub connections: Connections<Ipv4Addr>,
    /// Fragments on their way.
    pub fragments: Tracker<Ipv4Addr, Mbuf, Verdict>,
    /// Neighbours.
    pub neighbours: Arc<NeighbourTable>,
    /// The configuration to begin with.
    pub snapshot: Arc<Snapshot>,
    /// Orders and answers.
    pub mailbox: Arc<Mailbox>,
    /// Its counters.
    pub counters: Arc<WorkerBlock>,
    /// Until when this machine forwards.
    pub role: Arc<SharedDeadlines>,
    /// The clock of the process.
    pub clock: Clock,
    /// What to do when there is nothing to do.
    pub idle: Idle,
    /// Set when the process ends.
    pub stop: Arc<AtomicBool>,
}

/// A worker at work.
pub struct Worker {
    receive: [Option<RxQueue>; 2],
    checks_ip: [bool; 2],
    /// Of the receive queues.
    pressure: [Pressure; 2],
    exits: [Exit; 2],
    handoff: Handoff,
    /// Of the other workers' rings and, last, of the main core's.
    ring_pressure: Vec<Pressure>,
    to_housekeeping: Producer,
    errands: Burst<BURST>,
    from_housekeeping: Consumer,
    mempool: Mempool,
    connections: Connections<Ipv4Addr>,
    fragments: Tracker<Ipv4Addr, Mbuf, Verdict>,
    /// One for each service, by its number.
    schedulers: Vec<Option<Scheduler>>,
    neighbours: Arc<NeighbourTable>,
    hops: Hops,
    /// Counted by this worker alone: the count inside, which all share, is written only
    /// when a configuration comes or goes.
    #[allow(clippy::redundant_allocation, reason = "the two counts are the purpose")]
    snapshot: Rc<Arc<Snapshot>>,
    /// Advances whenever what records remember of next hops may be wrong.
    epoch: u16,
    neighbour_epoch: u32,
    macs: [MacAddress; 2],
    /// Those of the floating addresses, often the same.
    floating_macs: [MacAddress; 2],
    mtus: [u16; 2],
    /// The own addresses as the neighbours' table wants them.
    senders: [Sender; 2],
    mailbox: Arc<Mailbox>,
    walk: Option<Walk>,
    counters: Arc<WorkerBlock>,
    icmp_bucket: TokenBucket,
    reset_bucket: TokenBucket,
    random: Random,
    /// The last one given to fragments.
    identification: u16,
    role: Arc<SharedDeadlines>,
    /// What [`Worker::role`] said at the beginning of the poll.
    forwards: bool,
    clock: Clock,
    now: Instant,
    rest: Rest,
    /// While this poll is timed by stage: when the last stage ended.
    lap: Option<u64>,
    stop: Arc<AtomicBool>,
}

/// What one poll has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Polled {
    /// Packets, and entries of connection sync.
    pub found: usize,
    /// Nothing more has to be done now, by packets or without: the worker may rest.
    pub is_idle: bool,
}

impl Worker {
    /// Puts a worker together. All memory that it will use is taken here.
    pub fn new(parts: Parts) -> Self {
        let now = parts.clock.now();
        let mut random = Random::from_system();
        let mut worker = Worker {
            receive: parts.receive,
            checks_ip: parts.checks_ip,
            pressure: [Pressure::default(); 2],
            exits: parts.outlets.map(Exit::new),
            ring_pressure: vec![Pressure::default(); parts.handoff.from.len() + 1],
            handoff: parts.handoff,
            to_housekeeping: parts.to_housekeeping,
            errands: Burst::new(),
            from_housekeeping: parts.from_housekeeping,
            mempool: parts.mempool,
            connections: parts.connections,
            fragments: parts.fragments,
            schedulers: orders::no_schedulers(),
            neighbours: parts.neighbours,
            hops: Hops::NONE,
            snapshot: Rc::new(Arc::clone(&parts.snapshot)),
            epoch: 0,
            neighbour_epoch: 0,
            macs: [MacAddress::ZERO; 2],
            floating_macs: [MacAddress::ZERO; 2],
            mtus: [0; 2],
            senders: [Sender::new(MacAddress::ZERO); 2],
            mailbox: parts.mailbox,
            walk: None,
            counters: parts.counters,
            icmp_bucket: TokenBucket::new(ICMP_ERRORS_A_SECOND, now),
            reset_bucket: TokenBucket::new(RESETS_A_SECOND, now),
            identification: random.next_u64() as u16,
            random,
            role: parts.role,
            forwards: false,
            clock: parts.clock,
            now,
            rest: Rest::new(parts.idle),
            lap: None,
            stop: parts.stop,
        };
        worker.take_snapshot(parts.snapshot);
        // Until the first poll has looked at the role.
        worker.set_standby(true);
        worker
    }

    /// Polls until the process is told to end.
    pub fn run(mut self) {
        let mut before = Tsc::now();
        while !self.stop.load(Ordering::Relaxed) {
            let polled = self.poll_at(before);
            let after = Tsc::now();
            let cycles = after.0.wrapping_sub(before.0);
            before = after;
            self.counters.cycles.add(cycles);
            if polled.found > 0 {
                self.counters.busy_cycles.add(cycles);
            }
            if let Some(pause) = self.rest.after(polled.is_idle) {
                std::thread::sleep(pause);
                let woken = Tsc::now();
                self.counters.cycles.add(woken.0.wrapping_sub(before.0));
                before = woken;
            }
        }
    }

    /// One round over all sources of packets, and a step of all work that no packet
    /// brings.
    pub fn poll(&mut self) -> Polled {
        self.poll_at(Tsc::now())
    }

    /// The same, the time stamp counter having just been read.
    #[inline(always)]
    fn poll_at(&mut self, reading: Tsc) -> Polled {
        self.begin_laps();
        self.now = self.clock.at(reading);
        self.follow_role(reading);
        self.follow_orders();
        self.follow_neighbours();
        let mut found = 0;
        for side in Side::ALL {
            found += self.poll_queue(side);
        }
        found += self.poll_rings();
        found += self.poll_sync();
        let bound = self.bind_on();
        let expires = self.expire();
        self.lap(Stage::Other);
        self.flush();
        self.lap(Stage::Transmit);
        if self.lap.is_some() {
            self.counters.timed.add(found as u64);
        }
        self.counters.polls.add(1);
        let is_idle = found == 0 && bound == 0 && !expires && self.walk.is_none();
        Polled { found, is_idle }
    }

    /// Takes note of the role: time passes for connections only while they are in use.
    #[inline(always)]
    fn follow_role(&mut self, reading: Tsc) {
        let forwards = self.role.forwards(reading);
        if forwards != self.forwards {
            self.forwards = forwards;
            self.set_standby(!forwards);
        }
    }

    fn poll_queue(&mut self, side: Side) -> usize {
        let Some(queue) = &mut self.receive[side.index()] else { return 0 };
        let mut burst = Burst::<BURST>::new();
        let count = queue.receive(&mut burst);
        let overflows = self.pressure[side.index()].after(count);
        if count > 0 {
            self.lap(Stage::Receive);
            self.counters.received[side.index()].add(count as u64);
            self.process(side, &mut burst, overflows);
        }
        count
    }

    #[inline(always)]
    fn discard(&self, reason: DropReason) {
        self.counters.drops.add(reason, 1);
    }

    /// When this differs from what they remember, connections find their way anew.
    fn advance_epoch(&mut self) {
        // Zero is what a new record carries, so that its first packet looks.
        self.epoch = self.epoch.wrapping_add(1).max(1);
        self.hops = Hops::NONE;
    }

    #[inline(always)]
    fn follow_neighbours(&mut self) {
        let epoch = self.neighbours.epoch();
        if epoch != self.neighbour_epoch {
            self.neighbour_epoch = epoch;
            self.advance_epoch();
        }
    }
}
