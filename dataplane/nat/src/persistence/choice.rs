//! The server of a persistent client's new connection.

use wire::Address;

use super::entry::Second;
use super::fingerprint::ClientHash;
use super::service::{Member, Membership, ServicePersistence};
use super::table::{Found, Table};
use crate::scheduler::{ClientKey, Servers};
use crate::time::{Instant, Seconds};

/// How often a choice is made anew that another worker has made meanwhile.
const ATTEMPTS: usize = 4;
/// Seconds by which the timer wheel may look at a connection later than it was to.
const LATE: u32 = 4;

/// What a server is for the clients that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It takes their connections.
    Serves,
    /// It may fail them, which is not certain yet: another one takes this connection, and the
    /// client stays its own.
    Doubtful,
    /// They go to another one, and stay there.
    Gone,
}

/// The servers of a service, as their clients see them.
pub(crate) trait Standings: Servers {
    /// What the server at this place is for the clients that it has in this service.
    fn standing(&self, at: usize, service: &ServicePersistence) -> Standing;
}

/// The place of the server for a new connection of this client; none if no server has a weight.
/// Whoever only `LOOKS` leaves what is remembered of clients as it is.
pub(crate) fn choose<A: Address, const LOOKS: bool>(
    table: &Table,
    service: &ServicePersistence,
    client: A,
    key: ClientKey,
    servers: &impl Standings,
    now: Instant,
) -> Option<usize> {
    let prefix = client.masked(service.prefix);
    let mut memberships = service.memberships.iter();
    memberships.find_map(|membership| {
        let client = ClientHash::new(prefix, membership.group, key);
        let choice = Choice { table, service, membership, client, now: Second::of(now) };
        match choice.make::<LOOKS>(servers) {
            Chosen::At(at) => Some(Some(at)),
            Chosen::Nobody => Some(None),
            // The client has a server that this service lacks, and another one here.
            Chosen::Elsewhere => None,
        }
    })?
}

/// The place of the server that the client has, if it has one.
pub(crate) fn server_of<A: Address>(
    table: &Table,
    service: &ServicePersistence,
    client: A,
    key: ClientKey,
    now: Instant,
) -> Option<usize> {
    let prefix = client.masked(service.prefix);
    service.memberships.iter().find_map(|membership| {
        let client = ClientHash::new(prefix, membership.group, key);
        let found = table.find(client.fingerprint(), Second::of(now))?;
        match membership.member(found.target()) {
            Some(Member::Here(at)) => Some(at),
            _ => None,
        }
    })
}

/// Remembers a client whose connection to the server at this place goes on, at least until then.
/// A client that has another server by now, or none, is left alone.
pub(crate) fn keep<A: Address>(
    table: &Table,
    service: &ServicePersistence,
    client: A,
    key: ClientKey,
    at: usize,
    until: Instant,
    now: Instant,
) {
    let prefix = client.masked(service.prefix);
    let left = u32::try_from(until.since(now) / 1000).unwrap_or(u32::MAX);
    let left = Seconds(left.saturating_add(LATE));
    let now = Second::of(now);
    for membership in &service.memberships {
        let client = ClientHash::new(prefix, membership.group, key);
        let Some(found) = table.find(client.fingerprint(), now) else { return };
        match membership.member(found.target()) {
            Some(Member::Elsewhere) => {}
            Some(Member::Here(place)) if place == at => {
                return table.extend(found, now.plus(left), now);
            }
            _ => return,
        }
    }
}

enum Chosen {
    At(usize),
    Nobody,
    Elsewhere,
}

struct Choice<'a> {
    table: &'a Table,
    service: &'a ServicePersistence,
    membership: &'a Membership,
    client: ClientHash,
    now: Second,
}

impl Choice<'_> {
    fn make<const LOOKS: bool>(&self, servers: &impl Standings) -> Chosen {
        let Choice { table, membership, now, .. } = *self;
        let fingerprint = self.client.fingerprint();
        let until = now.plus(self.service.timeout);
        for _ in 0..ATTEMPTS {
            let found = table.find(fingerprint, now);
            if let Some(found) = found {
                let (at, standing) = match membership.member(found.target()) {
                    Some(Member::Here(at)) => (at, servers.standing(at, self.service)),
                    Some(Member::Elsewhere) => return Chosen::Elsewhere,
                    // A server that the configuration no longer has.
                    None => (usize::MAX, Standing::Gone),
                };
                if standing != Standing::Gone && !LOOKS {
                    table.extend(found, until, now);
                }
                match standing {
                    Standing::Serves => return Chosen::At(at),
                    Standing::Doubtful => return self.by_hash(servers),
                    Standing::Gone => {}
                }
            }
            let Chosen::At(at) = self.by_hash(servers) else { return Chosen::Nobody };
            let seen = found.map(Found::target);
            let target = membership.target(at);
            if LOOKS
                || target.is_none()
                || table.put(fingerprint, seen, target, until, now) == target
            {
                return Chosen::At(at);
            }
        }
        self.by_hash(servers)
    }

    /// Weighted rendezvous hashing: each server draws a number for the client, and the one with
    /// the best draw for its weight is chosen. A server that comes or goes moves only its own
    /// clients (Thaler and Ravishankar 1998; weights as in Schindelhauer and Schomaker 2005).
    fn by_hash(&self, servers: &impl Servers) -> Chosen {
        let mut best: Option<(f64, usize)> = None;
        for (at, &seed) in self.service.seeds.iter().enumerate().take(servers.len()) {
            let weight = servers.weight(at);
            if weight == 0 {
                continue;
            }
            // In (0, 1].
            let drawn = (self.client.with(seed) >> 11) as f64 + 1.0;
            // The same on every machine: that of the C library may differ in its last bit.
            let score = -libm::log(drawn / (1u64 << 53) as f64) / f64::from(weight);
            if best.is_none_or(|(least, _)| score < least) {
                best = Some((score, at));
            }
        }
        best.map_or(Chosen::Nobody, |(_, at)| Chosen::At(at))
    }
}
