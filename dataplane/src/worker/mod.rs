//! A worker: one thread on its own core that takes bursts from the NICs' queues and
//! from the rings, and brings each packet to its end.
//!
//! ```text
//!  receive --> read --> match --> forward --> dispatch --> transmit   the fast path (burst.rs)
//!                |                               |
//!                |                               |--> open connections (open.rs)
//!                |                               |    but not too many (pressure.rs)
//!                |                               '--> slow path, a packet at a time (slow.rs)
//!                |                                    |-- open a connection (open.rs)
//!                |                                    |-- forward, fragment (forward.rs)
//!                |                                    |-- between private hosts (private_hosts.rs)
//!                |                                    |-- ICMP errors of others (icmp.rs)
//!                |                                    |-- fragments (fragments.rs)
//!                |                                    |-- echo requests (echo.rs)
//!                |                                    |-- answers of its own (answers.rs)
//!                |                                    '-- to the main core (punt.rs)
//!                '--> to the worker that owns the connection (handoff.rs)
//!
//!  while a capture runs, packets are copied as they arrive and as they leave (capture.rs)
//! ```
//!
//! While a trace runs, packets that match its filter go the same ways one by one (trace.rs).
//!
//! A worker is three things, and each stage is a function of those that it touches: what moves
//! packets ([`io::Io`]), what knows flows ([`flows::Flows`]), and what is looked at
//! ([`view::View`]). What a packet may open is `nat`'s to decide.
//!
//! Everything a worker writes is its own: tables, counters, queues. It takes no lock,
//! makes no system call (but to sleep when idle and told to) and allocates nothing.

mod answer_limits;
mod answers;
mod burst;
mod capture;
mod echo;
mod expire;
mod explain;
mod flows;
mod forward;
mod fragments;
mod handoff;
mod icmp;
mod idle;
mod io;
mod kill;
mod leaving;
mod link;
mod next_hops;
mod open;
mod orders;
mod packet_state;
mod pressure;
mod private_hosts;
mod punt;
mod return_path;
mod slow;
mod stages;
mod sync;
mod trace;
mod transmit;
mod view;

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
use std::net::Ipv4Addr;
use std::sync::Arc;

use config::Idle;
use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::mempool::Mempool;
use dpdk::port::RxQueue;
use dpdk::ring::{Consumer, Producer};
use nat::fragment::Tracker;
use nat::random::Random;
use nat::{Connections, Side, Translator};

use crate::clock::{Clock, Tsc};
use crate::counters::WorkerBlock;
use crate::mailbox::Mailbox;
use crate::neighbour::NeighbourTable;
use crate::role::SharedDeadlines;
use crate::snapshot::Snapshot;
use crate::stage::Stage;
use crate::trace::Source;

use self::capture::Capture;
use answer_limits::AnswerLimits;
use flows::Flows;
use idle::Rest;
use io::Io;
use next_hops::NextHopCache;
use orders::Orders;
use pressure::Pressure;
use punt::Punt;
use stages::StageTimer;
use view::View;

pub use fragments::Verdict;
pub use handoff::{Handoff, Peer, Sharing};
pub use transmit::{Exit, Outlet};

/// Packets that are handled together.
pub const BURST: usize = 32;

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
    /// Rings to the main core, one for each class and side, in their order.
    pub to_housekeeping: Vec<Producer>,
    /// Ring from the main core.
    pub from_housekeeping: Consumer,
    /// Ring of the buffers that the main core gives back.
    pub returned: Consumer,
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
    io: Io,
    flows: Flows,
    view: View,
    orders: Orders,
    rest: Rest,
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
        let identification = random.next_u64() as u16;
        let workers = parts.handoff.peers.len();
        let punt = Punt::new(parts.to_housekeeping, workers, now);
        let io = Io {
            receive: parts.receive,
            checks_ip: parts.checks_ip,
            pressure: [Pressure::default(); 2],
            exits: parts.outlets.map(Exit::new),
            ring_pressure: vec![Pressure::default(); parts.handoff.from.len() + 1],
            handoff: parts.handoff,
            punt,
            from_housekeeping: parts.from_housekeeping,
            returned: parts.returned,
            mempool: parts.mempool,
            limits: AnswerLimits::new(now),
            counters: Arc::clone(&parts.counters),
            role: Arc::clone(&parts.role),
            timer: StageTimer::new(Arc::clone(&parts.counters)),
            trace: None,
            capture: Capture::OFF,
            ending: Cell::default(),
        };
        let mut flows = Flows::new(
            Translator::new(parts.connections, random),
            parts.fragments,
            identification,
            now,
        );
        let (counters, role) = (parts.counters, parts.role);
        let snapshot = Arc::clone(&parts.snapshot);
        let mut view = View::new(snapshot, parts.neighbours, counters, role, parts.clock);
        orders::take_snapshot(&mut flows, &mut view, parts.snapshot);
        // Until the first poll has looked at the role.
        flows.translator.connections.set_standby(true, now);
        let orders = Orders::new(parts.mailbox);
        Worker { io, flows, view, orders, rest: Rest::new(parts.idle), stop: parts.stop }
    }

    /// Polls until the process is told to end.
    pub fn run(mut self) {
        let mut before = Tsc::now();
        while !self.stop.load(Ordering::Relaxed) {
            let polled = self.poll_at(before);
            let after = Tsc::now();
            let cycles = after.0.wrapping_sub(before.0);
            before = after;
            self.view.counters.cycles.add(cycles);
            if polled.found > 0 {
                self.view.counters.busy_cycles.add(cycles);
            }
            if let Some(pause) = self.rest.after(polled.is_idle) {
                std::thread::sleep(pause);
                let woken = Tsc::now();
                self.view.counters.cycles.add(woken.0.wrapping_sub(before.0));
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
        let Worker { io, flows, view, orders, .. } = self;
        io.timer.begin();
        look_around(io, flows, view, orders, reading);
        let mut found = 0;
        for side in Side::ALL {
            found += poll_queue(io, flows, view, side);
        }
        found += handoff::poll_rings(io, flows, view);
        found += sync::poll(flows, view);
        let bound = sync::bind(flows, view);
        let walked = leaving::follow(io, flows, view);
        let expires = expire::expire(flows, view);
        io.timer.lap(Stage::Other);
        io.flush();
        io.timer.lap(Stage::Transmit);
        if io.capture.is_running() {
            io.capture.settle(&flows.translator.connections);
        }
        if io.timer.is_timing() {
            view.counters.timed.add(found as u64);
        }
        view.counters.polls.add(1);
        let is_idle = found == 0 && bound == 0 && walked == 0 && !expires && orders.are_done();
        Polled { found, is_idle }
    }
}

/// Brings up to date what the poll will look at.
#[inline(always)]
fn look_around(io: &mut Io, flows: &mut Flows, view: &mut View, orders: &mut Orders, reading: Tsc) {
    view.now = view.clock.at(reading);
    if view.follow_role(reading) {
        // Time passes for connections only while they are in use.
        flows.translator.connections.set_standby(!view.forwards, view.now);
    }
    orders.follow(io, flows, view);
    flows.translator.connections.budgets().settle(&view.policy().services);
    if view.follow_neighbours() {
        flows.next_hops = NextHopCache::EMPTY;
    }
}

/// Takes a burst from the NIC of one side, and brings it to its end.
fn poll_queue(io: &mut Io, flows: &mut Flows, view: &View, side: Side) -> usize {
    let Some(queue) = &mut io.receive[side.index()] else { return 0 };
    let mut burst = Burst::<BURST>::new();
    let count = queue.receive(&mut burst);
    let overflows = io.pressure[side.index()].after(count);
    if overflows {
        view.counters.overflows[side.index()].add(1);
    }
    if count > 0 {
        io.timer.lap(Stage::Receive);
        view.counters.received[side.index()].add(count as u64);
        if io.trace.is_some() {
            trace::process(io, flows, view, Source::Queue, side, &mut burst, overflows);
        } else {
            burst::process(io, flows, view, side, &mut burst, overflows);
        }
    }
    count
}
