//! The servers of one service as its scheduler sees them.

use super::weights::AVOIDED;
use super::{Budgets, Loads, Server, Service, Weights};
use crate::persistence::{ServicePersistence, Standing, Standings};
use crate::scheduler::{Load, Maglev, PLACES, Servers};

/// The servers of one service, with their weights and the loads that a worker knows. Nothing is
/// copied. One that `LOOKS` is for whoever only wants to know what would be chosen, and changes
/// nothing of what others see.
pub struct View<'a, A, const LOOKS: bool = false> {
    service: &'a Service<A>,
    servers: &'a [Server<A>],
    weights: &'a Weights,
    loads: &'a Loads,
    /// Servers with one of these flags have no weight.
    without: u64,
    /// Servers have no weight that have no room by these.
    room: Option<&'a Budgets>,
}

impl<'a, A> View<'a, A> {
    /// All servers of a service; those beyond [`PLACES`] are not seen.
    #[inline(always)]
    pub fn new(service: &'a Service<A>, weights: &'a Weights, loads: &'a Loads) -> Self {
        View::of(service, weights, loads)
    }

    /// The sorry servers of a service. Not for a scheduler that keeps what it has seen: what
    /// changes is told of the others alone.
    pub fn of_sorry(service: &'a Service<A>, weights: &'a Weights, loads: &'a Loads) -> Self {
        View { service, servers: &service.sorry, weights, loads, without: AVOIDED, room: None }
    }
}

impl<'a, A, const LOOKS: bool> View<'a, A, LOOKS> {
    /// As [`View::new`], and whether it only looks.
    #[inline(always)]
    pub(crate) fn of(service: &'a Service<A>, weights: &'a Weights, loads: &'a Loads) -> Self {
        let servers = service.servers.get(..PLACES).unwrap_or(&service.servers);
        View { service, servers, weights, loads, without: AVOIDED, room: None }
    }

    /// The same with the servers that are suspect, which are seen without a weight otherwise:
    /// for when there is no other.
    #[must_use]
    pub fn with_suspects(self) -> Self {
        View { without: 0, ..self }
    }

    /// The same in which servers that are full have no weight.
    #[must_use]
    pub fn with_room(self, budgets: &'a Budgets) -> Self {
        View { room: Some(budgets), ..self }
    }

    fn has_room(&self, server: &Server<A>) -> bool {
        let has_room = |budgets: &Budgets| match LOOKS {
            true => budgets.sees_room(server.id),
            false => budgets.has_room(server.id),
        };
        self.room.is_none_or(|budgets| server.limit.is_none() || has_room(budgets))
    }
}

impl<A, const LOOKS: bool> Servers for View<'_, A, LOOKS> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.servers.len()
    }

    #[inline(always)]
    fn weight(&self, at: usize) -> u32 {
        let Some(server) = self.servers.get(at) else { return 0 };
        let weight = self.weights.state(server.id).weight_without(self.without);
        if weight > 0 && self.room.is_some() && !self.has_room(server) { 0 } else { weight }
    }

    #[inline(always)]
    fn thousandths(&self, at: usize) -> u64 {
        let Some(server) = self.servers.get(at) else { return 0 };
        let state = self.weights.state(server.id);
        let is_out = state.has_any(self.without) || self.room.is_some() && !self.has_room(server);
        if is_out { 0 } else { state.thousandths() }
    }

    #[inline(always)]
    fn configured(&self, at: usize) -> u32 {
        self.servers.get(at).map_or(1, |server| server.weight.max(1))
    }

    #[inline(always)]
    fn load(&self, at: usize) -> Load {
        self.servers.get(at).map_or(Load::default(), |server| self.loads.all(server.id))
    }

    #[inline(always)]
    fn seed(&self, at: usize) -> u64 {
        self.servers.get(at).map_or(0, |server| server.seed)
    }

    #[inline(always)]
    fn maglev(&self) -> Option<&Maglev> {
        self.service.maglev.as_deref()
    }

    #[inline(always)]
    fn weight_version(&self) -> Option<u64> {
        // With suspects the weights are others; who has room changes at any time.
        let version = self.weights.version() << 1 | u64::from(self.without == 0);
        self.room.is_none().then_some(version)
    }

    // Both versions only grow, so no sum of them comes twice.
    #[inline(always)]
    fn version(&self) -> Option<u64> {
        Some(self.weight_version()?.wrapping_add(self.loads.version() << 1))
    }

    #[inline(always)]
    fn changed(&self, each: impl FnMut(usize, Load)) {
        match LOOKS {
            true => self.loads.peek_changed(&self.service.members, each),
            false => self.loads.each_changed(&self.service.members, each),
        }
    }
}

impl<A, const LOOKS: bool> Standings for View<'_, A, LOOKS> {
    fn standing(&self, at: usize, service: &ServicePersistence) -> Standing {
        let Some(server) = self.servers.get(at) else { return Standing::Gone };
        let state = self.weights.state(server.id);
        let is_kept = service.keep_on_drain && state.is_draining() && !state.is_down();
        match state.weight() > 0 || is_kept {
            false => Standing::Gone,
            true if !service.over && !self.has_room(server) => Standing::Gone,
            true if state.has_any(self.without) => Standing::Doubtful,
            true => Standing::Serves,
        }
    }
}
