//! When checks begin: spread evenly over their interval, and the same after a reload.

use core::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Times that are so far apart are counted from here. It is a whole second since 1970, so that the
/// two machines of a pair count alike as far as their clocks agree.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    at: Instant,
    /// Of `at`, since 1970.
    since_epoch: Duration,
    /// This machine checks half an interval after the other.
    shifted: bool,
}

/// A place among the checks: the fractions of the golden ratio, in 2^32 parts. However many there
/// are, they are spread evenly, and one more moves none.
#[must_use]
pub fn fraction(number: usize) -> u32 {
    // A number of checks far below 2^32; what is cut off only repeats places.
    (number as u32).wrapping_mul(2_654_435_769)
}

impl Origin {
    /// Now, on a machine that is shifted against the other or not.
    #[must_use]
    pub fn new(shifted: bool, now: Instant) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Origin { at: now, since_epoch, shifted }
    }

    /// The first time after `now` at which a check of this place and interval begins.
    #[must_use]
    pub fn next(&self, fraction: u32, interval: Duration, now: Instant) -> Instant {
        let step = interval.as_nanos().max(1);
        let mut offset = (step * u128::from(fraction)) >> 32;
        if self.shifted {
            offset += step / 2;
        }
        let since_epoch = self.since_epoch + now.saturating_duration_since(self.at);
        let into = (since_epoch.as_nanos() + step - offset % step) % step;
        // Less than an interval, which is at most an hour.
        now + Duration::from_nanos(u64::try_from(step - into).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn five_hundred_checks_never_bunch() {
        let mut begins: Vec<u64> =
            (0..500).map(|number| (u64::from(fraction(number)) * 1_000_000) >> 32).collect();
        begins.sort_unstable();
        // The most in any tenth of a second, also over the end of the second.
        let around = begins.iter().chain(&begins).enumerate();
        let around: Vec<u64> =
            around.map(|(i, at)| at + if i < 500 { 0 } else { 1_000_000 }).collect();
        let most = (0..500)
            .map(|first| {
                around[first..].iter().take_while(|at| **at < around[first] + 100_000).count()
            })
            .max();
        assert!(most <= Some(55), "{most:?}, 50 on average");
    }

    #[test]
    fn two_machines_check_in_turn() {
        let now = Instant::now();
        let one = Origin::new(false, now);
        let other = Origin { shifted: true, ..one };
        for number in 0..100 {
            let first = one.next(fraction(number), SECOND, now);
            let second = other.next(fraction(number), SECOND, now);
            let apart = first.max(second) - first.min(second);
            assert_eq!(apart, SECOND / 2);
        }
    }

    #[test]
    fn the_next_time_is_later_and_an_interval_away_at_most() {
        let now = Instant::now();
        let origin = Origin::new(true, now);
        for step in 0..1000 {
            let at = now + SECOND / 100 * step;
            let next = origin.next(fraction(7), SECOND, at);
            assert!(next > at && next <= at + SECOND);
            assert_eq!(origin.next(fraction(7), SECOND, next), next + SECOND);
        }
    }
}
