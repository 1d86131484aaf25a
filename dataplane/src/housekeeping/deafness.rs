//! Whether answers may have been lost on this machine: a neighbour that is not heard then need not
//! be gone.

use nat::{Instant, Side};

use crate::counters::WorkerCounters;
use crate::punt::PuntClass;

/// How long an answer may still be missing after the last loss, in milliseconds: longer than the
/// time between two questions.
const LASTS: u64 = 1500;

/// What workers have lost, and when that was last seen.
#[derive(Debug, Default)]
pub(super) struct Deafness {
    lost: [u64; 2],
    last: [Option<Instant>; 2],
}

impl Deafness {
    /// Looks at what workers have counted.
    pub(super) fn look<'a>(
        &mut self,
        workers: impl Iterator<Item = &'a WorkerCounters> + Clone,
        now: Instant,
    ) {
        for side in Side::ALL {
            let lost = workers.clone().map(|counters| lost(counters, side)).sum();
            let at = side.index();
            if core::mem::replace(&mut self.lost[at], lost) != lost {
                self.last[at] = Some(now);
            }
        }
    }

    /// The sides on which answers may have been lost a moment ago.
    pub(super) fn sides(&self, now: Instant) -> [bool; 2] {
        self.last.map(|last| last.is_some_and(|last| now.since(last) < LASTS))
    }
}

/// Bursts of a receive queue that overflows, and ARP of next hops for which there was no room:
/// of that it is not known from which side it came.
fn lost(counters: &WorkerCounters, side: Side) -> u64 {
    let dropped = &counters.punt_dropped[PuntClass::Neighbour.index()];
    counters.overflows[side.index()].get() + dropped.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_makes_its_side_deaf_for_a_moment() {
        let counters = WorkerCounters::default();
        let mut deafness = Deafness::default();
        let mut look = |millis| {
            deafness.look(core::iter::once(&counters), Instant::from_millis(millis));
            deafness.sides(Instant::from_millis(millis))
        };
        assert_eq!(look(0), [false; 2]);
        counters.overflows[Side::Private.index()].add(1);
        assert_eq!(look(10), [false, true]);
        assert_eq!(look(1509), [false, true]);
        assert_eq!(look(1510), [false; 2]);
        counters.punt_dropped[PuntClass::Neighbour.index()].add(1);
        assert_eq!(look(1520), [true; 2]);
        counters.punt_dropped[PuntClass::Kernel.index()].add(1);
        assert_eq!(look(3020), [false; 2]);
    }
}
