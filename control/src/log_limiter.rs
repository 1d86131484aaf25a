//! A limit for log lines that others can cause, so that they do not become a flood.

use core::time::Duration;

use failover::Instant;

/// The least time between two lines.
const PAUSE: Duration = Duration::from_secs(10);

/// Allows a log line at most once in ten seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogLimiter {
    last: Option<Instant>,
}

impl LogLimiter {
    /// True the first time, and then at most once in ten seconds.
    pub fn may_log(&mut self, now: Instant) -> bool {
        let is_due = self.last.is_none_or(|last| now.since(last) >= PAUSE);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_ten_seconds() {
        let mut limiter = LogLimiter::default();
        let spoken = (0..100).filter(|&tenth| limiter.may_log(Instant(tenth * 250_000))).count();
        assert_eq!(spoken, 3);
    }
}
