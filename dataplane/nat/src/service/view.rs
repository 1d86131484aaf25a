//! The servers of one service as its scheduler sees them.

use super::{Loads, Server, Weights};
use crate::scheduler::{Load, PLACES, Servers};

/// The servers of one service, with their weights and the loads that a worker counts. Nothing is
/// copied.
pub struct View<'a, A> {
    servers: &'a [Server<A>],
    weights: &'a Weights,
    loads: &'a Loads,
}

impl<'a, A> View<'a, A> {
    /// All servers of a service; those beyond [`PLACES`] are not seen.
    #[inline(always)]
    pub fn new(servers: &'a [Server<A>], weights: &'a Weights, loads: &'a Loads) -> Self {
        let servers = servers.get(..PLACES).unwrap_or(servers);
        View { servers, weights, loads }
    }
}

impl<A> Servers for View<'_, A> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.servers.len()
    }

    #[inline(always)]
    fn weight(&self, at: usize) -> u32 {
        self.servers.get(at).map_or(0, |server| self.weights.of(server.id))
    }

    #[inline(always)]
    fn load(&self, at: usize) -> Load {
        self.servers.get(at).map_or(Load::default(), |server| self.loads.of(server.id))
    }
}
