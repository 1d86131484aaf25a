//! How much of its time a worker gives to a trace: so many steps of filters a second, and no more,
//! whatever the filter is and however many packets come.
//!
//! Steps are counted and not measured in time, so that a worker that was interrupted is not taken
//! for one that has spent much.

use nat::Instant;

/// Steps a millisecond: one takes about a nanosecond, so this is a twentieth of a worker's time.
const RATE: u32 = 50_000;
/// What may be spent at once, after a time in which nothing was.
const ROOM: u32 = 20 * RATE;
/// What it takes to observe a packet, in steps: about half a microsecond.
pub const OBSERVED: u32 = 500;

/// Steps that may still be spent.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    left: u32,
    at: Option<Instant>,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { left: ROOM, at: None }
    }
}

impl Budget {
    /// Adds what has come since the last time.
    pub fn follow(&mut self, now: Instant) {
        let passed = self.at.map_or(0, |at| now.since(at));
        if passed > 0 || self.at.is_none() {
            self.at = Some(now);
        }
        let more = u32::try_from(passed).unwrap_or(u32::MAX).saturating_mul(RATE);
        self.left = self.left.saturating_add(more).min(ROOM);
    }

    pub fn spend(&mut self, steps: u32) {
        self.left = self.left.saturating_sub(steps);
    }

    pub fn is_spent(self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_program_takes_more_than_the_rate() {
        let mut budget = Budget::default();
        let mut spent = 0u64;
        for millis in 0..1000 {
            budget.follow(Instant::from_millis(millis));
            // As many packets as there are, with the longest program.
            while !budget.is_spent() {
                budget.spend(4096);
                spent += 4096;
            }
        }
        let most = u64::from(ROOM) + 1000 * u64::from(RATE + 4096);
        assert!((most / 2..=most).contains(&spent), "{spent} of {most}");
    }

    #[test]
    fn what_is_not_spent_is_kept_up_to_its_room() {
        let mut budget = Budget::default();
        budget.follow(Instant::from_millis(0));
        budget.spend(u32::MAX);
        assert!(budget.is_spent());
        budget.follow(Instant::from_millis(0));
        assert!(budget.is_spent(), "no time has passed");
        budget.follow(Instant::from_millis(u64::MAX / 2));
        assert_eq!(budget.left, ROOM);
    }
}
