//! The next hops on both sides, and which of them a machine reaches and believes to reach.

use failover::Reach;

use crate::random::Random;

/// How long a machine takes at the most to see that a next hop has died or come back.
pub(crate) const DETECTION: u64 = 500_000;
/// How long it takes at the most to ask all of them.
pub(crate) const QUESTION: u64 = 250_000;

/// All next hops, a bit each: one gateway, and three real servers.
const ALL: [u8; 2] = [0b1, 0b111];

/// Next hops of a side that do not answer, each a bit, and until when.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Lost {
    next_hops: u8,
    until: u64,
}

impl Lost {
    /// Some of a side's, or all of them.
    pub(crate) fn some(side: usize, random: &mut Random) -> u8 {
        if random.chance(500) { ALL[side] } else { 1 << random.within(0, side as u64 * 2 + 1) }
    }

    pub(crate) fn all(side: usize) -> u8 {
        ALL[side]
    }

    pub(crate) fn add(&mut self, next_hops: u8, until: u64, now: u64) {
        let still = if now < self.until { self.next_hops } else { 0 };
        *self = Lost { next_hops: next_hops | still, until: self.until.max(until) };
    }

    fn at(self, now: u64) -> u8 {
        if now < self.until { self.next_hops } else { 0 }
    }
}

/// What one machine has to do with next hops.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct NextHops {
    /// Those that live and do not answer this machine.
    pub(crate) lost: [Lost; 2],
    /// Until then it has another configuration than its peer, with other servers.
    pub(crate) reloaded: u64,
    /// Those that it believes to answer; `None`: it has not asked yet.
    seen: Option<[u8; 2]>,
    /// The number of orders to ask every next hop.
    pub(crate) orders: u64,
}

impl NextHops {
    fn answering(&self, dead: &[Lost; 2], now: u64) -> [u8; 2] {
        core::array::from_fn(|side| ALL[side] & !dead[side].at(now) & !self.lost[side].at(now))
    }

    /// Forgets what was seen, since the dataplane was started anew.
    pub(crate) fn forget(&mut self) {
        self.seen = None;
    }

    pub(crate) fn look(&mut self, dead: &[Lost; 2], now: u64) {
        self.seen = Some(self.answering(dead, now));
    }

    /// The reach that the machine tells.
    pub(crate) fn told(&self, now: u64) -> [Reach; 2] {
        self.seen.map_or([Reach::UNKNOWN; 2], |seen| self.reach(seen, now))
    }

    /// The reach that the machine would tell if it knew every change at once.
    pub(crate) fn truth(&self, dead: &[Lost; 2], now: u64) -> [Reach; 2] {
        self.reach(self.answering(dead, now), now)
    }

    fn reach(&self, answering: [u8; 2], now: u64) -> [Reach; 2] {
        core::array::from_fn(|side| Reach {
            set: 1 + side as u64 + if side == 1 && now < self.reloaded { 10 } else { 0 },
            asked: ALL[side].count_ones() as u16,
            answering: answering[side].count_ones() as u16,
        })
    }
}
