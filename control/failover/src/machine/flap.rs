//! What follows from losses of this machine's own fitness.
//!
//! Each loss is counted once, from when it is known until the machine is fit again: the dataplane
//! or a link fails, or the peer surely reaches more. A damped machine does not ask for the role on
//! the grounds that it is the better one. What it never waits for is a role that nobody else can
//! fill: a peer that is silent, gives the role up, has a link down or is cut off from a side.

use super::{Action, Machine, Notice};
use crate::damping::Damped;
use crate::time::Instant;

impl Machine {
    /// Counts losses of fitness.
    pub(super) fn watch_losses(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let damping = self.timers.damping;
        if !self.fitness.able || !self.fitness.links || self.is_outreached() {
            if self.losses.unfit(&damping, now) {
                actions.push(Action::Report(Notice::Damped));
            }
        } else if self.peer(now).is_some_and(|p| self.fitness.compare_reach(p.fitness).is_ge()) {
            // Next hops take a moment to answer over a link that came back. That is no other loss.
            self.losses.fit();
        }
    }

    /// True while this machine does not ask for the role on the grounds that it is the better one.
    pub(super) fn is_damped(&self, now: Instant) -> bool {
        self.losses.is_damped(&self.timers.damping, now)
    }

    /// How often this machine has lost its fitness, and for how long it is damped, if it is.
    pub fn damped(&self, now: Instant) -> Option<Damped> {
        self.losses.damped(&self.timers.damping, now)
    }

    /// The peer serves nobody, since nothing answers it on one of the sides, and this machine
    /// could.
    pub(super) fn is_needed(&self, now: Instant) -> bool {
        self.peer(now).is_some_and(|peer| self.fitness.serves_instead_of(peer.fitness))
    }
}
