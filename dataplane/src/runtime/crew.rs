//! The workers before they start: what each is made of, and the rings between them.

use core::sync::atomic::AtomicBool;
use std::net::Ipv4Addr;
use std::sync::Arc;

use config::Config;
use dpdk::SocketId;
use dpdk::burst::Burst;
use dpdk::eal::{Eal, EalError};
use dpdk::mbuf::Mbuf;
use dpdk::mempool::Mempool;
use dpdk::ring::{self, Consumer, Producer, RingError};
use nat::Connections;
use nat::fragment::Tracker;

use super::StartError;
use super::nic::{Nic, Queues};
use super::state::State;
use crate::control::WorkerHandle as ControlledWorker;
use crate::counters::WorkerBlock;
use crate::mailbox::Mailbox;
use crate::worker::{BURST, Handoff, Parts, Peer, Sharing, Verdict};

/// Packets that a ring between two threads holds.
const RING: u32 = 2048;
/// Fragmented datagrams on their way, and fragments held, in each worker.
const DATAGRAMS: usize = 4096;
const HELD_FRAGMENTS: usize = 4096;

/// What all workers are made from.
pub(super) struct Common<'a> {
    pub(super) config: &'a Config,
    pub(super) mempool: &'a Mempool,
    pub(super) state: &'a State,
    pub(super) halt: &'a Arc<AtomicBool>,
}

/// The workers before they start, and the ends of their rings and boxes that others hold.
pub(super) struct Crew {
    pub(super) parts: Vec<Parts>,
    pub(super) controlled: Vec<ControlledWorker>,
    pub(super) from_workers: Vec<Consumer>,
    pub(super) to_worker: Producer,
}

impl Crew {
    pub(super) fn sharing(&self) -> Sharing {
        let seed = self.parts.first().map_or(1, |parts| parts.handoff.seed);
        Sharing { seed, workers: self.parts.len() }
    }
}

impl Common<'_> {
    pub(super) fn crew(&self, eal: &Eal, nics: [Nic; 2]) -> Result<Crew, StartError> {
        let cores = &self.config.node.workers;
        let [mut public, mut private] = nics.map(Queues::new);
        let mut handoffs = handoffs(eal, cores.len())?.into_iter();
        let capacity = (self.config.node.connections as usize).div_ceil(cores.len());
        // Only the first worker sends for the main core; the others' rings stay empty.
        let mut to_worker = None;
        let mut crew = (Vec::new(), Vec::new(), Vec::new());
        for (index, core) in cores.iter().enumerate() {
            let (to_housekeeping, from_worker) = ring::spsc(eal, RING, SocketId::ANY)?;
            let (to_this, from_housekeeping) = ring::spsc(eal, RING, SocketId::ANY)?;
            to_worker.get_or_insert(to_this);
            let counters = Arc::new(WorkerBlock::default());
            let mailbox = Arc::new(Mailbox::default());
            let Some(handoff) = handoffs.next() else { break };
            crew.0.push(Parts {
                index,
                receive: [public.rx.next(), private.rx.next()],
                outlets: [public.outlet(index), private.outlet(index)],
                handoff,
                to_housekeeping,
                from_housekeeping,
                mempool: self.mempool.clone(),
                connections: self.connections(capacity),
                fragments: self.fragments(),
                neighbours: Arc::clone(&self.state.neighbours),
                snapshot: Arc::clone(&self.state.first),
                mailbox: Arc::clone(&mailbox),
                counters: Arc::clone(&counters),
                role: Arc::clone(self.state.role.deadlines()),
                clock: self.state.clock,
                idle: self.config.node.idle,
                stop: Arc::clone(self.halt),
            });
            crew.1.push(ControlledWorker { core: core.0, capacity, counters, mailbox });
            crew.2.push(from_worker);
        }
        let (parts, controlled, from_workers) = crew;
        let no_workers = || EalError::Invalid("node.workers names no core".to_owned());
        let to_worker = to_worker.ok_or_else(no_workers)?;
        Ok(Crew { parts, controlled, from_workers, to_worker })
    }

    fn connections(&self, capacity: usize) -> Connections<Ipv4Addr> {
        Connections::new(
            capacity,
            self.state.first.timeouts,
            self.state.clock.now(),
            &mut |region| {
                // Without huge pages the table is slower, and right.
                dpdk::memory::advise_hugepages(region.start, region.bytes);
            },
        )
    }

    fn fragments(&self) -> Tracker<Ipv4Addr, Mbuf, Verdict> {
        // All workers together hold no more fragments than leaves half of the buffers to
        // others.
        let share = self.config.node.memory.mbufs as usize / 2 / self.config.node.workers.len();
        Tracker::new(DATAGRAMS, HELD_FRAGMENTS.min(share), self.state.first.fragment_timeout)
    }
}

/// Rings from every worker to every other.
fn handoffs(eal: &Eal, workers: usize) -> Result<Vec<Handoff>, RingError> {
    let seed = ahash::RandomState::new().hash_one(0u8) | 1;
    let empty = |index| Handoff { peers: Vec::new(), from: Vec::new(), index, seed };
    let mut all: Vec<Handoff> = (0..workers).map(empty).collect();
    for from in 0..workers {
        for to in 0..workers {
            let mut peer = None;
            if from != to {
                let (producer, consumer) = ring::spsc(eal, RING, SocketId::ANY)?;
                peer = Some(Peer { ring: producer, waiting: Burst::<BURST>::new() });
                all[to].from.push(consumer);
            }
            all[from].peers.push(peer);
        }
    }
    Ok(all)
}
