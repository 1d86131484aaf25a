//! A simulated dataplane, as far as the role is concerned.

use std::time::Duration;

use failover::{Action, Instant, Term};

use crate::setting::{Flaw, Setting};

/// A dataplane holds the role on two sides, and each could be held without the other. The rules
/// check that this never happens.
pub(crate) struct SimulatedDataplane {
    setting: Setting,
    lasts: Duration,
    /// Down until then, in the world's time.
    pub(crate) down_until: u64,
    /// The number of this start of the dataplane.
    pub(crate) life: u64,
    /// Until when it holds the role on the public and the private side, on its own clock.
    lease: [Option<Instant>; 2],
    pub(crate) term: Term,
    /// It has every connection of this term.
    pub(crate) complete: Option<Term>,
}

impl SimulatedDataplane {
    pub(crate) fn new(node: usize, setting: Setting) -> Self {
        let lease = setting.timers_of(node).lease;
        let is_longer = setting.flaw == Flaw::LongLease;
        SimulatedDataplane {
            setting,
            lasts: if is_longer { lease * 5 / 3 } else { lease },
            down_until: 0,
            life: 0,
            lease: [None, None],
            term: Term(0),
            complete: None,
        }
    }

    pub(crate) fn crash(&mut self, until: u64) {
        let (down_until, life) = (self.down_until.max(until), self.life + 1);
        (self.down_until, self.life) = (down_until, life);
        (self.lease, self.term, self.complete) = ([None, None], Term(0), None);
    }

    /// The sides that it answers and forwards on.
    pub(crate) fn sides(&self, local: Instant) -> [bool; 2] {
        self.lease.map(|lease| {
            lease.is_some_and(|until| local < until || self.setting.flaw == Flaw::IgnoresLease)
        })
    }

    pub(crate) fn holds(&self, local: Instant) -> bool {
        self.sides(local) != [false, false]
    }

    pub(crate) fn lose_link(&mut self, side: usize) {
        if self.setting.flaw == Flaw::SplitsSides {
            self.lease[side] = None;
        }
    }

    /// What it does of an action that was decided on at this time.
    pub(crate) fn obey(&mut self, action: &Action, local: Instant) {
        let until = local.plus(self.lasts);
        match action {
            Action::Claim(term) => {
                self.term = *term;
                self.complete = Some(*term);
                self.lease = [Some(until); 2];
            }
            // One that has run out is not revived.
            Action::Renew(term) if self.holds(local) && self.term == *term => {
                self.lease = self.lease.map(|lease| lease.and(Some(until)));
            }
            Action::Release | Action::Retire if self.setting.flaw != Flaw::IgnoresRelease => {
                self.lease = [None, None];
            }
            _ => {}
        }
    }
}
