//! How long a server stays suspect when nobody checks it: the main core's part.
//!
//! ```text
//!   suspect --- 10 s ---> one connection may try it --- taken, and not trusted for 2 s ---.
//!      ^                                                                                  |
//!      '--------------------------------- for twice the time -----------------------------'
//! ```
//!
//! A UDP server has no handshake that would show that it serves: its suspicion ends with the
//! time, and lasts twice as long when it comes back soon.

use std::collections::HashMap;

use crate::service::{ServerId, Weights};
use crate::time::Instant;

/// Milliseconds of the first time.
const FIRST: u64 = 10_000;
/// The longest.
const LONGEST: u64 = 320_000;
/// A connection that tries a suspect is answered within so many milliseconds, or failed.
const TRIAL: u64 = 2000;

#[derive(Clone, Copy, Debug)]
struct Hold {
    /// How long it is avoided.
    period: u64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Until then nobody tries it.
    Avoided { until: Instant },
    /// The next connection does.
    Offered,
    /// One does since then.
    Tried { since: Instant },
    /// It was trusted then.
    Trusted { since: Instant },
}

/// Holds suspects for their time.
#[derive(Debug, Default)]
pub struct Holder(HashMap<ServerId, Hold>);

impl Holder {
    /// Looks at the servers; `has_handshake` says of each whether it answers SYNs. To be called
    /// a few times a second.
    pub fn look(
        &mut self,
        servers: impl Iterator<Item = (ServerId, bool)>,
        weights: &Weights,
        now: Instant,
    ) {
        for (server, has_handshake) in servers {
            if weights.state(server).is_suspect() {
                self.hold(server, has_handshake, weights, now);
            } else if let Some(hold) = self.0.get_mut(&server) {
                hold.trusted(now);
            }
        }
        self.0.retain(|_, hold| !hold.is_over(now));
    }

    fn hold(&mut self, server: ServerId, has_handshake: bool, weights: &Weights, now: Instant) {
        let until = |period: u64| Instant::from_millis(now.millis() + period);
        let first = Hold { period: FIRST, phase: Phase::Avoided { until: until(FIRST) } };
        let hold = self.0.entry(server).or_insert(first);
        match hold.phase {
            Phase::Avoided { until } if now < until => {}
            Phase::Avoided { .. } if has_handshake => {
                weights.offer_trial(server);
                hold.phase = Phase::Offered;
            }
            Phase::Avoided { .. } => {
                weights.trust(server);
                hold.trusted(now);
            }
            Phase::Offered if weights.state(server).may_be_tried() => {}
            Phase::Offered => hold.phase = Phase::Tried { since: now },
            Phase::Tried { since } if now.since(since) < TRIAL => {}
            // It failed, or the server was suspect again before anybody looked.
            Phase::Tried { .. } | Phase::Trusted { .. } => {
                let period = (2 * hold.period).min(LONGEST);
                *hold = Hold { period, phase: Phase::Avoided { until: until(period) } };
            }
        }
    }
}

impl Hold {
    fn trusted(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Trusted { .. }) {
            self.phase = Phase::Trusted { since: now };
        }
    }

    /// It has been trusted for as long as it was avoided: the next time is the first again.
    fn is_over(&self, now: Instant) -> bool {
        matches!(self.phase, Phase::Trusted { since } if now.since(since) > self.period)
    }
}
