//! The state of one check: failures and successes in a row, and what follows from them.
//!
//! ```text
//!            fall failures                   fall failures
//!   Waiting ---------------.              .-------------- Up <--- start = "up"
//!      |    first failure   \            /                 ^
//!      |                     v          v                  |
//!      |                      `- Down <'  --- rise successes, and well for the hold
//!      |                           ^
//!      `- first success -> Up      `--- start = "down"
//! ```

use core::time::Duration;
use std::time::Instant;

use config::{Check, Start};

use super::hold::Hold;
use crate::health::report::Operational;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Waiting,
    Up {
        failed: u16,
    },
    Down {
        passed: u16,
        /// Since the first of them.
        well_since: Option<Instant>,
    },
}

/// When the next check is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rhythm {
    /// At the next of the times that are so far apart.
    Steady(Duration),
    /// So long after the beginning of the last one.
    Fast(Duration),
}

/// A check's state machine.
#[derive(Clone, Debug)]
pub struct Machine {
    state: State,
    since: Instant,
    hold: Hold,
}

impl Machine {
    /// Begins now.
    #[must_use]
    pub fn new(start: Start, now: Instant) -> Self {
        let state = match start {
            Start::Up => State::Up { failed: 0 },
            Start::Down => State::Down { passed: 0, well_since: None },
            Start::Checked => State::Waiting,
        };
        Machine { state, since: now, hold: Hold::default() }
    }

    /// When it came up or went down last.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }

    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// A check has ended. True when it came up or went down by it.
    pub fn observe(&mut self, check: &Check, has_passed: bool, now: Instant) -> bool {
        let next = match (self.state, has_passed) {
            (State::Waiting, true) => State::Up { failed: 0 },
            (State::Waiting, false) => State::Down { passed: 0, well_since: None },
            (State::Up { .. }, true) => State::Up { failed: 0 },
            (State::Up { failed }, false) => self.failure(check, failed + 1, now),
            (State::Down { passed, well_since }, true) => {
                self.success(check, passed.saturating_add(1), well_since.unwrap_or(now), now)
            }
            (State::Down { .. }, false) => State::Down { passed: 0, well_since: None },
        };
        let changed = core::mem::discriminant(&next) != core::mem::discriminant(&self.state);
        self.state = next;
        if changed {
            self.since = now;
        }
        changed
    }

    fn failure(&mut self, check: &Check, failed: u16, now: Instant) -> State {
        if failed < check.fall {
            return State::Up { failed };
        }
        self.hold.goes_down(now.saturating_duration_since(self.since), check.hold_max);
        State::Down { passed: 0, well_since: None }
    }

    fn success(&self, check: &Check, passed: u16, well_since: Instant, now: Instant) -> State {
        let well_for = now.saturating_duration_since(well_since);
        if passed >= check.rise && well_for >= self.hold.length(check.hold_max) {
            return State::Up { failed: 0 };
        }
        State::Down { passed, well_since: Some(well_since) }
    }

    /// When the next check is due.
    #[must_use]
    pub fn rhythm(&self, check: &Check) -> Rhythm {
        match self.state {
            State::Up { failed: 0 } => Rhythm::Steady(check.interval),
            State::Up { .. } => Rhythm::Fast(check.fast),
            State::Waiting => Rhythm::Steady(check.interval),
            State::Down { passed, .. } if passed > 0 && passed < check.rise => {
                Rhythm::Fast(check.fast.min(check.down))
            }
            State::Down { .. } => Rhythm::Steady(check.down),
        }
    }

    /// What it is now.
    #[must_use]
    pub fn operational(&self, check: &Check, now: Instant) -> Operational {
        match self.state {
            State::Waiting => Operational::Waiting,
            State::Up { failed: 0 } => Operational::Up,
            State::Up { failed } => Operational::GoingDown { failed, of: check.fall },
            State::Down { passed: 0, .. } => Operational::Down,
            State::Down { passed, .. } if passed < check.rise => {
                Operational::GoingUp { passed, of: check.rise }
            }
            State::Down { well_since, .. } => {
                let well_for = now.saturating_duration_since(well_since.unwrap_or(now));
                let held = self.hold.length(check.hold_max).saturating_sub(well_for);
                Operational::Flapping { held }
            }
        }
    }
}

#[cfg(test)]
mod tests;
