//! A monotonic clock that all threads of this process share.

use core::time::Duration;

use failover::Instant;

/// Microseconds since the process started, of the system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// Makes a clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Clock { origin: std::time::Instant::now() }
    }

    #[must_use]
    pub fn now(self) -> Instant {
        Instant::default().plus(self.origin.elapsed())
    }

    /// When a time of this clock is, for timers.
    #[must_use]
    pub fn at(self, time: Instant) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.origin + Duration::from_micros(time.0))
    }
}
