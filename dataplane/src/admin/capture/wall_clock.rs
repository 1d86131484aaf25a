//! The time of day of readings of the time stamp counter.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::clock::Tsc;

/// Readings of both clocks that lie near each other are tried for so often.
const TRIES: usize = 5;

/// A moment by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    tsc: u64,
    nanoseconds: u64,
    hz: u64,
}

impl WallClock {
    /// Of now, for a counter that counts so fast. The thread may be stopped between the two
    /// readings, so the nearest of a few is taken.
    pub(super) fn now(hz: u64) -> Self {
        let read = || {
            let before = Tsc::now().0;
            let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let apart = Tsc::now().0.wrapping_sub(before);
            let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            (apart, WallClock { tsc: before.wrapping_add(apart / 2), nanoseconds, hz: hz.max(1) })
        };
        let mut best = read();
        for _ in 1..TRIES {
            let other = read();
            if other.0 < best.0 {
                best = other;
            }
        }
        best.1
    }

    /// Nanoseconds since 1970 of a reading.
    pub(super) fn nanoseconds(&self, reading: u64) -> u64 {
        let away = |from: u64, to: u64| {
            let nanoseconds = u128::from(to - from) * 1_000_000_000 / u128::from(self.hz);
            u64::try_from(nanoseconds).unwrap_or(u64::MAX)
        };
        match reading >= self.tsc {
            true => self.nanoseconds.saturating_add(away(self.tsc, reading)),
            false => self.nanoseconds.saturating_sub(away(reading, self.tsc)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_before_and_after_have_their_times() {
        let clock = WallClock { tsc: 5000, nanoseconds: 1_000_000_000, hz: 2_000_000_000 };
        assert_eq!(clock.nanoseconds(5000), 1_000_000_000);
        assert_eq!(clock.nanoseconds(7000), 1_000_001_000);
        assert_eq!(clock.nanoseconds(3000), 999_999_000);
        assert_eq!(clock.nanoseconds(u64::MAX), 1_000_000_000 + (u64::MAX - 5000) / 2);
    }
}
