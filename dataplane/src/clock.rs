//! The clock of the process: milliseconds since it started, from the time stamp counter.
//!
//! Connections and timers live by [`Instant`], in milliseconds. The lease, which is
//! looked at again just before packets leave, is kept in the counter's own cycles: a
//! comparison, and no division.

use core::time::Duration;

use nat::Instant;

/// A reading of the time stamp counter, or a deadline by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Tsc(pub u64);

impl Tsc {
    /// Before every reading.
    pub const PAST: Tsc = Tsc(0);
    /// After every reading.
    pub const NEVER: Tsc = Tsc(u64::MAX);

    #[inline(always)]
    pub fn now() -> Self {
        Tsc(dpdk::clock::tsc())
    }
}

/// How fast the counter counts.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    cycles_a_second: u64,
}

impl Rate {
    /// So many cycles a second; a thousand at the least.
    pub fn new(cycles_a_second: u64) -> Self {
        Rate { cycles_a_second: cycles_a_second.max(1000) }
    }

    /// This long after `from`; times too long to be told end at [`Tsc::NEVER`].
    #[must_use]
    pub fn after(self, from: Tsc, time: Duration) -> Tsc {
        let cycles = time.as_micros().saturating_mul(u128::from(self.cycles_a_second)) / 1_000_000;
        Tsc(from.0.saturating_add(u64::try_from(cycles).unwrap_or(u64::MAX)))
    }

    /// The time from `from` to `to` in whole microseconds; zero if `to` is earlier.
    pub fn between(self, from: Tsc, to: Tsc) -> Duration {
        let cycles = u128::from(to.0.saturating_sub(from.0));
        let micros = cycles * 1_000_000 / u128::from(self.cycles_a_second);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// Reads the time in a few cycles. Every copy tells the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Tsc,
    rate: Rate,
    cycles_a_millisecond: u64,
}

impl Clock {
    /// A clock that starts now. EAL must have been started: it measures the counter.
    pub fn start() -> Self {
        let hz = dpdk::clock::hz();
        Clock { start: Tsc::now(), rate: Rate::new(hz), cycles_a_millisecond: (hz / 1000).max(1) }
    }

    #[inline(always)]
    pub fn now(self) -> Instant {
        self.at(Tsc::now())
    }

    /// The time of a reading.
    #[inline(always)]
    pub fn at(self, reading: Tsc) -> Instant {
        let cycles = reading.0.wrapping_sub(self.start.0);
        Instant::from_millis(cycles / self.cycles_a_millisecond)
    }

    /// How fast the counter counts.
    pub fn rate(self) -> Rate {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_and_times_agree() {
        let rate = Rate::new(2_600_000_000);
        let later = rate.after(Tsc(7), Duration::from_millis(120));
        assert_eq!(later, Tsc(7 + 312_000_000));
        assert_eq!(rate.between(Tsc(7), later), Duration::from_millis(120));
        assert_eq!(rate.between(later, Tsc(7)), Duration::ZERO);
        assert_eq!(rate.after(Tsc(7), Duration::MAX), Tsc::NEVER);
    }
}
