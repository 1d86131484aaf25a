//! How a machine with the role keeps it, or gives way.

use super::state::{Offer, RoleState};
use super::{Action, Machine, Notice};
use crate::heartbeat::{Heartbeat, Role, Wish};
use crate::time::Instant;

impl Machine {
    /// If both are active the higher term goes on, then the higher priority, then the
    /// name. The winner announces at once, and again when the loser says that it has
    /// stopped: only then does nobody announce against it. A peer that comes back from
    /// silence may have been active meanwhile, and have given way before it was heard; or
    /// it says so itself, in heartbeats that came together with the newest (`was_active`).
    pub(super) fn settle(
        &mut self,
        peer: &Heartbeat,
        was_active: bool,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        if peer.role != Role::Active {
            if self.contested || was_active || self.peer(now).is_none() {
                actions.push(Action::Announce);
            }
            if was_active && !self.contested {
                actions.push(Action::Report(Notice::ConflictWon));
            }
            self.contested = false;
        } else if (self.term, &self.identity) < (peer.term, &peer.identity) {
            self.give_way(now, actions);
        } else if !self.contested {
            self.contested = true;
            actions.push(Action::Announce);
            actions.push(Action::Report(Notice::ConflictWon));
        }
    }

    pub(super) fn give_way(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.wish(now) == Wish::TakeOver {
            self.let_go(Action::Retire, actions);
            actions.push(Action::Report(Notice::HandedOver));
        } else {
            self.let_go(Action::Release, actions);
            actions.push(Action::Report(Notice::ConflictLost));
        }
    }

    /// Gives the role up, by `how`.
    pub(super) fn let_go(&mut self, how: Action, actions: &mut Vec<Action>) {
        let leaves = matches!(self.state, RoleState::Yielding { why: Offer::Leaving, .. });
        self.state = if leaves { RoleState::Left } else { RoleState::Standby };
        // Until it hears that another has the role, its connections are the latest.
        self.was_active = self.fitness.able;
        self.fitness.synced = false;
        self.contested = false;
        actions.push(how);
    }

    pub(super) fn hold(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.gives_up(now, actions) {
            return;
        }
        let Some(peer) = self.peer(now).filter(|peer| peer.offers_itself()) else { return };
        let (wish, may_follow) = (peer.wish, self.may_follow(peer));
        if !self.fitness.links {
            self.offer(Offer::LinkDown, now, actions);
        } else if wish == Wish::ReachesMore && self.is_outreached() {
            self.offer(Offer::ReachesLess, now, actions);
            actions.push(Action::Report(Notice::ReachesLess));
        } else if wish == Wish::LetMe && may_follow {
            self.offer(Offer::Asked, now, actions);
        }
    }

    /// A machine whose dataplane cannot forward, or that is cut off, has nothing to hold.
    pub(super) fn gives_up(&mut self, now: Instant, actions: &mut Vec<Action>) -> bool {
        let notice = if !self.fitness.able {
            Notice::Unable
        } else if self.is_cut_off(now) {
            Notice::CutOff
        } else {
            return false;
        };
        self.let_go(Action::Release, actions);
        actions.push(Action::Report(notice));
        true
    }

    /// Neither peer nor witness is heard. The role is given up only to somebody: to a peer
    /// that, when last heard, was ready and saw the witness. And not if that is long ago: a
    /// peer that was silent while the witness still answered is dead, and the failure of
    /// the witness must not end the service of the machine that is left.
    fn is_cut_off(&self, now: Instant) -> bool {
        let (Some(lost), Some((heard, peer))) = (self.witness_lost, self.peer.last_heartbeat())
        else {
            return false;
        };
        let is_silent = !self.hears_peer(now);
        let takes_it = peer.offers_itself() && peer.fitness.witness != Some(false);
        is_silent && takes_it && lost.since(heard) < self.timers.together()
    }

    /// Announces again when another station announces a floating address.
    pub(super) fn conflict(&self, actions: &mut Vec<Action>) {
        if self.role() == Role::Active {
            actions.push(Action::Announce);
            actions.push(Action::Report(Notice::AddressConflict));
        }
    }
}
