//! Whether the process stood still a moment ago.
//!
//! A process that was stopped for seconds finds, when it goes on, packets of that time in
//! its queues and perhaps a claim in its socket that was meant for then. So the main core
//! beats at every round; when a beat is late, claims are not granted until the workers
//! have had the time to drop what has waited. Control claims again if it still means it.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use crate::clock::{Rate, Tsc};

/// A round of the main core takes a millisecond; one that takes so long was kept from it.
const STALL: Duration = Duration::from_millis(50);
/// One that takes so long is no hiccup: the role had better go to another machine. As for a
/// worker.
const DEAD: Duration = Duration::from_millis(100);
/// What workers are given to empty the queues: some hundreds of polls.
const SETTLE: Duration = Duration::from_millis(20);

/// The beats of the main core.
#[derive(Debug)]
pub struct Pulse {
    rate: Rate,
    last: AtomicU64,
    settled: AtomicU64,
}

impl Pulse {
    /// Before the first beat.
    pub fn new(rate: Rate) -> Self {
        Pulse { rate, last: AtomicU64::new(0), settled: AtomicU64::new(u64::MAX) }
    }

    /// Beats. False if the process stood still before, or has only begun.
    pub fn beat(&self, now: Tsc) -> bool {
        let steady = self.is_fresh(now);
        if !steady {
            self.settled.store(self.rate.after(now, SETTLE).0, Relaxed);
        }
        self.last.store(now.0, Relaxed);
        steady
    }

    /// The last beat is not long ago.
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
        let pulse = Pulse::new(Rate::new(1_000_000));
        assert!(!pulse.is_steady(at(0)));
        assert!(!pulse.beat(at(0)));
        assert!(pulse.beat(at(19)));
        assert!(!pulse.is_steady(at(19)));
        assert!(pulse.is_steady(at(20)));
    }

    #[test]
    fn after_a_stop_nothing_is_steady_whoever_runs_first() {
        let pulse = Pulse::new(Rate::new(1_000_000));
        pulse.beat(at(0));
        pulse.beat(at(30));
        assert!(pulse.is_steady(at(79)));
        // Stopped for five seconds; the thread of the socket is the first to run.
        assert!(!pulse.is_steady(at(5000)));
        // Then the main core.
        assert!(!pulse.beat(at(5001)));
        assert!(!pulse.is_steady(at(5002)));
        assert!(pulse.is_steady(at(5021)));
    }
}
