//! The main core: everything that is not forwarding.
//!
//! It takes from the workers what they do not do themselves: ARP, packets for the
//! kernel, and packets whose neighbour is not resolved. It gives frames to the first
//! worker to send, since transmit queues belong to workers; and it does what the role of
//! this machine asks for: announcing, defending, falling silent. It tells workers of each other's
//! loads. It sleeps in `poll(2)` on the
//! kernel interfaces for a millisecond at the most, so that rings are never left longer.

mod announce;
mod arp;
mod deafness;
mod from_worker;
mod health;
mod lending;
mod lost_nic;
mod reach;
mod return_path;
mod servers;
mod spread;

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::mempool::Mempool;
use dpdk::ring::Producer;
use nat::service::{self, Loads};
use nat::{Instant, Side};
use parking_lot::{Mutex, RwLock};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::clock::{Clock, Tsc};
use crate::counters::Drops;
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;
use crate::kernel::KernelInterface;
use crate::neighbour::resolver::{Outcome, Resolution};
use crate::neighbour::{NeighbourTable, Resolver};
use crate::observations::Observations;
use crate::punt::PuntClass;
use crate::rate::TokenBucket;
use crate::role::LeaseHolder;
use crate::snapshot::Snapshot;
use crate::watchdog::Watchdog;
use crate::worker::BURST;

pub use announce::Announcer;
pub use from_worker::FromWorker;
pub use health::Watch;
pub use lending::Lending;
pub use return_path::ReturnPathProber;
pub use servers::ServerWatch;
pub use spread::Spread;

/// The longest sleep.
const SLEEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
/// Time between looks at neighbours' timers.
const TICK_MILLIS: u64 = 100;
/// Time between additions of all workers' loads: a worker knows of the others' connections as
/// they were so long ago at the most, and is lent room by them.
const LOADS_MILLIS: u64 = 10;
/// Servers whose loads are added up at a time. Of more than these a worker knows later, and the
/// main core has other things to do meanwhile.
const SHARED: usize = 8192;
/// Places of the table of persistent clients that are swept at a time: a table of a million
/// clients in four minutes.
const SWEPT: usize = 1024;
/// Frames taken from a kernel interface before the rings are looked at again.
const KERNEL_BUDGET: usize = 64;
/// Packets a second that are given back to workers because their neighbour does not answer.
pub const UNDELIVERABLE_A_SECOND: u32 = 2000;
/// The largest frame: 9,000 bytes of IP, Ethernet, two VLAN tags.
const FRAME: usize = 9022;

/// What the main core works with.
pub struct Housekeeping {
    /// Rings from each worker.
    pub from_workers: Vec<FromWorker>,
    /// Ring to the first worker.
    pub to_worker: Producer,
    /// Kernel interfaces of both sides, where they are wanted.
    pub kernel: [Option<KernelInterface>; 2],
    /// Buffers of the main core alone.
    pub mempool: Mempool,
    /// Neighbours; the control socket lists them.
    pub resolver: Arc<Mutex<Resolver<Mbuf>>>,
    /// The configuration in use; a reload replaces it.
    pub snapshot: Arc<RwLock<Arc<Snapshot>>>,
    /// The role of this machine.
    pub role: Arc<LeaseHolder>,
    /// Announcements under way.
    pub announcer: Announcer,
    /// How many packets may be given back whose neighbour does not answer.
    pub undeliverable: TokenBucket,
    /// Links and workers.
    pub watch: Watch,
    /// Servers that workers suspect.
    pub servers: ServerWatch,
    /// Whether servers' answers come back here.
    pub return_paths: ReturnPathProber,
    /// What control is told of servers.
    pub observations: Arc<Observations>,
    /// Neighbours as workers read them.
    pub neighbours: Arc<NeighbourTable>,
    /// The connections that each worker has, and knows of the others.
    pub loads: Vec<Arc<Loads>>,
    /// Room for connections.
    pub lending: Lending,
    /// The number of the server at which the next round begins.
    pub shared: usize,
    /// The service manager's, if there is one that watches.
    pub watchdog: Option<Watchdog>,
    /// Packets dropped here.
    pub drops: Arc<Drops>,
    /// The clock of the process.
    pub clock: Clock,
    /// Set when the process ends.
    pub stop: Arc<AtomicBool>,
}

impl Housekeeping {
    /// Works until the process is told to end.
    pub fn run(&mut self) {
        let mut ticked = self.clock.now();
        let mut shared = ticked;
        let mut buffer = vec![0; FRAME];
        while !self.stop.load(Ordering::Relaxed) {
            let now = self.clock.now();
            self.look_after(now);
            self.follow_role(now);
            self.watch_servers(now);
            self.look_at_return_paths(now);
            let mut found = self.poll_workers(now);
            for side in Side::ALL {
                found += self.poll_kernel(side, &mut buffer);
            }
            if now.since(shared) >= LOADS_MILLIS {
                shared = now;
                self.share_loads();
                self.lending.share(&self.snapshot.read().policy.shares);
            }
            if now.since(ticked) >= TICK_MILLIS {
                ticked = now;
                self.tick(now);
            }
            if found == 0 {
                self.sleep();
            }
        }
    }

    /// Tells workers what the others have of the next servers: of all that there are, mostly.
    fn share_loads(&mut self) {
        let end = self.snapshot.read().policy.weights.numbers();
        let start = if self.shared < end { self.shared } else { 0 };
        self.shared = (start + SHARED).min(end);
        service::share(&self.loads, start..self.shared);
    }

    fn sleep(&self) {
        let mut fds: Vec<PollFd<'_>> =
            self.kernel.iter().flatten().map(|tap| PollFd::new(tap, PollFlags::IN)).collect();
        // An error here is an interrupted sleep; the loop looks at everything anyway.
        let _ = poll(&mut fds, Some(&SLEEP));
    }

    fn poll_workers(&mut self, now: Instant) -> usize {
        let mut found = 0;
        for (class, side) in PuntClass::rings() {
            for worker in 0..self.from_workers.len() {
                found += self.poll_class(worker, class, side, now);
            }
        }
        found
    }

    /// Takes as much as a class may have in a round, so that those before it wait no longer.
    fn poll_class(&mut self, worker: usize, class: PuntClass, side: Side, now: Instant) -> usize {
        let mut found = 0;
        for _ in 0..class.bursts() {
            let Some(from) = self.from_workers.get_mut(worker) else { break };
            let mut taken = from.take(class, side, &self.mempool);
            let lost = taken.count - taken.copies.len();
            self.drops.add(DropReason::NoBuffer, lost as u64);
            for mbuf in taken.copies.drain() {
                self.handle(mbuf, now);
            }
            found += taken.count;
            if taken.count < BURST {
                break;
            }
        }
        found
    }

    fn handle(&mut self, mbuf: Mbuf, now: Instant) {
        match HandoffTag::of(&mbuf) {
            Some(HandoffTag::Arp(side)) => self.arp(side, &mbuf, now),
            Some(HandoffTag::Kernel(side)) => self.to_kernel(side, &mbuf),
            Some(HandoffTag::Resolve(side, hop)) => self.resolve(side, hop, mbuf, now),
            Some(HandoffTag::ReturnPath(_)) => self.return_path_answer(&mbuf),
            _ => self.drops.add(DropReason::HousekeepingFull, 1),
        }
    }

    fn to_kernel(&self, side: Side, mbuf: &Mbuf) {
        let reason = match &self.kernel[side.index()] {
            Some(tap) if tap.send(mbuf.data()) => return,
            Some(_) => DropReason::KernelFull,
            None => DropReason::KernelAddress,
        };
        self.drops.add(reason, 1);
    }

    /// Sends what the kernel wants sent.
    fn poll_kernel(&mut self, side: Side, buffer: &mut [u8]) -> usize {
        let mut found = 0;
        while found < KERNEL_BUDGET {
            let Some(tap) = &self.kernel[side.index()] else { break };
            let Some(frame) = tap.receive(buffer) else { break };
            found += 1;
            match copy_in(&self.mempool, frame) {
                Some(mbuf) => drop(self.send(HandoffTag::TransmitOwn(side), mbuf)),
                None => self.drops.add(DropReason::NoBuffer, 1),
            }
        }
        found
    }

    /// Sends a finished frame, through the first worker. False if it takes no more.
    fn send(&mut self, tag: HandoffTag, mut mbuf: Mbuf) -> bool {
        tag.write(&mut mbuf);
        let mut burst = Burst::<BURST>::new();
        // A new burst has room for one.
        drop(burst.push(mbuf));
        let sent = self.to_worker.enqueue(&mut burst) > 0;
        if !sent {
            self.drops.add(DropReason::TransmitFull, 1);
        }
        sent
    }

    fn resolve(&mut self, side: Side, hop: std::net::Ipv4Addr, mbuf: Mbuf, now: Instant) {
        if !self.role.deadlines().forwards(Tsc::now()) {
            return self.drops.add(DropReason::Standby, 1);
        }
        let outcome = self.resolver.lock().resolve(side, hop, mbuf, now);
        match outcome {
            Resolution::Send(mac, mut mbuf) => {
                address(&mut mbuf, mac);
                self.send(HandoffTag::Transmit(side), mbuf);
            }
            Resolution::Wait(Some(request)) => self.send_request(request),
            Resolution::Wait(None) => {}
            Resolution::Failed(mbuf, request) => {
                self.give_up(side, mbuf, now);
                if let Some(request) = request {
                    self.send_request(request);
                }
            }
            Resolution::QueueFull(_) => self.drops.add(DropReason::NeighbourQueue, 1),
            Resolution::TableFull(_) => self.drops.add(DropReason::NeighbourTable, 1),
        }
    }

    /// Drops a packet whose neighbour does not answer. The worker that owns its connection tells
    /// the sender; so many a second that other frames find room in the ring.
    fn give_up(&mut self, side: Side, mut mbuf: Mbuf, now: Instant) {
        self.drops.add(DropReason::NeighbourFailed, 1);
        if self.undeliverable.take(now) {
            HandoffTag::Undeliverable(side).write(&mut mbuf);
            let mut burst = Burst::<BURST>::new();
            drop(burst.push(mbuf));
            self.to_worker.enqueue(&mut burst);
        }
    }

    fn tick(&mut self, now: Instant) {
        let persistence = Arc::clone(&self.snapshot.read().policy.persistence);
        persistence.sweep_on(SWEPT, now);
        let mut outcomes = Vec::new();
        let is_deaf = self.watch.deafness.sides(now);
        self.resolver.lock().tick(now, is_deaf, |outcome| outcomes.push(outcome));
        for outcome in outcomes {
            match outcome {
                Outcome::Ask(request) => self.send_request(request),
                Outcome::Send(side, mac, mut mbuf) => {
                    address(&mut mbuf, mac);
                    self.send(HandoffTag::Transmit(side), mbuf);
                }
                Outcome::Failed(side, mbuf) => self.give_up(side, mbuf, now),
            }
        }
    }
}

/// A frame in a buffer of the pool.
fn copy_in(mempool: &Mempool, frame: &[u8]) -> Option<Mbuf> {
    let mut mbuf = mempool.alloc()?;
    mbuf.append(u16::try_from(frame.len()).ok()?.into())?.copy_from_slice(frame);
    Some(mbuf)
}

/// Writes the receiver's Ethernet address.
fn address(mbuf: &mut Mbuf, mac: wire::MacAddress) {
    if let Some(destination) = mbuf.data_mut().first_chunk_mut::<6>() {
        *destination = mac.0;
    }
}
