//! How a machine finds that it did not run, and what it believes then.

use super::state::RoleState;
use super::{Action, Machine, Notice};
use crate::heartbeat::{Fitness, Role};
use crate::time::Instant;

impl Machine {
    /// A machine that did not run for the dead interval knows nothing of the peer, however
    /// new it looks when the queues are read. One that did not run for a shorter time
    /// cannot have heard it meanwhile.
    pub(super) fn notice_stall(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let stood_still = now.since(self.last_step);
        self.last_step = now;
        if stood_still > self.timers.late() {
            self.speaks_since = now;
        }
        if stood_still >= self.timers.dead {
            actions.push(Action::Report(Notice::Stalled));
            self.start_over(now, actions);
        } else if self.role() == Role::Active && now.since(self.renewed) >= self.timers.lease {
            self.lease_lost(now, actions);
        } else if stood_still > self.timers.late() {
            self.peer.excuse(stood_still);
            // Before the gap it was not over.
            if now < self.silence_counts_from.plus(stood_still) {
                self.silence_counts_from = self.silence_counts_from.plus(stood_still);
            }
        }
    }

    /// Heartbeats may come through the machine's own dataplane. While that does not run, or its
    /// links are not up yet, the peer's silence says nothing, and neither does it before the peer has
    /// found this machine again: one that claimed the role then would take it from an active machine,
    /// with all its connections.
    pub(super) fn notice_deafness(&mut self, fitness: Fitness, now: Instant) {
        if self.fitness.able && !fitness.able {
            self.unable_since = Some(now);
        }
        // What stood still for a moment has missed nothing that counts.
        let was_out = self.unable_since.is_none_or(|since| now.since(since) >= self.timers.dead);
        let begins = fitness.able && !self.fitness.able && was_out;
        let had_waited = self.deaf_since.is_some();
        self.deaf_since = match self.deaf_since {
            _ if !fitness.able || fitness.links => None,
            _ if begins => Some(now),
            since => since,
        };
        let hears_at_last = begins || (had_waited && fitness.able && fitness.links);
        if hears_at_last && self.role() != Role::Active {
            let from = now.plus(self.timers.listening());
            self.silence_counts_from = self.silence_counts_from.max(from);
        }
    }

    /// The peer is heard: from now on its silence means something.
    pub(super) fn hears(&mut self, now: Instant) {
        self.deaf_since = None;
        self.silence_counts_from = self.silence_counts_from.min(now.plus(self.patience()));
    }

    /// True while the links of a dataplane that was just started are down.
    pub(super) fn is_deaf(&self, now: Instant) -> bool {
        self.deaf_since.is_some_and(|since| now.since(since) < self.timers.negotiate)
    }

    pub(super) fn lease_lost(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.role() == Role::Active {
            actions.push(Action::Report(Notice::LeaseLost));
            self.start_over(now, actions);
        }
    }

    /// Listens for one dead interval before it claims anything, and for as long as a lease of
    /// the peer may run.
    fn start_over(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.peer.forget();
        self.preferred_since = None;
        self.wanted_since = None;
        self.difference = None;
        if self.role() == Role::Active {
            self.let_go(Action::Release, actions);
        }
        if self.state != RoleState::Left {
            self.state = RoleState::Listening;
            let from = now.plus(self.patience());
            self.silence_counts_from = self.silence_counts_from.max(from);
        }
    }
}
