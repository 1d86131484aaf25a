//! A detector of stalls: whether the process stood still a moment ago.
//!
//! A process that was stopped for seconds finds, when it goes on, packets of that time in
//! its queues and perhaps a claim in its socket that was meant for then. So the main core
//! calls [`StallDetector::observe`] in every round. When a call is late, claims are not granted
//! until the workers have had the time to drop what has waited. tandem-control claims again if
//! it still wants the role.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use crate::clock::{Rate, Tsc};

/// A round of the main core takes a millisecond; one that takes so long was kept from it.
const STALL: Duration = Duration::from_millis(50);
/// A round that takes so long is no hiccup, and the role should go to the other machine. The same
/// limit holds for workers.
const DEAD: Duration = Duration::from_millis(100);
/// What workers are given to empty the queues: some hundreds of polls.
const SETTLE: Duration = Duration::from_millis(20);

/// When the main core was last seen running.
#[derive(Debug)]
pub struct StallDetector {
    rate: Rate,
    last: AtomicU64,
    settled: AtomicU64,
}

impl StallDetector {
    /// A detector before the first round.
    pub fn new(rate: Rate) -> Self {
        StallDetector { rate, last: AtomicU64::new(0), settled: AtomicU64::new(u64::MAX) }
    }

    /// Notes a round of the main core. Returns false if the process stood still before, or has
    /// only begun.
    pub fn observe(&self, now: Tsc) -> bool {
        let steady = self.is_fresh(now);
        if !steady {
            self.settled.store(self.rate.after(now, SETTLE).0, Relaxed);
        }
        self.last.store(now.0, Relaxed);
        steady
    }

    /// The last round is not long ago.
    pub fn is_fresh(&self, now: Tsc) -> bool {
        now < self.rate.after(Tsc(self.last.load(Relaxed)), STALL)
    }

    /// The main core runs, but for pauses that a machine may have.
    pub fn is_alive(&self, now: Tsc) -> bool {
        now < self.rate.after(Tsc(self.last.load(Relaxed)), DEAD)
    }

    /// The process has run for a while without standing still.
    pub fn is_steady(&self, now: Tsc) -> bool {
        self.is_fresh(now) && now >= Tsc(self.settled.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Tsc {
        Tsc(1_000_000 + millis * 1000)
    }

    #[test]
    fn a_process_that_has_only_begun_settles_first() {
        let stalls = StallDetector::new(Rate::new(1_000_000));
        assert!(!stalls.is_steady(at(0)));
        assert!(!stalls.observe(at(0)));
        assert!(stalls.observe(at(19)));
        assert!(!stalls.is_steady(at(19)));
        assert!(stalls.is_steady(at(20)));
    }

    #[test]
    fn after_a_stop_nothing_is_steady_whoever_runs_first() {
        let stalls = StallDetector::new(Rate::new(1_000_000));
        stalls.observe(at(0));
        stalls.observe(at(30));
        assert!(stalls.is_steady(at(79)));
        // Stopped for five seconds; the thread of the socket is the first to run.
        assert!(!stalls.is_steady(at(5000)));
        // Then the main core.
        assert!(!stalls.observe(at(5001)));
        assert!(!stalls.is_steady(at(5002)));
        assert!(stalls.is_steady(at(5021)));
    }
}
