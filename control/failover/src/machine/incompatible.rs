//! A peer that lives and is not understood.
//!
//! It is known to be the peer and to live, and mostly whether it is active. That is enough to
//! keep the most important rule: never two active machines. A wait, and an order between the
//! two that both of them find alike, make sure that one of them is.

use core::time::Duration;

use super::{Action, Machine, Notice};
use crate::heartbeat::{Heartbeat, Incompatible, Precedence, Role};
use crate::time::Instant;

impl Machine {
    /// The peer's last word, while the peer is heard and not understood.
    pub fn incompatible(&self, now: Instant) -> Option<Incompatible> {
        self.peer.incompatible(now, self.patience()).map(|(said, _)| said)
    }

    pub(super) fn hear_incompatible(
        &mut self,
        earlier: &[Heartbeat],
        said: Incompatible,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        self.peer.not_understood(said, now);
        if self.role() == Role::Active {
            self.settle_incompatible(said, now, actions);
        } else {
            self.remember(earlier);
        }
        if self.role() != Role::Active {
            self.was_active &= said.active != Some(true);
        }
    }

    /// Both are active, and neither knows the other's term. The one that does not go first
    /// gives way. Where this machine cannot know which that is, it gives way too: the peer may
    /// understand this machine, and go on by the terms.
    fn settle_incompatible(&mut self, said: Incompatible, now: Instant, actions: &mut Vec<Action>) {
        let both = said.active == Some(true);
        if both && said.precedence != Precedence::Own {
            self.give_way(now, actions);
        } else if both != self.contested {
            self.contested = both;
            actions.push(Action::Announce);
            if both {
                actions.push(Action::Report(Notice::ConflictWon));
            }
        }
    }

    /// True if a peer that is not understood is heard, and this machine may take the role
    /// beside it: the peer says that it is not active, and has had its time to become so.
    pub(super) fn may_lead_incompatible(&self, now: Instant) -> bool {
        let Some((said, idle_since)) = self.peer.incompatible(now, self.patience()) else {
            return false;
        };
        // It may have claimed since its last word; the next one says so.
        let is_fresh = self.peer.is_fresh(now, self.timers.late());
        let wait = match said.precedence {
            Precedence::Own => Duration::ZERO,
            Precedence::Peer | Precedence::Unknown { peer_is_higher: false } => {
                self.timers.handover
            }
            Precedence::Unknown { peer_is_higher: true } => self.timers.handover * 2,
        };
        said.active == Some(false) && is_fresh && now.since(idle_since) >= wait
    }
}
