//! Schedulers: which real server gets the next connection.
//!
//! A worker has one [`Scheduler`] for each service. It sees the [`Client`] and looks at weights
//! and loads through [`Servers`], where they are. There are four families, and each has a type:
//!
//! ```text
//!   rr                              RoundRobin           the next of the list
//!   wrr                             WeightedRoundRobin   the next in time
//!   lc wlc sed nq fo ovf            Ranked               the first in an order
//!   twos                            TwoChoices           the better of two that are drawn
//!   sh dh mh                        Hashed               the client's own
//! ```
//!
//! To add one: a line in the crate `schedulers`, and what it does here, in one of these or in a
//! file and a variant of its own.

mod by_weight;
mod client;
mod hashed;
mod least;
mod maglev;
mod ranked;
mod rendezvous;
mod rr;
mod siphash;
#[cfg(test)]
mod tests;
mod twos;
mod wrr;

use hashed::Hashed;
use ranked::Ranked;
use rr::RoundRobin;
use twos::TwoChoices;
use wrr::WeightedRoundRobin;

pub use by_weight::pick_by_weight;
pub use client::{Client, ClientKey};
pub use maglev::{Maglev, Member};
pub use schedulers::{HashOptions, Kind};

/// The most servers that one service can have: it bounds what a worker keeps for its scheduler.
pub const PLACES: usize = 1024;

/// Connections of one real server.
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

    /// All of them.
    pub const fn connections(self) -> u32 {
        self.active.saturating_add(self.inactive)
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

    /// The server's share of new connections now; 0 gets none. Another thread may change it at
    /// any time, so a scheduler asks once for each choice.
    fn weight(&self, at: usize) -> u32;

    /// The share in thousandths, to be compared with [`Servers::configured`].
    #[inline(always)]
    fn thousandths(&self, at: usize) -> u64 {
        u64::from(self.weight(at)) * 1000
    }

    /// Its share in the configuration, at least 1, whatever it gets now: the choice of a hash is
    /// made by this one.
    fn configured(&self, at: usize) -> u32;

    /// The connections that it has on all workers.
    fn load(&self, at: usize) -> Load;

    /// What it is weighed with against a client's hash.
    fn seed(&self, at: usize) -> u64;

    /// The service's Maglev table, if it has one.
    fn maglev(&self) -> Option<&Maglev>;

    /// Another number whenever a weight may be another one than before; `None` if that may be
    /// from one pick to the next.
    fn weight_version(&self) -> Option<u64>;

    /// Another number whenever a weight may be another one, or a load by something else than
    /// what [`Servers::changed`] tells; `None` as for weights.
    fn version(&self) -> Option<u64>;

    /// Calls `each` with every place whose load this worker has changed since the last call, and
    /// with that load.
    fn changed(&self, each: impl FnMut(usize, Load));
}

/// A scheduler and what it remembers of its choices.
#[derive(Clone, Debug)]
pub enum Scheduler {
    /// The servers in turn.
    RoundRobin(RoundRobin),
    /// The servers in turn, each as often as its weight says.
    WeightedRoundRobin(Box<WeightedRoundRobin>),
    /// The first in an order of weights and loads.
    Ranked(Box<Ranked>),
    /// The better of two that are drawn.
    TwoChoices(Box<TwoChoices>),
    /// The one that the client's hash says.
    Hashed(Box<Hashed>),
}

impl Scheduler {
    /// A scheduler that starts anywhere: workers start at different servers.
    pub fn new(kind: Kind, options: HashOptions, random: u64) -> Self {
        match kind {
            Kind::RoundRobin => Scheduler::RoundRobin(RoundRobin::new(random)),
            Kind::WeightedRoundRobin => {
                Scheduler::WeightedRoundRobin(Box::new(WeightedRoundRobin::new(random)))
            }
            Kind::LeastConnection
            | Kind::WeightedLeastConnection
            | Kind::ShortestExpectedDelay
            | Kind::NeverQueue
            | Kind::Failover
            | Kind::Overflow => Scheduler::Ranked(Box::new(Ranked::new(kind, random))),
            Kind::PowerOfTwoChoices => Scheduler::TwoChoices(Box::new(TwoChoices::new(random))),
            Kind::SourceHash | Kind::DestinationHash | Kind::Maglev => {
                Scheduler::Hashed(Box::new(Hashed::new(kind, options)))
            }
        }
    }

    /// Which scheduler it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Scheduler::RoundRobin(_) => Kind::RoundRobin,
            Scheduler::WeightedRoundRobin(_) => Kind::WeightedRoundRobin,
            Scheduler::Ranked(ranked) => ranked.kind(),
            Scheduler::TwoChoices(_) => Kind::PowerOfTwoChoices,
            Scheduler::Hashed(hashed) => hashed.kind(),
        }
    }

    /// True if it is of this kind and hashes like this, if it hashes.
    pub fn is(&self, kind: Kind, options: HashOptions) -> bool {
        match self {
            Scheduler::Hashed(hashed) => hashed.kind() == kind && hashed.options() == options,
            other => other.kind() == kind,
        }
    }

    /// The place of the server that gets the client's connection; `None` if none may have it.
    pub fn pick(&mut self, client: &Client, servers: &impl Servers) -> Option<usize> {
        match self {
            Scheduler::RoundRobin(turn) => turn.pick(servers),
            Scheduler::WeightedRoundRobin(turn) => turn.pick(servers),
            Scheduler::Ranked(ranked) => ranked.pick(servers),
            Scheduler::TwoChoices(choices) => choices.pick(servers),
            Scheduler::Hashed(hashed) => hashed.pick(client, servers),
        }
    }

    /// Goes on with another list of servers: `before` says at which place a server was that is
    /// at this place now. What was remembered of a server that stays, stays.
    pub fn rearrange(&mut self, count: usize, before: impl Fn(usize) -> Option<usize>) {
        match self {
            Scheduler::RoundRobin(turn) => turn.rearrange(count, before),
            Scheduler::WeightedRoundRobin(turn) => turn.rearrange(count, before),
            Scheduler::Ranked(ranked) => ranked.rearrange(count, before),
            Scheduler::TwoChoices(choices) => choices.rearrange(),
            Scheduler::Hashed(hashed) => hashed.rearrange(),
        }
    }
}
