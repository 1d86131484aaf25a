//! wrr: in turn, each server as often as its weight says, evenly mixed.
//!
//! Stride scheduling (Waldspurger and Weihl, 1995): a server of weight w has its turn w times in
//! each unit of time, at even distances, and the next in time is picked. Over one unit each
//! server is picked exactly in proportion, and heavy servers are not picked many times in a row
//! while others wait. Where weights change, the time to a server's next turn is stretched or
//! shrunk with its distance, so that the cycle goes on where it was.

use super::Servers;
use super::least::{Least, NEVER};

/// A unit of time: even at the greatest weight, turns are 16,384 ticks apart, so that a share is
/// right to one in 16,384.
const UNIT: u32 = 1 << 30;
/// When the clock begins anew: from here two more units fit, the one to the next pick and the one
/// to its server's next turn.
const LATE: u32 = UNIT;

/// When each server has its next turn, by its place in the service.
#[derive(Clone, Debug)]
pub struct WeightedRoundRobin {
    turns: Least,
    /// The weight that each turn is of, and what is left until the turn in parts of the server's
    /// distance: what a server without weight goes on from when it has one again.
    weights: Vec<(u32, u32)>,
    version: Option<u64>,
    /// The time of the last pick.
    now: u32,
    /// The part of its distance after which a server has its first turn: at most a half.
    phase: u32,
    /// Where turns among equals begin: workers begin at different servers.
    start: usize,
}

impl WeightedRoundRobin {
    pub(super) fn new(random: u64) -> Self {
        WeightedRoundRobin {
            turns: Least::new(0, 0),
            weights: Vec::new(),
            version: None,
            now: 0,
            phase: (random as u32) >> 1,
            start: (random >> 33) as usize,
        }
    }

    pub(super) fn pick(&mut self, servers: &impl Servers) -> Option<usize> {
        let version = servers.weight_version();
        if version.is_none() || self.version != version || self.turns.len() != servers.len() {
            self.follow_weights(servers, version);
        }
        loop {
            let at = self.turns.find()?;
            let (weight, left) = self.weights.get_mut(at)?;
            if servers.weight(at) == 0 {
                (*weight, *left) = (0, 0);
                self.turns.set(at, NEVER);
                continue;
            }
            self.now = self.turns.get(at);
            self.turns.take_turn(at);
            self.turns.set(at, self.now + distance(*weight));
            if self.now > LATE {
                self.begin_anew();
            }
            return Some(at);
        }
    }

    #[cold]
    fn follow_weights(&mut self, servers: &impl Servers, version: Option<u64>) {
        let count = servers.len();
        if self.turns.len() != count {
            self.turns = Least::new(count, self.start);
            self.weights = vec![(0, self.first_turn()); self.turns.len()];
        }
        self.version = version;
        let WeightedRoundRobin { turns, weights, now, .. } = self;
        turns.fill(|at, turn| {
            let Some((before, left)) = weights.get_mut(at) else { return NEVER };
            let weight = servers.weight(at);
            if *before == weight {
                return turn;
            }
            if *before > 0 {
                *left = turn.saturating_sub(*now).saturating_mul(*before);
            }
            *before = weight;
            left.checked_div(weight).map_or(NEVER, |left| *now + left)
        });
    }

    /// What is left until the first turn of a server that is new.
    fn first_turn(&self) -> u32 {
        ((u64::from(UNIT) * u64::from(self.phase)) >> u32::BITS) as u32
    }

    #[cold]
    fn begin_anew(&mut self) {
        let now = core::mem::take(&mut self.now);
        self.turns.fill(|_, turn| if turn == NEVER { turn } else { turn.saturating_sub(now) });
    }

    /// Turns go with their servers.
    pub(super) fn rearrange(&mut self, count: usize, before: impl Fn(usize) -> Option<usize>) {
        let first_turn = self.first_turn();
        let weight = |at| before(at).and_then(|was| self.weights.get(was).copied());
        self.weights = (0..count).map(|at| weight(at).unwrap_or((0, first_turn))).collect();
        if self.turns.len() > 0 {
            self.turns = self.turns.rearranged(count, before);
        }
        self.version = None;
    }
}

/// The time between two turns of a server.
#[inline(always)]
fn distance(weight: u32) -> u32 {
    UNIT / weight.max(1)
}
