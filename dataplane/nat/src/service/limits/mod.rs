//! Limits of connections, of servers and of services, exact over all workers.
//!
//! A connection counts while it opens and while it is open; one that closes does not. A limit is
//! so many permits. Each is in one place at any time: free ([`Limits`], which all workers share),
//! spare at a worker, or held by a connection ([`Budgets`], which one worker has). So what is held
//! is never more than the limit, and a worker that has spare permits opens connections without a
//! look at what others write.
//!
//! ```text
//!            take a slice               open
//!     free ----------------> spare -------------> held
//!       ^                     |  ^                 |
//!       |     asked for       |  |     close       |
//!       '---------------------'  '-----------------'
//!       '------------- asked for, or full ---------'
//! ```
//!
//! A worker that finds none free while others have spare ones asks for them; workers look between
//! bursts whether anybody does. From then on permits are taken one by one, and go back to the free
//! ones at once, until many are free again. Once all permits are held the limit is *full*, for all
//! workers: none is given out before fewer than `resume_below` are held.
//!
//! What opens without a permit leaves a debt: connections that a peer tells of, that were there
//! before the limit, or that a server begins. Less than nothing is free then, and nothing is given
//! out until closing connections have paid.
//!
//! A limit begins to count when the main process says so, after every worker has counted what it
//! holds ([`Budgets::follow`]), and changes at once.

mod budgets;
mod shared;
#[cfg(test)]
mod tests;

use wire::Address;

use super::{MAXIMUM_SERVERS, MAXIMUM_SERVICES, ServerId, Service, ServiceId, Services};

pub use budgets::Budgets;
pub use shared::Limits;

/// The most connections of a server or a service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Limit {
    most: u32,
    resume_below: u32,
}

impl Limit {
    /// None, for a server that may be given one while it serves ([`Limits::limit_instead`]).
    pub const NONE: Limit = Limit { most: u32::MAX, resume_below: u32::MAX };

    /// So many connections, and none added before a quarter of them is gone.
    fn with_default_mark(most: u32) -> Self {
        Limit::new(most, most - most / 4)
    }

    /// So many connections, 1 at the least; once there are as many, none is added before there are
    /// fewer than `resume_below`, which is 1 to `most`.
    pub fn new(most: u32, resume_below: u32) -> Self {
        let most = most.max(1);
        Limit { most, resume_below: resume_below.clamp(1, most) }
    }

    /// The most connections.
    pub const fn most(self) -> u32 {
        self.most
    }

    /// When connections are added again, once there were that many.
    pub const fn resume_below(self) -> u32 {
        self.resume_below
    }
}

/// Everything of a service that has a limit.
fn limited<A: Address>(service: &Service<A>) -> impl Iterator<Item = Slot> + '_ {
    let servers = service.servers.iter().filter(|server| server.limit.is_some());
    let of_service = service.limit.map(|_| Slot::from(service.id));
    of_service.into_iter().chain(servers.map(|server| server.id.into()))
}

/// What a limit is of: the place of its permits. Servers come first, then services.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(u32);

const SLOTS: usize = MAXIMUM_SERVERS + MAXIMUM_SERVICES;

impl Slot {
    const fn index(self) -> usize {
        self.0 as usize
    }

    fn server(self) -> Option<ServerId> {
        (self.index() < MAXIMUM_SERVERS).then_some(ServerId(self.0))
    }

    /// The service, of what is no server's.
    fn service(self) -> ServiceId {
        ServiceId::from_bits(self.0.wrapping_sub(MAXIMUM_SERVERS as u32))
    }

    /// The limit that these services give it.
    pub fn limit_in<A: Address>(self, services: &Services<A>) -> Option<Limit> {
        match self.server() {
            Some(server) => services.server(server)?.limit,
            None => services.get(self.service())?.limit,
        }
    }

    fn is_limited<A: Address>(self, services: &Services<A>) -> bool {
        self.limit_in(services).is_some()
    }
}

impl From<ServerId> for Slot {
    #[inline(always)]
    fn from(server: ServerId) -> Self {
        Slot(server.0)
    }
}

impl From<ServiceId> for Slot {
    #[inline(always)]
    fn from(service: ServiceId) -> Self {
        Slot(u32::from(service.0) + MAXIMUM_SERVERS as u32)
    }
}
