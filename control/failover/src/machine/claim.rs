//! How a machine without the role gets it.

use super::state::RoleState;
use super::{Action, Machine, Notice};
use crate::heartbeat::{Heartbeat, Role, Term, Wish};
use crate::time::Instant;

impl Machine {
    pub(super) fn stand_by(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.watch_wishes(now, actions);
        let term = self.term.next();
        match self.reason_to_claim(now) {
            Some(why) if self.stored >= term => self.claim(term, why, actions),
            Some(why) => {
                self.state = RoleState::Claiming { term, since: now, why };
                self.store(term, actions);
            }
            // In advance, so that no disk stands between the death of the peer and the
            // takeover. Refused, it is tried again when it is needed.
            None if self.asked < term => self.store(term, actions),
            None => {}
        }
    }

    fn store(&mut self, term: Term, actions: &mut Vec<Action>) {
        self.asked = term;
        actions.push(Action::StoreTerm(term));
    }

    /// Why this machine ought to be active now, if it ought to.
    fn reason_to_claim(&self, now: Instant) -> Option<Notice> {
        if !self.fitness.able {
            return None;
        }
        if self.incompatible(now).is_some() {
            return self.may_lead_incompatible(now).then_some(Notice::NobodyActive);
        }
        let Some(peer) = self.peer(now) else {
            let is_cut_off = self.fitness.witness == Some(false);
            let has_listened = now >= self.silence_counts_from && !self.is_deaf(now);
            return (has_listened && !is_cut_off).then_some(Notice::PeerDead);
        };
        if peer.role == Role::Leaving {
            return Some(Notice::PeerLeft);
        }
        if !self.peer.is_fresh(now, self.timers.late()) {
            // It may have claimed since; its next heartbeat says so.
            return None;
        }
        if peer.role == Role::Active {
            let takes_it = peer.wish == Wish::TakeOver && self.fitness().is_ready();
            return takes_it.then_some(Notice::PeerYielded);
        }
        self.may_lead(peer, now).then_some(Notice::NobodyActive)
    }

    /// True if of two machines without the role this is the one to take it.
    fn may_lead(&self, peer: &Heartbeat, now: Instant) -> bool {
        let (own, theirs) = (self.fitness(), peer.fitness);
        // A peer that does not hear this machine is to be believed when it could have.
        let had_its_time = now.since(self.speaks_since) >= self.timers.dead;
        if !theirs.able || (had_its_time && peer.is_cut_off()) {
            return true;
        }
        if theirs.synced && !own.synced {
            // It has the connections; it will claim, or say that it can't.
            return false;
        }
        if peer.role == Role::Listening {
            return true;
        }
        let order = own.rank().cmp(&theirs.rank()).then(own.compare_reach(theirs));
        order.then_with(|| self.identity.cmp(&peer.identity)).is_gt()
    }

    /// A disk that hangs must not keep the service down.
    pub(super) fn wait_for_term(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let RoleState::Claiming { term, since, .. } = self.state else { return };
        if self.reason_to_claim(now).is_none() || self.term >= term {
            self.state = RoleState::Standby;
        } else if now.since(since) >= self.timers.dead {
            self.term_not_stored(term, now, actions);
        }
    }

    pub(super) fn term_stored(&mut self, term: Term, now: Instant, actions: &mut Vec<Action>) {
        self.stored = self.stored.max(term);
        self.term_is_settled(term, now, actions);
    }

    /// The term is kept so that a machine that crashed does not use it again. Should that
    /// happen, priority and name still tell which of two gives way. So no disk is worth
    /// a service that nobody gives.
    pub(super) fn term_not_stored(&mut self, term: Term, now: Instant, actions: &mut Vec<Action>) {
        if self.term_is_settled(term, now, actions) {
            actions.push(Action::Report(Notice::TermNotStored));
        }
    }

    /// The disk took its time: the claim goes on if it is still right and the term is
    /// still new.
    fn term_is_settled(&mut self, settled: Term, now: Instant, actions: &mut Vec<Action>) -> bool {
        let RoleState::Claiming { term, why, .. } = self.state else { return false };
        let goes_on = term == settled && self.term < term && self.reason_to_claim(now).is_some();
        if goes_on {
            self.claim(term, why, actions);
        }
        goes_on
    }

    fn claim(&mut self, term: Term, why: Notice, actions: &mut Vec<Action>) {
        self.state = RoleState::Active;
        self.term = term;
        self.preferred_since = None;
        self.wanted_since = None;
        // The heartbeat of this step renews the lease that begins here.
        self.renewed = self.last_step;
        actions.push(Action::Claim(term));
        actions.push(Action::Report(why));
    }
}
