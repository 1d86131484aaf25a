//! How a machine with the role keeps it, gives it away, or gives way.

use super::{Action, Machine, Notice, State};
use crate::heartbeat::{Heartbeat, Role, Wish};
use crate::time::Instant;

impl Machine {
    pub(super) fn hear(&mut self, heartbeat: Heartbeat, now: Instant, actions: &mut Vec<Action>) {
        if heartbeat.identity.name == self.identity.name {
            // Our own, come back; or a peer that was given our name.
            return;
        }
        let both = self.role() == Role::Active && heartbeat.role == Role::Active;
        if both {
            self.settle(&heartbeat, actions);
        }
        if self.role() != Role::Active {
            self.term = self.term.max(heartbeat.term);
        }
        self.peer.heard(heartbeat, now);
    }

    /// Both are active: the higher term goes on, then the higher priority, then the name.
    fn settle(&mut self, peer: &Heartbeat, actions: &mut Vec<Action>) {
        let taken = matches!(self.state, State::Yielding { drained: true, .. });
        if (self.term, &self.identity) > (peer.term, &peer.identity) {
            actions.push(Action::Announce);
            actions.push(Action::Report(Notice::ConflictWon));
            return;
        }
        self.state = State::Standby;
        self.fitness.synced = taken;
        if taken {
            actions.push(Action::Retire);
            actions.push(Action::Report(Notice::HandedOver));
        } else {
            actions.push(Action::Release);
            actions.push(Action::Report(Notice::ConflictLost));
        }
    }

    pub(super) fn hold(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.gives_up(actions) {
            return;
        }
        let Some(peer) = self.peer.alive(now, self.timers.dead) else { return };
        let peer_is_ready = peer.role == Role::Standby && peer.fitness.is_ready();
        let better = !self.fitness.links
            || (peer.wish == Wish::LetMe && peer.identity.priority > self.identity.priority);
        if peer_is_ready && better {
            self.offer(now, actions);
        }
    }

    pub(super) fn yield_role(&mut self, since: Instant, now: Instant, actions: &mut Vec<Action>) {
        if self.gives_up(actions) {
            return;
        }
        let peer = self.peer.alive(now, self.timers.dead);
        let ready = peer.is_some_and(|peer| peer.fitness.is_ready());
        if !ready || now.since(since) >= self.timers.handover {
            self.state = State::Active;
            actions.push(Action::Report(Notice::HandoverFailed));
        }
    }

    /// A machine whose dataplane cannot forward has nothing to hold.
    fn gives_up(&mut self, actions: &mut Vec<Action>) -> bool {
        if self.fitness.able {
            return false;
        }
        self.state = State::Standby;
        self.fitness.synced = false;
        actions.push(Action::Release);
        actions.push(Action::Report(Notice::Unable));
        true
    }

    fn offer(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.state = State::Yielding { since: now, drained: false };
        actions.push(Action::Drain);
    }

    pub(super) fn hand_over(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let peer = self.peer.alive(now, self.timers.dead);
        let ready = peer.is_some_and(|peer| peer.role == Role::Standby && peer.fitness.is_ready());
        match self.state {
            State::Active if ready => self.offer(now, actions),
            State::Yielding { .. } => {}
            _ => actions.push(Action::Report(Notice::PeerNotReady)),
        }
    }

    pub(super) fn drained(&mut self) {
        if let State::Yielding { since, .. } = self.state {
            self.state = State::Yielding { since, drained: true };
        }
    }

    pub(super) fn conflict(&self, actions: &mut Vec<Action>) {
        if self.role() == Role::Active {
            actions.push(Action::Announce);
            actions.push(Action::Report(Notice::AddressConflict));
        }
    }
}
