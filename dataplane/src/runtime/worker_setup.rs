//! The workers before they start: what each is made of, and the rings between them.

use core::sync::atomic::AtomicBool;
use std::net::Ipv4Addr;
use std::sync::Arc;

use config::Config;
use config::model::buffers::{FRAGMENTS, RETURNED, RING, handoff_ring};
use crossbeam::utils::CachePadded;
use dpdk::SocketId;
use dpdk::burst::Burst;
use dpdk::eal::{Eal, EalError};
use dpdk::mempool::Mempool;
use dpdk::ring::{self, Consumer, Producer, RingError};
use nat::Connections;
use nat::fragment::Tracker;
use nat::passive::Observer;
use nat::room::{Capacity, Reserve, Room};
use nat::service::{Budgets, Limits, Loads};
use nat::sources::SharedCounts;

use super::StartError;
use super::nic::{Nic, Queues};
use super::state::SharedState;
use crate::admin::WorkerHandle as AdminHandle;
use crate::clock::Clock;
use crate::counters::WorkerBlock;
use crate::housekeeping::FromWorker;
use crate::mailbox::Mailbox;
use crate::punt::PuntClass;
use crate::sharing::Sharing;
use crate::snapshot::Snapshot;
use crate::worker::{Handoff, Parts, Peer};

/// Fragmented datagrams on their way, in each worker.
const DATAGRAMS: usize = 4096;

/// What all workers are made from.
pub(super) struct WorkerResources<'a> {
    pub(super) config: &'a Config,
    pub(super) mempool: &'a Mempool,
    /// The node where rings lie, as the buffers do.
    pub(super) socket: SocketId,
    pub(super) sharing: &'a Arc<Sharing>,
    pub(super) state: &'a SharedState,
    pub(super) halt: &'a Arc<AtomicBool>,
}

/// Takes a worker's memory. To be called in the worker's own thread: memory lies on the NUMA
/// node of the core that touches it first.
pub(super) type Build = Box<dyn FnOnce() -> Parts + Send>;

/// The workers before they start, and the other ends of their rings and mailboxes.
pub(super) struct WorkerSetup {
    /// What each worker calls in its own thread.
    pub(super) builds: Vec<Build>,
    /// How the control socket reaches each worker.
    pub(super) admin_handles: Vec<AdminHandle>,
    /// The rings from each worker to the main core.
    pub(super) from_workers: Vec<FromWorker>,
    /// The ring from the main core to the first worker.
    pub(super) to_worker: Producer,
    /// Room for connections.
    pub(super) reserve: Reserve,
}

/// One worker's rings to and from every other.
#[derive(Default)]
struct Rings {
    /// By number of the worker; `None` at the own one.
    to: Vec<Option<Producer>>,
    from: Vec<Consumer>,
}

impl WorkerResources<'_> {
    pub(super) fn worker_setup(
        &self,
        eal: &Eal,
        nics: [Nic; 2],
    ) -> Result<WorkerSetup, StartError> {
        let cores = &self.config.node.workers;
        let checks_ip = nics.each_ref().map(|nic| nic.checks_ip);
        let [mut public, mut private] = nics.map(Queues::new);
        let rings = self.rings(eal, cores.len())?;
        let reserve = Reserve::new(self.config.node.connections as usize, cores.len());
        let limits = Arc::new(Limits::default());
        let rules = &self.state.first.policy.sources;
        let counts =
            Arc::new(SharedCounts::for_rules(rules, self.config.node.connections as usize));
        // Only the first worker sends for the main core; the others' rings stay empty.
        let mut to_worker = None;
        let mut builds = Vec::<Build>::new();
        let (mut admin_handles, mut from_workers) = (Vec::new(), Vec::new());
        for ((index, core), rings) in cores.iter().enumerate().zip(rings) {
            let (to_housekeeping, from_worker) = self.punt_rings(eal)?;
            let (to_this, from_housekeeping) = ring::spsc(eal, RING, self.socket)?;
            let (returns, returned) = ring::spsc(eal, RETURNED, self.socket)?;
            to_worker.get_or_insert(to_this);
            let counters = Arc::new(WorkerBlock::default());
            let loads = Arc::new(Loads::default());
            let budgets = Arc::new(Budgets::new(Arc::clone(&limits), index, cores.len()));
            let mailbox = Arc::new(Mailbox::default());
            let room = Arc::new(Room::new(reserve.capacity()));
            admin_handles.push(AdminHandle {
                core: core.0,
                room: Arc::clone(&room),
                counters: Arc::clone(&counters),
                loads: Arc::clone(&loads),
                budgets: Arc::clone(&budgets),
                mailbox: Arc::clone(&mailbox),
            });
            from_workers.push(FromWorker::new(from_worker, returns));
            let receive = [public.rx.next(), private.rx.next()];
            let outlets = [public.outlet(index), private.outlet(index)];
            let (mempool, sharing) = (self.mempool.clone(), Arc::clone(self.sharing));
            let neighbours = Arc::clone(&self.state.neighbours);
            let snapshot = Arc::clone(&self.state.first);
            let role = Arc::clone(self.state.role.deadlines());
            let observer = Observer::new(Arc::clone(&self.state.suspects), index);
            let (clock, idle) = (self.state.clock, self.config.node.idle);
            let stop = Arc::clone(self.halt);
            let capacity = reserve.capacity();
            let counts = Arc::clone(&counts);
            builds.push(Box::new(move || Parts {
                index,
                receive,
                checks_ip,
                outlets,
                handoff: rings.handoff(index, sharing),
                to_housekeeping,
                from_housekeeping,
                returned,
                mempool,
                connections: connections(capacity, &snapshot, counts, clock)
                    .within(room)
                    .counted_in(loads)
                    .limited_by(budgets)
                    .observed_by(observer),
                fragments: Tracker::new(DATAGRAMS, FRAGMENTS as usize, snapshot.fragment_timeout),
                neighbours,
                snapshot,
                mailbox,
                counters,
                role,
                clock,
                idle,
                stop,
            }));
        }
        let no_workers = || EalError::Invalid("node.workers names no core".to_owned());
        let to_worker = to_worker.ok_or_else(no_workers)?;
        Ok(WorkerSetup { builds, admin_handles, from_workers, to_worker, reserve })
    }

    /// Rings from a worker to the main core.
    fn punt_rings(&self, eal: &Eal) -> Result<(Vec<Producer>, Vec<Consumer>), RingError> {
        PuntClass::rings()
            .map(|(class, _)| ring::spsc(eal, class.room(), self.socket))
            .collect::<Result<_, _>>()
    }

    /// Rings from every worker to every other.
    fn rings(&self, eal: &Eal, workers: usize) -> Result<Vec<Rings>, RingError> {
        let room = handoff_ring(workers);
        let mut all: Vec<Rings> = (0..workers).map(|_| Rings::default()).collect();
        for from in 0..workers {
            for to in 0..workers {
                let mut producer = None;
                if from != to {
                    let (this, consumer) = ring::spsc(eal, room, self.socket)?;
                    producer = Some(this);
                    all[to].from.push(consumer);
                }
                all[from].to.push(producer);
            }
        }
        Ok(all)
    }
}

impl Rings {
    fn handoff(self, index: usize, sharing: Arc<Sharing>) -> Handoff {
        let peer = |ring| CachePadded::new(Peer { ring, waiting: Burst::new() });
        let peers = self.to.into_iter().map(|ring| ring.map(peer)).collect();
        Handoff { peers, from: self.from, index, sharing }
    }
}

fn connections(
    capacity: Capacity,
    snapshot: &Snapshot,
    counts: Arc<SharedCounts>,
    clock: Clock,
) -> Connections<Ipv4Addr> {
    let mut connections =
        Connections::new(capacity, snapshot.timeouts, clock.now(), &mut |region| {
            // Without these the table is slower, and right.
            dpdk::memory::advise_hugepages(region.start, region.bytes);
            dpdk::memory::prefer_this_node(region.start, region.bytes);
        })
        .counting(&snapshot.policy.sources, counts);
    connections.set_share_rules(&snapshot.policy.shares);
    connections
}
