//! Schedulers: which real server gets the next connection.
//!
//! A worker has one [`Scheduler`] for each service. It sees the [`Client`] and looks at weights
//! and loads through [`Servers`], where they are. To add one: a line in the crate `schedulers`,
//! a file here, and a variant in [`Scheduler`].

mod by_weight;
mod client;
mod lc;
mod rr;
#[cfg(test)]
mod tests;
mod wlc;
mod wrr;

use rr::RoundRobin;
use wrr::WeightedRoundRobin;

pub use by_weight::pick_by_weight;
pub use client::{Client, ClientKey};
pub use schedulers::Kind;

/// The most servers that one service can have: it bounds what a worker keeps for its scheduler.
pub const PLACES: usize = 256;

/// Connections of one real server on one worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Load {
    /// Established connections.
    pub active: u32,
    /// Connections that are opening or closing.
    pub inactive: u32,
}

impl Load {
    /// What the server's connections weigh: an active one as much as 256 others, since
    /// the others cost it memory and little else (as IPVS counts).
    fn overhead(self) -> u64 {
        u64::from(self.active) * 256 + u64::from(self.inactive)
    }
}

/// The real servers of one service as a scheduler sees them. A place is a number below
/// [`Servers::len`].
pub trait Servers {
    /// How many there are, [`PLACES`] at the most.
    fn len(&self) -> usize;

    /// True if there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The server's share of new connections; 0 gets none. Another thread may change it at any
    /// time, so a scheduler asks once for each choice.
    fn weight(&self, at: usize) -> u32;

    /// The connections that it has.
    fn load(&self, at: usize) -> Load;
}

/// A scheduler and what it remembers of its choices.
#[derive(Clone, Debug)]
pub enum Scheduler {
    /// The servers in turn.
    RoundRobin(RoundRobin),
    /// The servers in turn, each as often as its weight says.
    WeightedRoundRobin(Box<WeightedRoundRobin>),
    /// The server with the fewest connections.
    LeastConnection,
    /// The server with the fewest connections for its weight.
    WeightedLeastConnection,
}

impl Scheduler {
    /// A scheduler that starts anywhere: workers start at different servers.
    pub fn new(kind: Kind, random: u64) -> Self {
        match kind {
            Kind::RoundRobin => Scheduler::RoundRobin(RoundRobin::new(random)),
            Kind::WeightedRoundRobin => {
                Scheduler::WeightedRoundRobin(Box::new(WeightedRoundRobin::new(random)))
            }
            Kind::LeastConnection => Scheduler::LeastConnection,
            Kind::WeightedLeastConnection => Scheduler::WeightedLeastConnection,
        }
    }

    /// Which scheduler it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Scheduler::RoundRobin(_) => Kind::RoundRobin,
            Scheduler::WeightedRoundRobin(_) => Kind::WeightedRoundRobin,
            Scheduler::LeastConnection => Kind::LeastConnection,
            Scheduler::WeightedLeastConnection => Kind::WeightedLeastConnection,
        }
    }

    /// The place of the server that gets the client's connection; `None` if every weight is 0.
    pub fn pick(&mut self, _client: &Client, servers: &impl Servers) -> Option<usize> {
        match self {
            Scheduler::RoundRobin(turn) => turn.pick(servers),
            Scheduler::WeightedRoundRobin(turn) => turn.pick(servers),
            Scheduler::LeastConnection => lc::pick(servers),
            Scheduler::WeightedLeastConnection => wlc::pick(servers),
        }
    }

    /// Goes on with another list of servers: `before` says at which place a server was that is
    /// at this place now. What was remembered of a server that stays, stays.
    pub fn rearrange(&mut self, count: usize, before: impl Fn(usize) -> Option<usize>) {
        match self {
            Scheduler::RoundRobin(turn) => turn.rearrange(count, before),
            Scheduler::WeightedRoundRobin(turn) => turn.rearrange(count, before),
            Scheduler::LeastConnection | Scheduler::WeightedLeastConnection => {}
        }
    }
}
