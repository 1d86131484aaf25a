//! Damping: a server that keeps changing is held down for longer each time.

use core::time::Duration;

/// What the first hold is; each further one is twice the one before.
const FIRST: Duration = Duration::from_secs(10);
/// The least time up that makes up for one time down.
const QUIET: Duration = Duration::from_secs(60);

/// How long a server has to be well before it is believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hold {
    /// How often it went down and was not forgiven.
    level: u32,
}

impl Hold {
    /// The server goes down after so long up.
    pub fn goes_down(&mut self, was_up: Duration, most: Duration) {
        let mut left = was_up;
        while self.level > 0 {
            let price = QUIET.max(self.length(most) * 2);
            let Some(rest) = left.checked_sub(price) else { break };
            left = rest;
            self.level -= 1;
        }
        self.level = (self.level + 1).min(32);
    }

    /// How long it has to be well in a row: nothing after the first time down.
    pub fn length(self, most: Duration) -> Duration {
        match self.level {
            0 | 1 => Duration::ZERO,
            level => {
                FIRST.saturating_mul(1_u32.checked_shl(level - 2).unwrap_or(u32::MAX)).min(most)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(300);

    #[test]
    fn holds_double_up_to_the_most() {
        let mut hold = Hold::default();
        let lengths: Vec<u64> = (0..8)
            .map(|_| {
                hold.goes_down(Duration::ZERO, MOST);
                hold.length(MOST).as_secs()
            })
            .collect();
        assert_eq!(lengths, [0, 10, 20, 40, 80, 160, 300, 300]);
        for _ in 0..100 {
            hold.goes_down(Duration::ZERO, MOST);
        }
        assert_eq!(hold.length(MOST), MOST);
        assert_eq!(hold.length(Duration::ZERO), Duration::ZERO, "turned off");
    }

    #[test]
    fn time_up_is_forgiven() {
        let mut hold = Hold::default();
        (0..4).for_each(|_| hold.goes_down(Duration::ZERO, MOST));
        assert_eq!(hold.length(MOST).as_secs(), 40);
        hold.goes_down(Duration::from_secs(79), MOST);
        assert_eq!(hold.length(MOST).as_secs(), 80, "not long enough");
        hold.goes_down(Duration::from_secs(160 + 80), MOST);
        assert_eq!(hold.length(MOST).as_secs(), 40, "two are forgiven, and one comes");
        hold.goes_down(Duration::from_secs(86_400), MOST);
        assert_eq!(hold.length(MOST), Duration::ZERO, "as the first time");
    }
}
