//! The servers of one service as its scheduler sees them.

use super::{Loads, Server};
use crate::scheduler::{Load, PLACES, Servers};

/// Places of servers in their service.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Places([u64; PLACES / 64]);

impl Places {
    /// No place.
    pub const NONE: Places = Places([0; PLACES / 64]);

    /// Adds a place.
    pub fn insert(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    /// True if the place is among them.
    #[inline(always)]
    pub fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word & 1 << (at % 64) != 0)
    }
}

/// The servers of one service, with the loads that a worker counts. Nothing is copied.
pub struct View<'a, A> {
    servers: &'a [Server<A>],
    loads: &'a Loads,
    without: Places,
}

impl<'a, A> View<'a, A> {
    /// All servers of a service; those beyond [`PLACES`] are not seen.
    #[inline(always)]
    pub fn new(servers: &'a [Server<A>], loads: &'a Loads) -> Self {
        let servers = servers.get(..PLACES).unwrap_or(servers);
        View { servers, loads, without: Places::NONE }
    }

    /// The same without some: they look as if they had weight 0.
    #[must_use]
    pub fn without(self, places: Places) -> Self {
        View { without: places, ..self }
    }
}

impl<A> Servers for View<'_, A> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.servers.len()
    }

    #[inline(always)]
    fn weight(&self, at: usize) -> u32 {
        let server = self.servers.get(at).filter(|_| !self.without.contains(at));
        server.map_or(0, |server| server.weight)
    }

    #[inline(always)]
    fn load(&self, at: usize) -> Load {
        self.servers.get(at).map_or(Load::default(), |server| self.loads.of(server.id))
    }
}
