//! How a machine without the role gets it.

use super::{Action, Machine, Notice, State};
use crate::heartbeat::{Heartbeat, Role, Term, Wish};
use crate::time::Instant;

impl Machine {
    pub(super) fn listen(&mut self, until: Instant, now: Instant) {
        let peer = self.peer.alive(now, self.timers.dead);
        if now >= until || peer.is_some_and(|peer| peer.role == Role::Active) {
            self.state = State::Standby;
        }
    }

    pub(super) fn stand_by(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.watch_preference(now);
        if let Some(why) = self.reason_to_claim(now) {
            let term = self.term.next();
            self.state = State::Claiming { term, since: now, why };
            actions.push(Action::StoreTerm(term));
        }
    }

    /// Why this machine ought to be active now, if it ought to.
    fn reason_to_claim(&self, now: Instant) -> Option<Notice> {
        if !self.fitness.able {
            return None;
        }
        let Some(peer) = self.peer.alive(now, self.timers.dead) else {
            return Some(Notice::PeerDead);
        };
        let ready = self.fitness.is_ready();
        match (peer.role, peer.wish) {
            (Role::Active, Wish::TakeOver) if ready => Some(Notice::PeerYielded),
            (Role::Active, _) => None,
            (Role::Listening | Role::Standby, _) => {
                self.may_lead(peer).then_some(Notice::NobodyActive)
            }
        }
    }

    /// True if of two machines without the role this is the one to take it.
    fn may_lead(&self, peer: &Heartbeat) -> bool {
        let theirs = peer.fitness;
        if theirs.able && theirs.synced && !self.fitness.synced {
            // It has the connections; it will claim, or say that it can't.
            return false;
        }
        if peer.role == Role::Listening {
            return true;
        }
        let own = (self.fitness.rank(), &self.identity);
        own > (theirs.rank(), &peer.identity)
    }

    /// Keeps count of how long this machine has been the better one.
    fn watch_preference(&mut self, now: Instant) {
        let preferred = self.timers.preempt.is_some()
            && self.fitness.is_ready()
            && self.peer.alive(now, self.timers.dead).is_some_and(|peer| {
                peer.role == Role::Active && self.identity.priority > peer.identity.priority
            });
        self.preferred_since = match self.preferred_since {
            Some(since) if preferred => Some(since),
            _ => preferred.then_some(now),
        };
    }

    /// A disk that hangs must not keep the service down.
    pub(super) fn wait_for_term(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let State::Claiming { term, since, .. } = self.state else { return };
        if self.reason_to_claim(now).is_none() || self.term >= term {
            self.state = State::Standby;
        } else if now.since(since) >= self.timers.dead {
            self.term_not_stored(term, now, actions);
        }
    }

    pub(super) fn term_stored(&mut self, term: Term, now: Instant, actions: &mut Vec<Action>) {
        match self.state {
            State::Claiming { term: awaited, why, .. } if term == awaited => {
                self.claim(term, why, now, actions);
            }
            // What came of an earlier claim.
            _ => {}
        }
    }

    /// The term is kept so that a machine that crashed does not use it again. Should that
    /// happen, priority and name still tell which of two gives way. So no disk is worth
    /// a service that nobody gives.
    pub(super) fn term_not_stored(&mut self, term: Term, now: Instant, actions: &mut Vec<Action>) {
        match self.state {
            State::Claiming { term: awaited, why, .. } if term == awaited => {
                actions.push(Action::Report(Notice::TermNotStored));
                self.claim(term, why, now, actions);
            }
            _ => {}
        }
    }

    fn claim(&mut self, term: Term, why: Notice, now: Instant, actions: &mut Vec<Action>) {
        // The disk took its time: is it still right, and the term still new?
        if self.reason_to_claim(now).is_none() || self.term >= term {
            self.state = State::Standby;
            return;
        }
        self.state = State::Active;
        self.term = term;
        self.preferred_since = None;
        actions.push(Action::Claim(term));
        actions.push(Action::Report(why));
    }
}
