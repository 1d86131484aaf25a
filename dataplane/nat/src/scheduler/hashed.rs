//! sh, dh, mh: always the same server for the same client, or for the same virtual IP.
//!
//! sh and dh look for the best of all servers in an order that each client has of its own
//! ([`rendezvous`]). mh finds the first choice in a table ([`Maglev`]), and where that one gets
//! nothing now it looks at other places of the table, also in an order of the client's own. So
//! while a server is away, its clients are spread over all others, and those of others stay.
//!
//! What sh and dh have found is remembered for some clients ([`memory`]).
//!
//! A server whose weight is below the configured one (it starts slowly, or its agent says so)
//! accepts so many of its clients as the one is of the other, always the same ones.

mod bound;
mod memory;

use schedulers::{HashOptions, Kind};

use super::rendezvous;
use super::siphash::{mix, scale};
use super::{Client, Servers};
use bound::Bound;
use memory::Memory;

/// Looks at the table before all servers are compared: when fewer than one in ten gets something,
/// one client in thirty comes to that.
const LOOKS: u64 = 32;

/// What tells the hashes of further looks apart from the first one: 2^64 divided by the golden
/// ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a scheduler of this family remembers.
#[derive(Clone, Debug)]
pub struct Hashed {
    kind: Kind,
    options: HashOptions,
    bound: Bound,
    /// First choices, where they take long to find and are asked for again.
    memory: Memory,
}

impl Hashed {
    pub(super) fn new(kind: Kind, options: HashOptions) -> Self {
        let memory = match kind {
            Kind::DestinationHash => Memory::of_destinations(),
            Kind::SourceHash if !options.port => Memory::of_clients(),
            _ => Memory::default(),
        };
        Hashed { kind, options, bound: Bound::default(), memory }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) const fn options(&self) -> HashOptions {
        self.options
    }

    pub(super) fn pick(&mut self, client: &Client, servers: &impl Servers) -> Option<usize> {
        let hash = match (self.kind, self.options.port) {
            (Kind::DestinationHash, _) => client.destination_hash(),
            (_, true) => client.hash(),
            (_, false) => client.address_hash(),
        };
        if self.options.strict {
            let at = match (self.kind, servers.maglev()) {
                (Kind::Maglev, Some(table)) => table.choose(hash),
                // Weights change nothing about it, and other servers begin anew.
                _ => self.memory.choice(hash, Some(0), || {
                    rendezvous::pick(hash, servers, |at| servers.configured(at), |_| true)
                }),
            };
            return at.filter(|&at| servers.weight(at) > 0);
        }
        let bound = match self.options.bound {
            0 => None,
            bound => Some((bound, self.bound.follow(servers))),
        };
        let has_room =
            |at| bound.is_none_or(|(bound, loads)| loads.has_room(at, servers.weight(at), bound));
        if self.kind == Kind::Maglev {
            let found = in_table(hash, servers, has_room);
            if found.is_some() {
                return found;
            }
        }
        let weight = |at| servers.weight(at);
        let first = self.memory.choice(hash, servers.weight_version(), || {
            rendezvous::pick(hash, servers, weight, |_| true)
        })?;
        // A weight may have become 0 since the version was asked for.
        if servers.weight(first) > 0 && has_room(first) {
            return Some(first);
        }
        // A bound is not a refusal: when what is known of loads leaves room nowhere, the first
        // choice it is.
        rendezvous::pick(hash, servers, weight, has_room)
            .or_else(|| rendezvous::pick(hash, servers, weight, |_| true))
    }

    /// Every place may be another server's.
    pub(super) fn rearrange(&mut self) {
        self.bound = Bound::default();
        self.memory.clear();
    }
}

/// The first place of the table in the client's order whose server takes it.
fn in_table(hash: u64, servers: &impl Servers, has_room: impl Fn(usize) -> bool) -> Option<usize> {
    let table = servers.maglev()?;
    let first = table.choose(hash)?;
    if takes(hash, servers, first) && has_room(first) {
        return Some(first);
    }
    let further = (1..LOOKS).filter_map(|look| table.choose(mix(hash ^ STEP.wrapping_mul(look))));
    further.into_iter().find(|&at| takes(hash, servers, at) && has_room(at))
}

/// True if the server is one for this client, as far as its weight goes.
#[inline(always)]
fn takes(hash: u64, servers: &impl Servers, at: usize) -> bool {
    let (weight, configured) = (servers.thousandths(at), u64::from(servers.configured(at)) * 1000);
    if weight >= configured {
        return weight > 0;
    }
    scale(mix(hash ^ servers.seed(at).rotate_left(32)), configured) < weight
}
