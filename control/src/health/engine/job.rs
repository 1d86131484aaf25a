//! One check of one address, whichever servers it is for.

use core::time::Duration;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use config::Start;

use super::machine::{Machine, Rhythm};
use super::phase::Origin;
use super::plan::{Ask, Target};
use crate::health::outcome::{Outcome, Verdict};
use crate::health::report::{CheckReport, Last, Operational};
use crate::health::words::Words;

/// A check that is running, and what came of it.
#[derive(Debug)]
pub struct Job {
    pub target: Arc<Target>,
    machine: Machine,
    /// Its place among the others, see [`super::phase`].
    pub place: usize,
    /// When it is begun next; None while an earlier one has to end first.
    pub due: Option<Instant>,
    last_began: Option<Instant>,
    in_flight: u16,
    last: Option<Last>,
    /// What an agent, a file or a command has asked for.
    pub words: Words,
    failures: u64,
    late: u64,
    /// The servers that it is for, by their number.
    pub servers: Vec<usize>,
}

/// A probe that begins later than this is late.
pub const LATE: Duration = Duration::from_millis(20);

impl Job {
    #[must_use]
    pub fn new(target: Target, place: usize, now: Instant) -> Self {
        let start = match &target.ask {
            Ask::Check(check) => check.start,
            Ask::Agent(_) => Start::Up,
        };
        Job {
            target: Arc::new(target),
            machine: Machine::new(start, now),
            place,
            due: None,
            last_began: None,
            in_flight: 0,
            last: None,
            words: Words::default(),
            failures: 0,
            late: 0,
            servers: Vec::new(),
        }
    }

    /// Begins as down or up, if no check has ended yet.
    pub fn take_for(&mut self, start: Start, now: Instant) {
        if self.last.is_none() && matches!(self.target.ask, Ask::Check(_)) {
            self.machine = Machine::new(start, now);
        }
    }

    /// True when nothing says that it is down.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.machine.is_up()
    }

    /// A probe begins, whose time was `due`.
    pub fn begin(&mut self, origin: &Origin, due: Instant, now: Instant) {
        if now.saturating_duration_since(due) > LATE {
            self.late += 1;
        }
        self.last_began = Some(now);
        self.in_flight += 1;
        let next = self.on_phase(origin, self.target.interval(), now);
        // While it is up, an answer that is late by `fast` has the next probe begin.
        self.due = Some(match &self.target.ask {
            Ask::Check(check) if self.machine.is_up() && self.target.may_overlap() => {
                next.min(now + check.fast)
            }
            _ => next,
        });
    }

    /// True when a probe may begin now; else the end of an earlier one sets the next time.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        let most = match &self.target.ask {
            Ask::Check(check) if self.machine.is_up() && self.target.may_overlap() => check.fall,
            _ => 1,
        };
        self.in_flight < most
    }

    /// A probe has ended. True when the server came up or went down by it. A void one only ends.
    pub fn end(&mut self, outcome: Outcome, is_void: bool, now: Instant) -> bool {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Outcome { verdict, code, mut text, duration, words, .. } = outcome;
        if is_void {
            text = format!("{text} (not counted)");
        } else if verdict != Verdict::Passed {
            self.failures += 1;
        }
        self.last = Some(Last { code, text, duration, at: SystemTime::now() });
        match &self.target.ask {
            Ask::Check(check) => {
                if let Some(words) = words {
                    self.words = words;
                }
                !is_void && self.machine.observe(check, verdict == Verdict::Passed, now)
            }
            Ask::Agent(_) => self.hear(words, now),
        }
    }

    /// An agent's words are not counted: each is carried out at once. Silence says nothing.
    fn hear(&mut self, words: Option<Words>, now: Instant) -> bool {
        let was_up = self.words.health.unwrap_or(true);
        self.words.update(words.unwrap_or_default());
        let is_up = self.words.health.unwrap_or(true);
        if is_up != was_up {
            let start = if is_up { Start::Up } else { Start::Down };
            self.machine = Machine::new(start, now);
        }
        is_up != was_up
    }

    /// Sets when the next one begins, after one has ended.
    pub fn schedule(&mut self, origin: &Origin, now: Instant) {
        let rhythm = match &self.target.ask {
            Ask::Check(check) => self.machine.rhythm(check),
            Ask::Agent(agent) => Rhythm::Steady(agent.interval),
        };
        self.due = Some(match rhythm {
            Rhythm::Steady(interval) => self.on_phase(origin, interval, now),
            Rhythm::Fast(fast) => {
                let after = self.last_began.map_or(now, |began| began + fast);
                after.max(now).min(self.on_phase(origin, self.target.interval(), now))
            }
        });
    }

    /// As soon as possible, unless one has begun within `pause`.
    pub fn hurry(&mut self, pause: Duration, now: Instant) {
        let earliest = self.last_began.map_or(now, |began| began + pause).max(now);
        self.due = Some(self.due.map_or(earliest, |due| due.min(earliest)));
    }

    fn on_phase(&self, origin: &Origin, interval: Duration, now: Instant) -> Instant {
        origin.next(super::phase::fraction(self.place), interval, now)
    }

    #[must_use]
    pub fn report(&self, now: Instant) -> CheckReport {
        CheckReport {
            kind: self.target.kind(),
            operational: self.operational(now),
            since: self.machine.since(),
            last: self.last.clone(),
            failures: self.failures,
            late: self.late,
        }
    }

    #[must_use]
    pub fn operational(&self, now: Instant) -> Operational {
        match &self.target.ask {
            Ask::Check(check) => self.machine.operational(check, now),
            Ask::Agent(_) if self.machine.is_up() => Operational::Unchecked,
            Ask::Agent(_) => Operational::Down,
        }
    }
}
