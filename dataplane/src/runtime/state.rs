//! What all threads read: the first snapshot of the configuration, neighbours, the role.

use std::sync::Arc;

use config::Config;
use dpdk::mbuf::Mbuf;
use parking_lot::Mutex;
use wire::MacAddress;

use super::StartError;
use crate::clock::Clock;
use crate::control::reload::static_neighbours;
use crate::neighbour::{NeighbourTable, Resolver};
use crate::role::Role;
use crate::snapshot::{Builder, Snapshot};

/// The state that threads share, as a configuration begins it.
pub(super) struct State {
    /// Makes the snapshots after this one.
    pub(super) builder: Builder,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) neighbours: Arc<NeighbourTable>,
    pub(super) resolver: Arc<Mutex<Resolver<Mbuf>>>,
    pub(super) role: Arc<Role>,
}

impl State {
    /// For a machine whose NICs have these Ethernet addresses.
    pub(super) fn new(
        config: &Config,
        macs: [MacAddress; 2],
        clock: Clock,
    ) -> Result<Self, StartError> {
        let mut builder = Builder::new(macs);
        let snapshot = builder.build(config)?;
        let neighbours = Arc::new(NeighbourTable::default());
        let mut resolver = Resolver::new(Arc::clone(&neighbours));
        if !resolver.set_static(&static_neighbours(config), clock.now()) {
            return Err(StartError::Neighbours);
        }
        resolver.keep(snapshot.next_hops());
        let role = Arc::new(match config.peer {
            Some(_) => Role::of_a_pair(clock.rate()),
            None => Role::alone(clock.rate()),
        });
        let resolver = Arc::new(Mutex::new(resolver));
        Ok(State { builder, snapshot, neighbours, resolver, role })
    }
}
