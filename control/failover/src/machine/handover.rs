//! How the role is moved from one living machine to the other.

use core::cmp::Ordering;
use core::time::Duration;

use super::state::{Offer, RoleState};
use super::{Action, Machine, Notice};
use crate::heartbeat::{Heartbeat, Role};
use crate::time::Instant;

impl Machine {
    pub(super) fn offer(&mut self, why: Offer, now: Instant, actions: &mut Vec<Action>) {
        self.state = RoleState::Yielding { since: now, why, drained: false };
        actions.push(Action::Drain);
    }

    pub(super) fn drained(&mut self) {
        if let RoleState::Yielding { drained, .. } = &mut self.state {
            *drained = true;
        }
    }

    /// True if the peer should take over though connections may be on their way to it.
    pub(super) fn is_urgent(&self, why: Offer, since: Instant, now: Instant) -> bool {
        let loses = matches!(why, Offer::LinkDown | Offer::ReachesLess);
        loses && now.since(since) >= self.timers.drain()
    }

    pub(super) fn yield_role(
        &mut self,
        since: Instant,
        why: Offer,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        if self.gives_up(now, actions) {
            return;
        }
        let ready = self.peer(now).is_some_and(Heartbeat::offers_itself);
        if ready && now.since(since) < self.timers.handover {
            return;
        }
        actions.push(Action::Report(Notice::HandoverFailed));
        if why == Offer::Leaving {
            self.let_go(Action::Release, actions);
        } else {
            self.state = RoleState::Active;
        }
    }

    /// Starts to move the role to the other machine, as an operator has asked.
    pub(super) fn hand_over(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let peer = self.peer(now);
        match self.state {
            RoleState::Active if peer.is_some_and(|peer| self.may_follow(peer)) => {
                self.offer(Offer::Asked, now, actions);
            }
            RoleState::Standby
                if self.is_ready_beside_active(now) && !self.reaches(Ordering::Less) =>
            {
                self.wanted_since = Some(now);
            }
            // It is on its way already.
            RoleState::Yielding { .. } | RoleState::Claiming { .. } => {}
            _ => actions.push(Action::Report(Notice::NotReady)),
        }
    }

    /// The peer may have the role though nothing is wrong with this machine. One that reaches
    /// less would be asked to give it back at once.
    pub(super) fn may_follow(&self, peer: &Heartbeat) -> bool {
        peer.offers_itself() && peer.fitness.compare_reach(self.fitness).is_ge()
    }

    pub(super) fn is_ready_beside_active(&self, now: Instant) -> bool {
        let beside_active = self.peer(now).is_some_and(|peer| peer.role == Role::Active);
        self.fitness().is_ready() && beside_active
    }

    /// Keeps count of how long this machine has been the better one, and of how long ago
    /// an operator wanted it to be active.
    pub(super) fn watch_wishes(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let beside_active = self.is_ready_beside_active(now);
        let is_preferred = self.timers.preempt.is_some()
            && beside_active
            && !self.is_damped(now)
            && !self.reaches(Ordering::Less)
            && self.peer(now).is_some_and(|p| self.identity.priority > p.identity.priority);
        self.preferred_since = is_preferred.then(|| self.preferred_since.unwrap_or(now));
        let in_time = |since: &Instant| now.since(*since) < self.timers.handover;
        if self.wanted_since.is_some() && !(beside_active && self.wanted_since.iter().all(in_time))
        {
            self.wanted_since = None;
            actions.push(Action::Report(Notice::HandoverFailed));
        }
    }

    /// True if a standby machine asks for the role.
    pub(super) fn wants_role(&self, now: Instant) -> bool {
        let since = self.preferred_since.map_or(Duration::ZERO, |since| now.since(since));
        let is_preferred = self.preferred_since.is_some()
            && self.timers.preempt.is_some_and(|delay| since >= delay);
        is_preferred || self.wanted_since.is_some()
    }

    /// This machine is about to be stopped. The peer is told, and waits for no silence.
    pub(super) fn leave(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let peer_takes_it = self.peer(now).is_some_and(Heartbeat::offers_itself);
        match self.state {
            RoleState::Yielding { since, drained, .. } => {
                self.state = RoleState::Yielding { since, why: Offer::Leaving, drained };
            }
            RoleState::Active if peer_takes_it => self.offer(Offer::Leaving, now, actions),
            RoleState::Active => {
                self.let_go(Action::Release, actions);
                self.state = RoleState::Left;
            }
            _ => self.state = RoleState::Left,
        }
    }
}
