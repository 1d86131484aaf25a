//! A token bucket: so many a second, and so many at once.

use failover::Instant;

/// Tokens in millionths, so that a microsecond at any whole rate is a whole number.
const ONE: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    per_second: u64,
    most: u64,
    level: u64,
    filled: Instant,
}

impl Bucket {
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let most = u64::from(burst) * ONE;
        Bucket { per_second: per_second.into(), most, level: most, filled: Instant::default() }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let passed = now.0.saturating_sub(self.filled.0);
        self.filled = self.filled.max(now);
        self.level =
            self.level.saturating_add(passed.saturating_mul(self.per_second)).min(self.most);
        let taken = self.level >= ONE;
        if taken {
            self.level -= ONE;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_the_burst_then_the_rate() {
        let mut bucket = Bucket::new(10, 3);
        let mut given = |from: u64, to: u64| {
            (from..to).filter(|&millis| bucket.take(Instant(millis * 1000))).count()
        };
        assert_eq!(given(0, 1), 1);
        assert_eq!(given(1, 50), 2);
        assert_eq!(given(50, 1001), 10);
        assert_eq!(given(1_000_000, 1_000_050), 3, "no more than the burst after a pause");
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket::new(1000, 1);
        assert!(bucket.take(Instant(5_000_000)));
        assert!(!bucket.take(Instant(0)));
        assert!(!bucket.take(Instant(5_000_000)));
    }
}
