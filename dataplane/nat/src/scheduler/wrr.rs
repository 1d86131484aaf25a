//! wrr: in turn, each server as often as its weight says, evenly mixed.
//!
//! Smooth weighted round robin: every server earns its weight with each pick; the richest
//! is picked and pays the sum of all weights. Over one cycle each server is picked exactly
//! in proportion, and heavy servers are not picked many times in a row.

use super::ServerSlot;

/// What each server has earned, by its place in the service.
#[derive(Clone, Debug)]
pub struct WeightedRoundRobin {
    credit: [i64; WeightedRoundRobin::PLACES],
    /// Rotates ties, so that workers start at different servers.
    first: usize,
}

impl WeightedRoundRobin {
    /// Servers beyond this share the credit of those before: far above what a service
    /// has, and it bounds a worker's memory.
    const PLACES: usize = 256;

    pub(super) fn new(random: u64) -> Self {
        WeightedRoundRobin { credit: [0; Self::PLACES], first: (random >> 33) as usize }
    }

    pub(super) fn pick(&mut self, servers: &[ServerSlot]) -> Option<usize> {
        let count = servers.len();
        let start = self.first.checked_rem(count)?;
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for at in (start..start + count).map(|at| at % count) {
            let weight = i64::from(servers.get(at)?.weight);
            let Some(credit) = self.credit.get_mut(at % Self::PLACES) else { continue };
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
        if let Some(credit) = self.credit.get_mut(at % Self::PLACES) {
            *credit = credit.saturating_sub(total);
        }
        Some(at)
    }
}
