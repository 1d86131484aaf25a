//! What control wants to know before it lets this machine be active.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;

use nat::{Instant, Side};

/// A worker polls every few microseconds, an idle one that sleeps every hundred; the
/// scheduler of a machine that shares its cores may keep it waiting for a while.
const STALLED: u64 = 100;
/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(10);

/// The health of the machine; the main core writes it.
#[derive(Debug, Default)]
pub struct Health {
    links: [AtomicBool; 2],
    workers_run: AtomicBool,
}

impl Health {
    /// The NIC of a side has its link.
    pub fn link(&self, side: Side) -> bool {
        self.links[side.index()].load(Relaxed)
    }

    /// Every worker has polled lately.
    pub fn workers_run(&self) -> bool {
        self.workers_run.load(Relaxed)
    }

    /// Takes the state of a link; true if it came up.
    pub fn set_link(&self, side: Side, up: bool) -> bool {
        !self.links[side.index()].swap(up, Relaxed) && up
    }

    /// Takes whether workers run.
    pub fn set_workers_run(&self, run: bool) {
        self.workers_run.store(run, Relaxed);
    }
}

/// Looks at the polls of each worker.
#[derive(Debug)]
pub struct Polls {
    seen: Vec<(u64, Instant)>,
}

impl Polls {
    /// For so many workers, which count as running at first.
    pub fn new(workers: usize, now: Instant) -> Self {
        Polls { seen: vec![(0, now); workers] }
    }

    /// Takes each worker's count of polls; true if all have advanced lately.
    pub fn advance(&mut self, counts: impl Iterator<Item = u64>, now: Instant) -> bool {
        let mut all = true;
        for (seen, count) in self.seen.iter_mut().zip(counts) {
            if seen.0 != count {
                *seen = (count, now);
            }
            all &= now.since(seen.1) < STALLED;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_that_stands_still_is_noticed() {
        let mut polls = Polls::new(2, Instant::from_millis(0));
        for millis in (0..1000).step_by(10) {
            assert!(
                polls.advance(
                    [millis + 1, 2 * millis + 1].into_iter(),
                    Instant::from_millis(millis)
                )
            );
        }
        assert!(polls.advance([991, 3000].into_iter(), Instant::from_millis(1080)));
        assert!(!polls.advance([991, 4000].into_iter(), Instant::from_millis(1090)));
        assert!(polls.advance([992, 5000].into_iter(), Instant::from_millis(1100)));
    }

    #[test]
    fn a_link_that_comes_up_is_told_once() {
        let health = Health::default();
        assert!(health.set_link(Side::Public, true));
        assert!(!health.set_link(Side::Public, true));
        assert!(!health.set_link(Side::Public, false));
        assert!(!health.link(Side::Public) && !health.link(Side::Private));
    }
}
