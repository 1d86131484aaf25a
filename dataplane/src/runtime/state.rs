//! What all threads share: the snapshot of the configuration in use, neighbours, the role,
//! counts of drops. The control socket and the main core are made over it.

use core::sync::atomic::AtomicBool;
use std::sync::Arc;

use config::Config;
use dpdk::mbuf::Mbuf;
use dpdk::mempool::Mempool;
use dpdk::port::Port;
use dpdk::ring::Producer;
use nat::passive::Suspects;
use nat::service::Loads;
use parking_lot::{Mutex, RwLock};
use wire::MacAddress;

use super::StartError;
use crate::admin::reload::{follow_limits, static_neighbours};
use crate::admin::{Admin, Busy, Captures, Loaded, TraceSlot, WorkerHandle};
use crate::client_key;
use crate::clock::Clock;
use crate::counters::Drops;
use crate::housekeeping::{
    Announcer, FromWorker, Housekeeping, Lending, ReturnPathProber, ServerWatch,
    UNDELIVERABLE_A_SECOND, Watch,
};
use crate::kernel::KernelInterface;
use crate::neighbour::{NeighbourTable, Resolver};
use crate::observations::Observations;
use crate::rate::TokenBucket;
use crate::role::{LeaseHolder, StallLimits};
use crate::snapshot::{Builder, Snapshot};
use crate::sync::Hub;
use crate::watchdog::Watchdog;
use crate::worker::Sharing;

/// The state that threads share, as a configuration begins it.
pub(super) struct SharedState {
    pub(super) clock: Clock,
    /// What workers begin with. A reload gives them another one.
    pub(super) first: Arc<Snapshot>,
    snapshot: Arc<RwLock<Arc<Snapshot>>>,
    pub(super) neighbours: Arc<NeighbourTable>,
    resolver: Arc<Mutex<Resolver<Mbuf>>>,
    pub(super) role: Arc<LeaseHolder>,
    drops: Arc<Drops>,
    pub(super) suspects: Arc<Suspects>,
    observations: Arc<Observations>,
}

impl SharedState {
    /// For a machine whose NICs have these Ethernet addresses; and what makes the snapshots
    /// after the first.
    pub(super) fn new(
        config: &Config,
        macs: [MacAddress; 2],
        clock: Clock,
    ) -> Result<(Self, Builder), StartError> {
        let mut builder = Builder::new(macs).with_persistence(config.node.persistence);
        builder.client_key = client_key::Loaded::load(config, None);
        let first = builder.build(config, &[])?;
        let weights = Arc::clone(builder.servers.weights());
        let neighbours = Arc::new(NeighbourTable::default());
        let mut resolver = Resolver::new(Arc::clone(&neighbours));
        if !resolver.set_static(&static_neighbours(config), clock.now()) {
            return Err(StartError::Neighbours);
        }
        resolver.keep(first.next_hops());
        let role = match config.peer {
            Some(_) => LeaseHolder::of_a_pair(clock.rate(), StallLimits::of(config)),
            None => LeaseHolder::alone(clock.rate()),
        };
        let state = SharedState {
            clock,
            snapshot: Arc::new(RwLock::new(Arc::clone(&first))),
            first,
            neighbours,
            resolver: Arc::new(Mutex::new(resolver)),
            role: Arc::new(role),
            drops: Arc::default(),
            suspects: Arc::new(Suspects::new(weights, config.node.workers.len())),
            observations: Arc::default(),
        };
        Ok((state, builder))
    }

    /// What requests are answered from.
    pub(super) fn admin(
        &self,
        loaded: Loaded,
        workers: Vec<WorkerHandle>,
        ports: [Arc<Port>; 2],
        mempools: [(&'static str, Mempool); 2],
        sharing: Arc<Sharing>,
    ) -> Admin {
        follow_limits(&workers, &self.first, &self.first);
        let sync = Hub::new(workers.len());
        Admin {
            loaded: Arc::new(Mutex::new(loaded)),
            snapshot: Arc::clone(&self.snapshot),
            workers,
            orders: Mutex::default(),
            mempools,
            ports,
            resolver: Arc::clone(&self.resolver),
            role: Arc::clone(&self.role),
            drops: Arc::clone(&self.drops),
            clock: self.clock,
            sharing,
            sync,
            observations: Arc::clone(&self.observations),
            suspects: Arc::clone(&self.suspects),
            traces: TraceSlot::default(),
            busy: Busy::default(),
            captures: Captures::default(),
        }
    }

    /// The main core's work, with the ends of the workers' rings that are its own.
    pub(super) fn housekeeping(
        self,
        (from_workers, to_worker): (Vec<FromWorker>, Producer),
        kernel: [Option<KernelInterface>; 2],
        mempool: Mempool,
        watch: Watch,
        (loads, lending): (Vec<Arc<Loads>>, Lending),
        stop: Arc<AtomicBool>,
    ) -> Housekeeping {
        let watchdog = Watchdog::from_environment(watch.limits());
        Housekeeping {
            from_workers,
            to_worker,
            kernel,
            mempool,
            resolver: self.resolver,
            snapshot: self.snapshot,
            role: self.role,
            announcer: Announcer::default(),
            undeliverable: TokenBucket::new(UNDELIVERABLE_A_SECOND, self.clock.now()),
            watch,
            servers: ServerWatch::new(self.suspects, Arc::clone(&self.observations)),
            return_paths: ReturnPathProber::default(),
            observations: self.observations,
            neighbours: self.neighbours,
            loads,
            lending,
            shared: 0,
            watchdog,
            drops: self.drops,
            clock: self.clock,
            stop,
        }
    }
}
