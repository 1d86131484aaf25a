//! A detector of stalls: whether the process stood still a moment ago.
//!
//! A process that was stopped for seconds finds, when it goes on, packets of that time in
//! its queues and perhaps a claim in its socket that was meant for then. So the main core
//! calls [`StallDetector::observe`] in every round. When a call is late, claims are not granted
//! until the workers have had the time to drop what has waited. tandem-control claims again if
//! it still wants the role.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use config::Config;

use crate::clock::{Rate, Tsc};

/// What workers are given to empty the queues: some hundreds of polls.
const SETTLE: Duration = Duration::from_millis(20);

/// How long the main core and workers may stand still.
///
/// The pair's lease says how long a machine may be silent before the other one takes the role:
/// where operators made it longer, because the machines are slow or share their processors, a
/// pause that is short beside it is no fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StallLimits {
    /// A round of the main core takes a millisecond; one that takes so long was kept from it.
    pub stall: Duration,
    /// A round, or a pause between polls, that takes so long is no hiccup, and the role should
    /// go to the other machine.
    pub dead: Duration,
    /// A pause between polls of which an operator is told: no scheduler keeps a thread waiting so
    /// long.
    pub hung: Duration,
}

impl StallLimits {
    /// Of the machine that this configures.
    pub fn of(config: &Config) -> Self {
        config.peer.as_ref().map_or_else(Self::default, |peer| Self::of_lease(peer.timing.lease))
    }

    /// Of a machine with this lease: what is right for the default one of 120 ms, or more.
    fn of_lease(lease: Duration) -> Self {
        let dead = Duration::from_millis(100).max(lease * 5 / 6);
        StallLimits {
            stall: Duration::from_millis(50).max(lease / 3),
            dead,
            hung: Duration::from_secs(1).max(dead),
        }
    }
}

impl Default for StallLimits {
    fn default() -> Self {
        StallLimits::of_lease(Duration::ZERO)
    }
}

/// When the main core was last seen running.
#[derive(Debug)]
pub struct StallDetector {
    rate: Rate,
    limits: StallLimits,
    last: AtomicU64,
    settled: AtomicU64,
}

impl StallDetector {
    /// A detector before the first round.
    pub fn new(rate: Rate, limits: StallLimits) -> Self {
        StallDetector { rate, limits, last: AtomicU64::new(0), settled: AtomicU64::new(u64::MAX) }
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
        now < self.rate.after(Tsc(self.last.load(Relaxed)), self.limits.stall)
    }

    /// The main core runs, but for pauses that a machine may have.
    pub fn is_alive(&self, now: Tsc) -> bool {
        now < self.rate.after(Tsc(self.last.load(Relaxed)), self.limits.dead)
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
        let stalls = StallDetector::new(Rate::new(1_000_000), StallLimits::default());
        assert!(!stalls.is_steady(at(0)));
        assert!(!stalls.observe(at(0)));
        assert!(stalls.observe(at(19)));
        assert!(!stalls.is_steady(at(19)));
        assert!(stalls.is_steady(at(20)));
    }

    #[test]
    fn after_a_stop_nothing_is_steady_whoever_runs_first() {
        let stalls = StallDetector::new(Rate::new(1_000_000), StallLimits::default());
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
    #[test]
    fn limits_are_those_of_the_default_lease_or_follow_a_longer_one() {
        let millis = |limits: StallLimits| {
            [limits.stall, limits.dead, limits.hung].map(|limit| limit.as_millis())
        };
        assert_eq!(millis(StallLimits::default()), [50, 100, 1000]);
        assert_eq!(millis(StallLimits::of_lease(Duration::from_millis(120))), [50, 100, 1000]);
        assert_eq!(millis(StallLimits::of_lease(Duration::from_secs(6))), [2000, 5000, 5000]);
        let slow =
            StallDetector::new(Rate::new(1_000_000), StallLimits::of_lease(Duration::from_secs(6)));
        slow.observe(at(0));
        assert!(slow.observe(at(1999)) && slow.is_alive(at(6900)));
        assert!(!slow.observe(at(4000)) && !slow.is_alive(at(9000)));
    }
}
