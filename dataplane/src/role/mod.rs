//! The role of this machine: active or standby, and for how long.
//!
//! Control's orders come in over the control socket and change the [`Lease`], under a
//! lock that is held for a few instructions. What follows from it stands in the
//! [`Deadlines`], which workers and the main core compare with the time stamp counter:
//! nobody has to be told that a lease has ended.
//!
//! ```text
//!   control socket --order--> Lease --> Deadlines --read--> workers: forward?
//!                               |            '------read--> main core: answer? announce?
//!                               '--> rounds of announcements
//! ```
//!
//! Whoever sends looks at the deadline again just before, with a counter read then: a
//! process that was stopped for longer than its lease drops what it had in hand.

pub mod additions;
pub mod announce;
pub mod conflict;
mod deadlines;
pub mod health;
mod lease;
mod reach;
mod stall;

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use api::{Failure, FailureKind, LeaseOrder, LeaseStatus, SyncStatus};
use nat::Side;
use parking_lot::Mutex;

use crate::clock::{Rate, Tsc};
use crate::counters::Counter;

pub use deadlines::{Deadlines, SharedDeadlines};
pub use health::Health;
pub use lease::{Lease, LeaseState, Outcome};
pub use reach::SharedReach;
pub use stall::{StallDetector, StallLimits};

/// Holds the lease of the role. Shared by the control socket's threads, the main core and the
/// workers.
pub struct LeaseHolder {
    /// Without a peer there is nobody to give the role to.
    alone: bool,
    lease: Mutex<Lease>,
    deadlines: Arc<SharedDeadlines>,
    /// Rounds of announcements that were asked for.
    rounds: AtomicU64,
    start: u64,
    /// Whether the main core stood still.
    pub stalls: StallDetector,
    pub health: Health,
    /// Next hops that answer.
    pub reach: SharedReach,
    /// ARP frames sent to announce floating addresses; the main core counts.
    pub announcements: Counter,
    /// ARP frames seen that claim an address of this machine for another station; as above.
    pub conflicts: Counter,
    /// Those of them in which the peer claims a floating address, as far as is known.
    pub disputes: Counter,
}

impl LeaseHolder {
    /// The holder on a machine of a pair: standby, until tandem-control claims.
    pub fn of_a_pair(rate: Rate, limits: StallLimits) -> Self {
        let stalls = StallDetector::new(rate, limits);
        LeaseHolder::new(stalls, false, Lease::standby(rate), Deadlines::past(), 0)
    }

    /// The holder on a machine without a peer: active for good, and announced at the start.
    pub fn alone(rate: Rate) -> Self {
        let stalls = StallDetector::new(rate, StallLimits::default());
        LeaseHolder::new(stalls, true, Lease::permanent(rate), Deadlines::never(), 1)
    }

    fn new(
        stalls: StallDetector,
        alone: bool,
        lease: Lease,
        deadlines: SharedDeadlines,
        rounds: u64,
    ) -> Self {
        LeaseHolder {
            alone,
            lease: Mutex::new(lease),
            deadlines: Arc::new(deadlines),
            rounds: AtomicU64::new(rounds),
            start: ahash::RandomState::new().hash_one(0u8),
            stalls,
            health: Health::default(),
            reach: SharedReach::default(),
            announcements: Counter::default(),
            conflicts: Counter::default(),
            disputes: Counter::default(),
        }
    }

    pub fn deadlines(&self) -> &Arc<SharedDeadlines> {
        &self.deadlines
    }

    /// How many rounds of announcements were asked for so far.
    pub fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Acquire)
    }

    /// Asks for a round of announcements.
    pub fn announce(&self) {
        self.rounds.fetch_add(1, Ordering::Release);
    }

    /// The peer believes that it is active: its connections are not known here.
    pub fn dispute(&self, now: Tsc) {
        self.deadlines.set_claimed(now);
    }

    /// Carries out an order.
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotNow`] to every order but to watch on a machine without a peer.
    pub fn order(&self, order: LeaseOrder, now: Tsc) -> Result<LeaseStatus, Failure> {
        if self.alone && order != LeaseOrder::Watch {
            let message = "this machine's configuration has no [peer]: it is active for good";
            return Err(Failure::new(FailureKind::NotNow, message));
        }
        let mut lease = self.lease.lock();
        let claim = matches!(order, LeaseOrder::Claim { .. });
        let unsteady =
            claim && lease.held(now) == LeaseState::Standby && !self.stalls.is_steady(now);
        let outcome = if unsteady { Outcome::Refused } else { lease.order(order, now) };
        if order == LeaseOrder::Probe {
            self.reach.order();
        }
        // Around a change of role the other machine may know what this one does not.
        let changes = matches!(order, LeaseOrder::Drain | LeaseOrder::Retire { .. });
        if outcome == Outcome::Announce || changes {
            self.deadlines.set_claimed(now);
        }
        let (forward, answer) = lease.deadlines();
        self.deadlines.set(forward, answer);
        if outcome == Outcome::Announce {
            self.announce();
        }
        Ok(self.lease_status(outcome != Outcome::Refused, &lease, now))
    }

    fn lease_status(&self, granted: bool, lease: &Lease, now: Tsc) -> LeaseStatus {
        let held = lease.held(now);
        let left = lease.left(now).as_micros();
        let (reach, probed) = self.reach.told();
        LeaseStatus {
            granted,
            role: name(held),
            term: lease.term(),
            lease_left: u64::try_from(left).unwrap_or(u64::MAX),
            retiring: matches!(held, LeaseState::Retiring { .. }),
            links: Side::ALL.map(|side| self.health.link(side)),
            nics: Side::ALL.map(|side| self.health.nic(side)),
            stuck: Side::ALL.map(|side| self.health.is_stuck(side)),
            reach: reach.map(named),
            probing: self.reach.ordered(),
            probed,
            workers_run: self.health.workers_run() && self.stalls.is_alive(now),
            announcements: self.announcements.get(),
            conflicts: self.conflicts.get(),
            disputes: self.disputes.get(),
            start: self.start,
            sync: SyncStatus::default(),
        }
    }

    /// The role at `now`, as operators name it.
    pub fn role(&self, now: Tsc) -> api::Role {
        name(self.lease.lock().held(now))
    }

    /// The term of the last claim.
    pub fn term(&self) -> u64 {
        self.lease.lock().term()
    }

    /// Gives the role up, when the process ends.
    pub fn end(&self) {
        *self.lease.lock() = Lease::standby(Rate::new(0));
        self.deadlines.set(Tsc::PAST, Tsc::PAST);
    }
}

fn named(reach: crate::neighbour::prober::Reach) -> api::Reach {
    api::Reach {
        set: reach.set,
        asked: reach.asked,
        answering: reach.answering,
        silent: reach.silent.into_iter().map(Into::into).collect(),
    }
}

fn name(held: LeaseState) -> api::Role {
    match held {
        LeaseState::Active { .. } => api::Role::Active,
        LeaseState::Standby | LeaseState::Retiring { .. } => api::Role::Standby,
    }
}

#[cfg(test)]
mod tests;
