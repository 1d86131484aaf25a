//! lc, wlc, sed, nq, fo, ovf: the server that stands first in an order of weights and loads.
//!
//! The order is kept in [`Least`]: a pick looks again only at servers whose load this worker has
//! changed since the last one, and at all of them when weights or other workers' loads have
//! changed ([`Servers::version`]).

use schedulers::Kind;

use super::least::{Key, Least};
use super::{Load, Servers};

/// A server without as much as this is idle: an active connection weighs as much.
const IDLE: u64 = 256;

/// What a scheduler of this family remembers.
#[derive(Clone, Debug)]
pub struct Ranked {
    kind: Kind,
    order: Least<u32>,
    /// The version of weights and loads that the order is of.
    version: Option<u64>,
    /// Where the search among equals begins: behind the server that was picked last. Workers
    /// begin at different ones.
    next: usize,
}

impl Ranked {
    pub(super) fn new(kind: Kind, random: u64) -> Self {
        Ranked { kind, order: Least::new(0), version: None, next: (random >> 33) as usize }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn pick(&mut self, servers: &impl Servers) -> Option<usize> {
        let kind = self.kind;
        let version = servers.version();
        if self.version != Some(version) || self.order.len() != servers.len() {
            self.read_all(servers, version);
        } else {
            let order = &mut self.order;
            servers.changed(|at| order.set(at, key(kind, servers.weight(at), servers.load(at))));
        }
        loop {
            let at = self.order.find(self.next)?;
            if servers.weight(at) == 0 {
                self.order.set(at, Key::NEVER);
                continue;
            }
            if has_turns(kind) {
                self.next = at + 1;
            }
            return Some(at);
        }
    }

    #[cold]
    fn read_all(&mut self, servers: &impl Servers, version: u64) {
        if self.order.len() != servers.len() {
            self.order = Least::new(servers.len());
        }
        if self.version.is_none() {
            self.next = if has_turns(self.kind) { self.next % servers.len().max(1) } else { 0 };
        }
        self.version = Some(version);
        // What has changed is read with the others.
        servers.changed(|_| ());
        self.order.fill(|at, _| key(self.kind, servers.weight(at), servers.load(at)));
    }

    /// Every place may be another server's.
    pub(super) fn rearrange(&mut self) {
        self.order = Least::new(0);
    }
}

/// True if equals have their turns; otherwise all workers choose the first in the list.
const fn has_turns(kind: Kind) -> bool {
    !matches!(kind, Kind::Failover | Kind::Overflow)
}

/// Where a server stands: the least is the first. Quotients are compared as the bits of floating
/// point numbers, which have the order of the numbers as long as none is negative. They have 24
/// bits: servers are equals whose quotients differ by less than one in 16 million.
#[inline(always)]
fn key(kind: Kind, weight: u32, load: Load) -> u32 {
    if weight == 0 {
        return u32::NEVER;
    }
    let overhead = load.overhead();
    let for_weight = |overhead: u64| overhead as f32 / weight as f32;
    match kind {
        Kind::LeastConnection => (overhead as f32).to_bits(),
        Kind::ShortestExpectedDelay => for_weight(overhead + 256).to_bits(),
        // Any idle one stands before all others.
        Kind::NeverQueue if overhead < IDLE => (for_weight(overhead) * 2f32.powi(-64)).to_bits(),
        Kind::NeverQueue => for_weight(overhead + 256).to_bits(),
        Kind::Overflow if load.active > weight => u32::NEVER,
        Kind::Failover | Kind::Overflow => !weight,
        _ => for_weight(overhead).to_bits(),
    }
}
