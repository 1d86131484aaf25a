//! The servers of one service as its scheduler sees them.

use super::weights::AVOIDED;
use super::{Loads, Server, Weights};
use crate::persistence::{ServicePersistence, Standing, Standings};
use crate::scheduler::{Load, PLACES, Servers};

/// The servers of one service, with their weights and the loads that a worker counts. Nothing is
/// copied.
pub struct View<'a, A> {
    servers: &'a [Server<A>],
    weights: &'a Weights,
    loads: &'a Loads,
    /// Servers with one of these flags have no weight.
    without: u64,
}

impl<'a, A> View<'a, A> {
    /// All servers of a service; those beyond [`PLACES`] are not seen.
    #[inline(always)]
    pub fn new(servers: &'a [Server<A>], weights: &'a Weights, loads: &'a Loads) -> Self {
        let servers = servers.get(..PLACES).unwrap_or(servers);
        View { servers, weights, loads, without: AVOIDED }
    }

    /// The same with the servers that are suspect, which are seen without a weight otherwise:
    /// for when there is no other.
    #[must_use]
    pub fn with_suspects(self) -> Self {
        View { without: 0, ..self }
    }
}

impl<A> Servers for View<'_, A> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.servers.len()
    }

    #[inline(always)]
    fn weight(&self, at: usize) -> u32 {
        self.servers
            .get(at)
            .map_or(0, |server| self.weights.state(server.id).weight_without(self.without))
    }

    #[inline(always)]
    fn load(&self, at: usize) -> Load {
        self.servers.get(at).map_or(Load::default(), |server| self.loads.of(server.id))
    }
}

impl<A> Standings for View<'_, A> {
    fn standing(&self, at: usize, service: &ServicePersistence) -> Standing {
        let Some(server) = self.servers.get(at) else { return Standing::Gone };
        let state = self.weights.state(server.id);
        let is_kept = service.keep_on_drain && state.is_draining() && !state.is_down();
        match state.weight() > 0 || is_kept {
            false => Standing::Gone,
            true if state.has_any(self.without) => Standing::Doubtful,
            true => Standing::Serves,
        }
    }
}
