//! The lease: what the role is, for how long, and which orders are granted.
//!
//! ```text
//!                Claim                       Retire
//!    Standby ------------->  Active  -------------------> Retiring
//!       ^                    |  ^  |                        |  |
//!       |   Release,         |  |  +--- Renew, Claim        |  |
//!       |   lease ended      |  |                    Claim  |  |
//!       +--------------------+  +---------------------------+  |
//!       +------------------------------------------------------+
//!                     Release, grace period ended
//! ```
//!
//! Time is an argument; a deadline that has passed is a change of role that nobody had
//! to make.

use core::time::Duration;

use api::LeaseOrder;

use crate::clock::{Rate, Tsc};

/// The role for as long as it lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaseState {
    /// Neither answers nor forwards.
    Standby,
    /// Answers for the floating addresses and forwards.
    Active {
        /// The end of the lease.
        until: Tsc,
    },
    /// Has handed the role over; forwards what still comes.
    Retiring {
        /// The end of the grace period.
        until: Tsc,
    },
}

/// What came of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Not granted; nothing changed.
    Refused,
    Granted,
    /// Granted, and both floating sides are to be announced.
    Announce,
}

/// The role of this machine, as one of a pair or alone.
#[derive(Clone, Debug)]
pub struct Lease {
    rate: Rate,
    term: u64,
    held: LeaseState,
}

impl Lease {
    /// Of a machine in a pair: standby, until it is told otherwise.
    pub fn standby(rate: Rate) -> Self {
        Lease { rate, term: 0, held: LeaseState::Standby }
    }

    /// Of a machine without a peer: active for good.
    pub fn permanent(rate: Rate) -> Self {
        Lease { rate, term: 0, held: LeaseState::Active { until: Tsc::NEVER } }
    }

    /// The role at `now`.
    pub fn held(&self, now: Tsc) -> LeaseState {
        match self.held {
            LeaseState::Active { until } | LeaseState::Retiring { until } if now >= until => {
                LeaseState::Standby
            }
            held => held,
        }
    }

    /// The term of the last claim that was granted; 0 before the first.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// What is left of the lease; zero when not active.
    pub fn left(&self, now: Tsc) -> Duration {
        match self.held(now) {
            LeaseState::Active { until } => self.rate.between(now, until),
            _ => Duration::ZERO,
        }
    }

    /// Until when this machine forwards, and until when it answers.
    pub fn deadlines(&self) -> (Tsc, Tsc) {
        match self.held {
            LeaseState::Standby => (Tsc::PAST, Tsc::PAST),
            LeaseState::Active { until } => (until, until),
            LeaseState::Retiring { until } => (until, Tsc::PAST),
        }
    }

    /// Carries out an order.
    pub fn order(&mut self, order: LeaseOrder, now: Tsc) -> Outcome {
        let held = self.held(now);
        match (order, held) {
            // Draining is connection sync's, asking next hops the main core's.
            (LeaseOrder::Watch | LeaseOrder::Drain | LeaseOrder::Probe, _) => Outcome::Granted,
            (LeaseOrder::Claim { term, lease, .. }, _) => self.claim(term, lease, now),
            (LeaseOrder::Renew { term, lease, .. }, LeaseState::Active { .. })
                if term == self.term =>
            {
                self.held = LeaseState::Active { until: self.end(now, lease) };
                Outcome::Granted
            }
            (LeaseOrder::Release, _) => {
                self.held = LeaseState::Standby;
                Outcome::Granted
            }
            (LeaseOrder::Retire { grace }, LeaseState::Active { .. }) => {
                self.held = LeaseState::Retiring { until: self.end(now, grace) };
                Outcome::Granted
            }
            // Asked again, as the answer was lost; the grace period stays what it is.
            (LeaseOrder::Retire { .. }, LeaseState::Retiring { .. }) => Outcome::Granted,
            (LeaseOrder::Announce, LeaseState::Active { .. }) => Outcome::Announce,
            (LeaseOrder::Renew { .. } | LeaseOrder::Retire { .. } | LeaseOrder::Announce, _) => {
                Outcome::Refused
            }
        }
    }

    fn claim(&mut self, term: u64, lease: u64, now: Tsc) -> Outcome {
        if term < self.term {
            return Outcome::Refused;
        }
        let again = term == self.term && matches!(self.held(now), LeaseState::Active { .. });
        self.term = term;
        self.held = LeaseState::Active { until: self.end(now, lease) };
        // The answer to the first claim was lost: the announcements are under way.
        if again { Outcome::Granted } else { Outcome::Announce }
    }

    fn end(&self, now: Tsc, micros: u64) -> Tsc {
        self.rate.after(now, Duration::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: u64 = 120_000;

    /// A counter that counts microseconds.
    fn lease() -> Lease {
        Lease::standby(Rate::new(1_000_000))
    }

    fn claim(term: u64) -> LeaseOrder {
        LeaseOrder::Claim { term, lease: LEASE, at: 0 }
    }

    fn renew(term: u64) -> LeaseOrder {
        LeaseOrder::Renew { term, lease: LEASE, at: 0 }
    }

    fn active(until: u64) -> LeaseState {
        LeaseState::Active { until: Tsc(until) }
    }

    #[test]
    fn a_machine_of_a_pair_starts_as_standby() {
        let mut lease = lease();
        assert_eq!(lease.order(LeaseOrder::Watch, Tsc(5)), Outcome::Granted);
        assert_eq!(lease.held(Tsc(5)), LeaseState::Standby);
        assert_eq!(lease.deadlines(), (Tsc::PAST, Tsc::PAST));
        assert_eq!((lease.term(), lease.left(Tsc(5))), (0, Duration::ZERO));
    }

    #[test]
    fn a_machine_without_a_peer_is_active_for_good() {
        let lease = Lease::permanent(Rate::new(1_000_000));
        assert_eq!(lease.deadlines(), (Tsc::NEVER, Tsc::NEVER));
        assert_eq!(lease.held(Tsc(u64::MAX - 1)), LeaseState::Active { until: Tsc::NEVER });
    }

    #[test]
    fn a_lease_that_nobody_renews_ends_by_itself() {
        let mut lease = lease();
        assert_eq!(lease.order(claim(1), Tsc(1000)), Outcome::Announce);
        assert_eq!(lease.deadlines(), (Tsc(121_000), Tsc(121_000)));
        assert_eq!(lease.held(Tsc(120_999)), active(121_000));
        assert_eq!(lease.left(Tsc(120_999)), Duration::from_micros(1));
        assert_eq!(lease.held(Tsc(121_000)), LeaseState::Standby);
        assert_eq!(lease.left(Tsc(121_000)), Duration::ZERO);
    }

    #[test]
    fn only_a_lease_in_force_of_the_same_term_is_renewed() {
        let mut lease = lease();
        assert_eq!(lease.order(renew(0), Tsc(0)), Outcome::Refused, "standby");
        lease.order(claim(3), Tsc(0));
        assert_eq!(lease.order(renew(2), Tsc(1)), Outcome::Refused, "an older term");
        assert_eq!(lease.order(renew(4), Tsc(1)), Outcome::Refused, "a term never claimed");
        assert_eq!(lease.order(renew(3), Tsc(100_000)), Outcome::Granted);
        assert_eq!(lease.held(Tsc(219_999)), active(220_000));
        assert_eq!(lease.order(renew(3), Tsc(220_000)), Outcome::Refused, "it has ended");
        assert_eq!(lease.held(Tsc(220_000)), LeaseState::Standby);
    }

    #[test]
    fn an_older_term_is_not_claimed_and_the_same_may_be_again() {
        let mut lease = lease();
        assert_eq!(lease.order(claim(7), Tsc(0)), Outcome::Announce);
        assert_eq!(lease.order(claim(7), Tsc(50)), Outcome::Granted, "nothing to announce");
        assert_eq!(lease.deadlines().0, Tsc(50 + LEASE), "but it counts as a renewal");
        lease.order(LeaseOrder::Release, Tsc(60));
        assert_eq!(lease.order(claim(6), Tsc(70)), Outcome::Refused);
        assert_eq!((lease.held(Tsc(70)), lease.term()), (LeaseState::Standby, 7));
        assert_eq!(lease.order(claim(7), Tsc(80)), Outcome::Announce);
        assert_eq!(lease.order(claim(8), Tsc(90)), Outcome::Announce, "a takeover of its own");
    }

    #[test]
    fn after_the_end_of_a_lease_the_claim_is_announced() {
        let mut lease = lease();
        lease.order(claim(1), Tsc(0));
        assert_eq!(lease.order(claim(1), Tsc(LEASE)), Outcome::Announce);
    }

    #[test]
    fn a_released_machine_does_nothing_more() {
        let mut lease = lease();
        lease.order(claim(1), Tsc(0));
        assert_eq!(lease.order(LeaseOrder::Release, Tsc(1)), Outcome::Granted);
        assert_eq!(lease.deadlines(), (Tsc::PAST, Tsc::PAST));
        assert_eq!(lease.order(renew(1), Tsc(2)), Outcome::Refused);
        assert_eq!(lease.order(LeaseOrder::Announce, Tsc(2)), Outcome::Refused);
        assert_eq!(lease.order(LeaseOrder::Release, Tsc(3)), Outcome::Granted, "it is released");
    }

    #[test]
    fn a_retiring_machine_forwards_without_answering() {
        let mut lease = lease();
        let retire = LeaseOrder::Retire { grace: 2_000_000 };
        assert_eq!(lease.order(retire, Tsc(0)), Outcome::Refused, "a standby must not forward");
        lease.order(claim(1), Tsc(0));
        assert_eq!(lease.order(retire, Tsc(10)), Outcome::Granted);
        assert_eq!(lease.deadlines(), (Tsc(2_000_010), Tsc::PAST));
        assert_eq!(lease.order(retire, Tsc(500)), Outcome::Granted);
        assert_eq!(lease.deadlines().0, Tsc(2_000_010), "the grace period is not prolonged");
        assert_eq!(lease.order(renew(1), Tsc(600)), Outcome::Refused);
        assert_eq!(lease.order(LeaseOrder::Announce, Tsc(600)), Outcome::Refused);
        assert_eq!(lease.held(Tsc(2_000_010)), LeaseState::Standby);
    }

    #[test]
    fn a_retiring_machine_may_claim_again_or_be_released() {
        let mut lease = lease();
        lease.order(claim(1), Tsc(0));
        lease.order(LeaseOrder::Retire { grace: 1000 }, Tsc(1));
        assert_eq!(lease.order(claim(2), Tsc(2)), Outcome::Announce);
        assert_eq!(lease.held(Tsc(2)), active(2 + LEASE));
        lease.order(LeaseOrder::Retire { grace: 1000 }, Tsc(3));
        lease.order(LeaseOrder::Release, Tsc(4));
        assert_eq!(lease.deadlines(), (Tsc::PAST, Tsc::PAST));
    }
}
