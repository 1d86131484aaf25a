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

/// No place.
const NOBODY: usize = usize::MAX;

/// What a scheduler of this family remembers.
#[derive(Clone, Debug)]
pub struct Ranked {
    kind: Kind,
    order: Least,
    /// One by the weight that counts of each server that has one, and a negative number for the
    /// others: to multiply is faster than to divide.
    shares: Vec<f32>,
    /// The version of weights and loads that the order is of.
    version: Option<u64>,
    /// Where turns among equals begin: workers begin at different servers.
    start: usize,
    /// The server that was picked last, until the order knows that it had its turn.
    picked: Option<usize>,
}

impl Ranked {
    pub(super) fn new(kind: Kind, random: u64) -> Self {
        let start = if has_turns(kind) { (random >> 33) as usize } else { 0 };
        let order = Least::new(0, start);
        Ranked { kind, order, shares: Vec::new(), version: None, start, picked: None }
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn pick(&mut self, servers: &impl Servers) -> Option<usize> {
        let kind = self.kind;
        let version = servers.version();
        if version.is_none() || self.version != version || self.order.len() != servers.len() {
            self.read_all(servers, version);
        } else if kind != Kind::Failover {
            // A loop for each kind of key, in which nothing is decided by kind.
            match kind {
                Kind::ShortestExpectedDelay => self.follow(servers, delay),
                Kind::NeverQueue => self.follow(servers, never_queue),
                Kind::Overflow => self.follow(servers, overflow),
                _ => self.follow(servers, for_weight),
            }
        }
        loop {
            let at = self.order.find()?;
            if servers.weight(at) == 0 {
                if let Some(share) = self.shares.get_mut(at) {
                    *share = NOTHING;
                }
                self.order.set(at, NEVER);
                continue;
            }
            if has_turns(kind) {
                self.order.take_turn(at);
                self.picked = Some(at);
            }
            return Some(at);
        }
    }

    /// Takes note of the loads that have changed since the last pick.
    #[inline(always)]
    fn follow(&mut self, servers: &impl Servers, key: impl Fn(f32, Load) -> u32) {
        let Ranked { order, shares, picked, .. } = self;
        let mut unsettled = picked.take().unwrap_or(NOBODY);
        servers.changed(|at, load| {
            let share = shares.get(at).copied().unwrap_or(NOTHING);
            order.set(at, if share < 0.0 { NEVER } else { key(share, load) });
            unsettled = if unsettled == at { NOBODY } else { unsettled };
        });
        // Its connection was not opened, or is not counted.
        if unsettled != NOBODY {
            order.settle(unsettled);
        }
    }

    #[cold]
    fn read_all(&mut self, servers: &impl Servers, version: Option<u64>) {
        if self.order.len() != servers.len() {
            self.order = Least::new(servers.len(), self.start);
        }
        let kind = self.kind;
        self.picked = None;
        self.version = version;
        // What has changed is read with the others.
        servers.changed(|_, _| ());
        let share = |at| match servers.weight(at) {
            0 => NOTHING,
            _ if kind == Kind::LeastConnection => 1.0,
            weight => 1.0 / weight as f32,
        };
        self.shares.clear();
        self.shares.extend((0..servers.len()).map(share));
        let shares = &self.shares;
        self.order
            .fill(|at, _| key(kind, shares.get(at).copied().unwrap_or(NOTHING), servers.load(at)));
    }

    /// Turns go with their servers; where there are none, the order is the list's.
    pub(super) fn rearrange(&mut self, count: usize, before: impl Fn(usize) -> Option<usize>) {
        self.order = match self.order.len() > 0 && has_turns(self.kind) {
            true => self.order.rearranged(count, before),
            false => Least::new(0, self.start),
        };
        self.picked = None;
        self.version = None;
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
fn key(kind: Kind, share: f32, load: Load) -> u32 {
    match kind {
        _ if share < 0.0 => NEVER,
        Kind::ShortestExpectedDelay => delay(share, load),
        Kind::NeverQueue => never_queue(share, load),
        Kind::Overflow => overflow(share, load),
        Kind::Failover => share.to_bits(),
        _ => for_weight(share, load),
    }
}

/// lc, wlc: what it has for its weight.
#[inline(always)]
fn for_weight(share: f32, load: Load) -> u32 {
    // Below 2^41, for which signed conversion takes one instruction.
    (load.overhead() as i64 as f32 * share).to_bits()
}

/// sed: the same with one more.
#[inline(always)]
fn delay(share: f32, load: Load) -> u32 {
    ((load.overhead() + 256) as i64 as f32 * share).to_bits()
}

/// nq: any idle one stands before all others.
#[inline(always)]
fn never_queue(share: f32, load: Load) -> u32 {
    if load.overhead() < IDLE {
        return (load.overhead() as i64 as f32 * share * 2f32.powi(-64)).to_bits();
    }
    delay(share, load)
}

/// ovf: the heaviest, unless it has an active connection more than its weight, which is a whole
/// number.
#[inline(always)]
fn overflow(share: f32, load: Load) -> u32 {
    if load.active as f32 * share > 1.0 + MARGIN { NEVER } else { share.to_bits() }
}

/// What a product may be off by: much less than one by the greatest weight.
const MARGIN: f32 = 1e-6;
