//! wrr: in turn, each server as often as its weight says, evenly mixed.
//!
//! Smooth weighted round robin: every server earns its weight with each pick; the richest
//! is picked and pays the sum of all weights. Over one cycle each server is picked exactly
//! in proportion, and heavy servers are not picked many times in a row.
//!
//! What a server has earned is worth as much as the sum of weights is: when that changes,
//! credits are scaled to it, so that the cycle goes on where it was.

use super::{PLACES, Servers};

/// What each server has earned, by its place in the service.
#[derive(Clone, Debug)]
pub struct WeightedRoundRobin {
    credit: [i64; PLACES],
    /// The sum of weights under which the credits were earned.
    total: i64,
    /// Rotates ties, so that workers start at different servers.
    first: usize,
}

impl WeightedRoundRobin {
    pub(super) fn new(random: u64) -> Self {
        WeightedRoundRobin { credit: [0; PLACES], total: 0, first: (random >> 33) as usize }
    }

    pub(super) fn pick(&mut self, servers: &impl Servers) -> Option<usize> {
        let count = servers.len().min(PLACES);
        let start = self.first.checked_rem(count)?;
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for at in (start..count).chain(0..start) {
            let weight = i64::from(servers.weight(at));
            let credit = self.credit.get_mut(at)?;
            if weight == 0 {
                // Out of the round; it must not come back rich.
                *credit = 0;
                continue;
            }
            total += weight;
            *credit = credit.saturating_add(weight);
            if best.is_none_or(|(_, most)| *credit > most) {
                best = Some((at, *credit));
            }
        }
        let (at, _) = best?;
        if let Some(credit) = self.credit.get_mut(at) {
            *credit = credit.saturating_sub(total);
        }
        if total != self.total {
            self.scale_to(total);
        }
        Some(at)
    }

    /// Credits are at most some sums of weights, so products fit 128 bits.
    #[cold]
    fn scale_to(&mut self, total: i64) {
        let before = core::mem::replace(&mut self.total, total);
        for credit in self.credit.iter_mut().filter(|_| before > total) {
            *credit = (i128::from(*credit) * i128::from(total) / i128::from(before)) as i64;
        }
    }

    /// Credits go with their servers.
    pub(super) fn rearrange(&mut self, count: usize, before: impl Fn(usize) -> Option<usize>) {
        let was = self.credit;
        for (at, credit) in self.credit.iter_mut().enumerate() {
            let place = if at < count { before(at) } else { None };
            *credit = place.and_then(|place| was.get(place)).copied().unwrap_or(0);
        }
    }
}
