//! How many answers of its own a worker sends: ICMP errors, redirects, resets.
//!
//! Each kind of answer has a limit of its own on each side, and another for each receiver,
//! so that a flood that provokes one kind, or comes from one sender, leaves the others'
//! alone (RFC 1812 section 4.3.2.8). "Fragmentation needed" is limited by receiver alone:
//! without it a connection hangs, and it is never larger than the packet that it is about.
//! A token is taken for an answer that will be sent, and for no other.

use std::net::Ipv4Addr;

use ahash::RandomState;
use nat::{Instant, Side};

use crate::rate::TokenBucket;

/// Receivers that are told apart for each kind; those that meet in one place share it.
const RECEIVERS: usize = 256;

/// The kinds of answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AnswerKind {
    /// ICMP destination unreachable, but for the next.
    Unreachable,
    /// ICMP fragmentation needed.
    FragmentationNeeded,
    /// ICMP time exceeded.
    TimeExceeded,
    /// ICMP redirect.
    Redirect,
    /// TCP reset.
    Reset,
}

impl AnswerKind {
    const ALL: [AnswerKind; 5] = [
        AnswerKind::Unreachable,
        AnswerKind::FragmentationNeeded,
        AnswerKind::TimeExceeded,
        AnswerKind::Redirect,
        AnswerKind::Reset,
    ];

    /// Answers a second to all receivers of a side, if that is limited.
    const fn of_a_side(self) -> Option<u32> {
        match self {
            AnswerKind::FragmentationNeeded => None,
            AnswerKind::Unreachable
            | AnswerKind::TimeExceeded
            | AnswerKind::Redirect
            | AnswerKind::Reset => Some(1000),
        }
    }

    /// Answers a second to one receiver.
    const fn of_a_receiver(self) -> u32 {
        match self {
            AnswerKind::Redirect => 100,
            // Every traceroute in an office may come from one address.
            AnswerKind::Unreachable
            | AnswerKind::FragmentationNeeded
            | AnswerKind::TimeExceeded
            | AnswerKind::Reset => 250,
        }
    }
}

/// The limits of one kind on one side.
struct Limit {
    all: Option<TokenBucket>,
    receivers: [TokenBucket; RECEIVERS],
}

/// All limits of one worker.
pub(super) struct AnswerLimits {
    /// By kind and side.
    limits: Box<[[Limit; 2]; 5]>,
    /// Nobody outside can choose addresses that meet in one place.
    places: RandomState,
}

impl AnswerLimits {
    pub(super) fn new(now: Instant) -> Self {
        let limit = |kind: AnswerKind| Limit {
            all: kind.of_a_side().map(|rate| TokenBucket::new(rate, now)),
            receivers: [TokenBucket::new(kind.of_a_receiver(), now); RECEIVERS],
        };
        let limits = AnswerKind::ALL.map(|kind| [limit(kind), limit(kind)]);
        AnswerLimits { limits: Box::new(limits), places: RandomState::new() }
    }

    /// Takes what an answer of this kind to a receiver on this side costs. False if it must
    /// not be sent.
    pub(super) fn take(
        &mut self,
        kind: AnswerKind,
        side: Side,
        receiver: Ipv4Addr,
        now: Instant,
    ) -> bool {
        let Limit { all, receivers } = &mut self.limits[kind as usize][side.index()];
        let place = self.places.hash_one(receiver) as usize % RECEIVERS;
        let Some(receiver) = receivers.get_mut(place) else { return false };
        let may_be_sent =
            receiver.has_token(now) && all.as_mut().is_none_or(|all| all.has_token(now));
        // Both or neither: what is not sent costs nobody anything.
        may_be_sent && receiver.take(now) && all.as_mut().is_none_or(|all| all.take(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1000);

    fn host(number: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(0xcb00_7100 + number)
    }

    /// Takes as many as there are, for each of these receivers.
    fn flood(limits: &mut AnswerLimits, kind: AnswerKind, receivers: u32) -> usize {
        let all = (0..receivers).flat_map(|number| core::iter::repeat_n(host(number), 1000));
        all.filter(|&to| limits.take(kind, Side::Public, to, NOW)).count()
    }

    #[test]
    fn no_other_kind_suffers_from_a_flood_of_one() {
        for flooded in AnswerKind::ALL {
            let mut limits = AnswerLimits::new(NOW);
            assert!(flood(&mut limits, flooded, 600) > 0);
            for kind in AnswerKind::ALL.into_iter().filter(|&kind| kind != flooded) {
                assert!(limits.take(kind, Side::Public, host(0), NOW), "{kind:?}");
            }
        }
    }

    #[test]
    fn no_other_side_and_no_other_receiver_suffers() {
        for kind in AnswerKind::ALL {
            let mut limits = AnswerLimits::new(NOW);
            assert!(flood(&mut limits, kind, 1) < 1000);
            let place = |to| limits.places.hash_one(to) as usize % RECEIVERS;
            let other = (1..100).map(host).find(|&to| place(to) != place(host(0))).unwrap();
            assert!(limits.take(kind, Side::Public, other, NOW), "{kind:?}");
            flood(&mut limits, kind, 600);
            assert!(limits.take(kind, Side::Private, host(0), NOW), "{kind:?}");
        }
    }

    #[test]
    fn a_kind_is_bounded_over_all_receivers() {
        let mut limits = AnswerLimits::new(NOW);
        assert_eq!(flood(&mut limits, AnswerKind::TimeExceeded, 600), 100);
    }
}
