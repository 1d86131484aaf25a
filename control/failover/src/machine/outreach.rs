//! How a machine finds out that one of the two reaches more than the other, and is sure of it.
//!
//! The machines find out at different times that a next hop has died or come back, and until
//! both know, one seems to reach more. So a difference counts only once each machine has asked
//! every next hop anew since it saw the difference. The standby machine asks for the role when
//! it has seen the difference for a while; the active one, which goes on asking its next hops
//! meanwhile, agrees if it still finds the same.

use core::cmp::Ordering;

use super::{Action, Machine};
use crate::heartbeat::{Heartbeat, Role};
use crate::time::Instant;

/// A difference between what this machine and the peer reach.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Difference {
    /// Whether this machine reaches less or more than the peer.
    order: Ordering,
    since: Instant,
    /// When every next hop was ordered to be asked the last time.
    asked: Instant,
    /// True while that order is not done yet.
    is_asking: bool,
    /// True when it was done at least once.
    is_sure: bool,
}

impl Difference {
    fn new(order: Ordering, now: Instant) -> Self {
        Difference { order, since: now, asked: now, is_asking: true, is_sure: false }
    }
}

impl Machine {
    /// Keeps count of how long what the two machines reach has differed.
    pub(super) fn watch_reach(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let order = self.order_of_reach(now);
        let Some(mut difference) = self.difference.filter(|before| before.order == order) else {
            self.difference = order.is_ne().then(|| Difference::new(order, now));
            if order.is_ne() {
                actions.push(Action::Probe);
            }
            return;
        };
        let is_late = difference.is_asking && now.since(difference.asked) >= self.timers.probe();
        // What the active machine misses may come back at any time.
        let goes_on = !difference.is_asking && order.is_lt() && self.role() == Role::Active;
        if is_late || goes_on {
            (difference.asked, difference.is_asking) = (now, true);
            self.difference = Some(difference);
            actions.push(Action::Probe);
        }
    }

    /// It matters only between an active machine and one that is ready to take over.
    fn order_of_reach(&self, now: Instant) -> Ordering {
        let is_active = self.role() == Role::Active;
        let matters = |peer: &&Heartbeat| {
            if is_active { peer.offers_itself() } else { self.is_ready_beside_active(now) }
        };
        match self.peer(now).filter(matters) {
            Some(peer) => self.fitness.compare_reach(peer.fitness),
            None => Ordering::Equal,
        }
    }

    pub(super) fn probed(&mut self) {
        if let Some(difference) = &mut self.difference {
            (difference.is_asking, difference.is_sure) = (false, true);
        }
    }

    /// True if what the machines reach differs in this order, as far as it is known; the difference
    /// may pass.
    pub(super) fn reaches(&self, order: Ordering) -> bool {
        self.difference.is_some_and(|difference| difference.order == order)
    }

    /// True if a standby machine asks for the role, since it surely reaches more. A damped one asks
    /// only where the peer serves nobody.
    pub(super) fn outreaches(&self, now: Instant) -> bool {
        let confirm = self.timers.confirm;
        let is_long = |d: Difference| d.order.is_gt() && d.is_sure && now.since(d.since) >= confirm;
        self.difference.is_some_and(is_long)
            && self.is_ready_beside_active(now)
            && (!self.is_damped(now) || self.is_needed(now))
    }

    /// True if an active machine surely reaches less.
    pub(super) fn is_outreached(&self) -> bool {
        self.difference.is_some_and(|d| d.order.is_lt() && d.is_sure)
    }
}
