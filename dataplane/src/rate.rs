//! A token bucket: how often something may happen.

use nat::Instant;

/// Lets through `rate` a second on average, and bursts of a tenth of that.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    rate: u32,
    /// Thousandths of tokens, so that whole milliseconds fill it exactly.
    tokens: u64,
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket for `rate` a second.
    pub fn new(rate: u32, now: Instant) -> Self {
        TokenBucket { rate, tokens: Self::depth(rate), filled: now }
    }

    fn depth(rate: u32) -> u64 {
        u64::from(rate).max(10) * 100
    }

    /// True if a token is there to take.
    pub fn has_token(&mut self, now: Instant) -> bool {
        let fresh = now.since(self.filled).saturating_mul(u64::from(self.rate));
        self.tokens = self.tokens.saturating_add(fresh).min(Self::depth(self.rate));
        self.filled = now;
        self.tokens >= 1000
    }

    /// Takes a token, if one is there.
    pub fn take(&mut self, now: Instant) -> bool {
        let granted = self.has_token(now);
        if granted {
            self.tokens -= 1000;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_a_tenth_and_the_rate_holds() {
        let mut bucket = TokenBucket::new(1000, Instant::from_millis(0));
        let at_once = (0..5000).filter(|_| bucket.take(Instant::from_millis(0))).count();
        assert_eq!(at_once, 100);
        let in_a_second = (1..=1000u64)
            .flat_map(|millis| core::iter::repeat_n(millis, 10))
            .filter(|&millis| bucket.take(Instant::from_millis(millis)))
            .count();
        assert_eq!(in_a_second, 1000);
    }
}
