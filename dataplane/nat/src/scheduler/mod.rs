//! Schedulers: which real server gets the next connection.
//!
//! A worker has one [`Scheduler`] for each service. It picks among slots, one a server,
//! made anew for each pick from weights and loads, so that a reload changes servers
//! without changing the scheduler's place. To add one: a file here, a variant in [`Kind`]
//! and [`Scheduler`], and its name in the configuration.

mod lc;
mod rr;
#[cfg(test)]
mod tests;
mod wlc;
mod wrr;

use rr::RoundRobin;
use wrr::WeightedRoundRobin;

/// Which scheduler.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// rr
    RoundRobin,
    /// wrr
    WeightedRoundRobin,
    /// lc
    LeastConnection,
    /// wlc
    WeightedLeastConnection,
}

impl Kind {
    /// The name that operators know from IPVS.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::RoundRobin => "rr",
            Kind::WeightedRoundRobin => "wrr",
            Kind::LeastConnection => "lc",
            Kind::WeightedLeastConnection => "wlc",
        }
    }

    /// True if what a server has already decides: then each pick must know of those before.
    pub const fn looks_at_loads(self) -> bool {
        matches!(self, Kind::LeastConnection | Kind::WeightedLeastConnection)
    }
}

/// A real server as a scheduler sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerSlot {
    /// Its share; 0 gets nothing new.
    pub weight: u32,
    /// Established connections.
    pub active: u32,
    /// Connections that open or close.
    pub inactive: u32,
}

impl ServerSlot {
    /// What the server's connections weigh: an active one as much as 256 others, since
    /// the others cost it memory and little else (as IPVS counts).
    fn overhead(&self) -> u64 {
        u64::from(self.active) * 256 + u64::from(self.inactive)
    }
}

/// A scheduler in its place.
#[derive(Clone, Debug)]
pub enum Scheduler {
    /// In turn.
    RoundRobin(RoundRobin),
    /// In turn, each as often as its weight says.
    WeightedRoundRobin(Box<WeightedRoundRobin>),
    /// The one with the fewest connections.
    LeastConnection,
    /// The one with the fewest connections for its weight.
    WeightedLeastConnection,
}

impl Scheduler {
    /// One that starts anywhere: workers start at different servers.
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

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Scheduler::RoundRobin(_) => Kind::RoundRobin,
            Scheduler::WeightedRoundRobin(_) => Kind::WeightedRoundRobin,
            Scheduler::LeastConnection => Kind::LeastConnection,
            Scheduler::WeightedLeastConnection => Kind::WeightedLeastConnection,
        }
    }

    /// The place of the chosen server; `None` if every weight is 0.
    pub fn pick(&mut self, servers: &[ServerSlot]) -> Option<usize> {
        match self {
            Scheduler::RoundRobin(place) => place.pick(servers),
            Scheduler::WeightedRoundRobin(place) => place.pick(servers),
            Scheduler::LeastConnection => lc::pick(servers),
            Scheduler::WeightedLeastConnection => wlc::pick(servers),
        }
    }
}
