//! lc, wlc, sed, nq, fo, ovf: the server that stands first in an order of weights and loads.
//!
//! The order is kept in [`Least`]: a pick looks again only at servers whose load this worker has
//! changed since the last one, and at all of them when weights or other workers' loads have
//! changed ([`Servers::version`]).

use schedulers::Kind;

use super::least::{Least, NEVER};
use super::{Load, Servers};

/// A server without as much as this is idle: an active connection weighs as much.
const IDLE: u64 = 256;

/// What a scheduler of this family remembers.
#[derive(Clone, Debug)]
pub struct Ranked {
    kind: Kind,
    order: Least,
    /// One by the weight of each server that has one, and a negative number for the others: to
    /// multiply is faster than to divide.
    shares: Vec<f32>,
    /// The version of weights and loads that the order is of.
    version: Option<u64>,
    /// Where the search among equals begins: behind the server that was picked last. Workers
    /// begin at different ones.
    next: usize,
}

impl Ranked {
    pub(super) fn new(kind: Kind, random: u64) -> Self {
        let next = (random >> 33) as usize;
        Ranked { kind, order: Least::new(0), shares: Vec::new(), version: None, next }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn pick(&mut self, servers: &impl Servers) -> Option<usize> {
        let kind = self.kind;
        let version = servers.version();
        if self.version != Some(version) || self.order.len() != servers.len() {
            self.read_all(servers, version);
        } else if kind != Kind::Failover {
            let Ranked { order, shares, .. } = self;
            servers.changed(|at| {
                let share = shares.get(at).copied().unwrap_or(NOTHING);
                order.set(at, key(kind, share, servers.load(at)));
            });
        }
        loop {
            let at = self.order.find(self.next)?;
            if servers.weight(at) == 0 {
                if let Some(share) = self.shares.get_mut(at) {
                    *share = NOTHING;
                }
                self.order.set(at, NEVER);
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
        let share = |at| match servers.weight(at) {
            0 => NOTHING,
            weight => 1.0 / weight as f32,
        };
        self.shares.clear();
        self.shares.extend((0..servers.len()).map(share));
        let (kind, shares) = (self.kind, &self.shares);
        self.order
            .fill(|at, _| key(kind, shares.get(at).copied().unwrap_or(NOTHING), servers.load(at)));
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

/// The share of a server that gets nothing.
const NOTHING: f32 = -1.0;

/// Where a server stands: the least is the first. Products are compared as the bits of floating
/// point numbers, which have the order of the numbers as long as none is negative. They have 24
/// bits: servers are equals whose loads for their weights differ by less than one in 8 million.
#[inline(always)]
fn key(kind: Kind, share: f32, load: Load) -> u32 {
    if share < 0.0 {
        return NEVER;
    }
    let overhead = load.overhead();
    // Below 2^41, for which signed conversion takes one instruction.
    let for_weight = |overhead: u64| overhead as i64 as f32 * share;
    match kind {
        Kind::LeastConnection => (overhead as i64 as f32).to_bits(),
        Kind::ShortestExpectedDelay => for_weight(overhead + 256).to_bits(),
        // Any idle one stands before all others.
        Kind::NeverQueue if overhead < IDLE => (for_weight(overhead) * 2f32.powi(-64)).to_bits(),
        Kind::NeverQueue => for_weight(overhead + 256).to_bits(),
        // An active connection more than the weight, which is a whole number.
        Kind::Overflow if load.active as f32 * share > 1.0 + MARGIN => NEVER,
        Kind::Failover | Kind::Overflow => share.to_bits(),
        _ => for_weight(overhead).to_bits(),
    }
}

/// What a product may be off by: much less than one by the greatest weight.
const MARGIN: f32 = 1e-6;
