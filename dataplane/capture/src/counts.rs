//! What a worker has seen, and what it could not copy.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nat::Side;

/// The counts of one worker, which it alone writes.
#[derive(Debug, Default)]
pub struct Counts([Counters; 2]);

#[derive(Debug, Default)]
struct Counters {
    seen: AtomicU64,
    selected: AtomicU64,
    lost: AtomicU64,
}

/// The counts of one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SideCounts {
    /// Frames that arrived or left there.
    pub seen: u64,
    /// Frames among them that are wanted and were copied.
    pub selected: u64,
    /// Frames among them that are wanted and could not be copied.
    pub lost: u64,
}

impl Counts {
    /// The counts of a side, in any thread.
    pub fn get(&self, side: Side) -> SideCounts {
        let Counters { seen, selected, lost } = &self.0[side.index()];
        SideCounts {
            seen: seen.load(Relaxed),
            selected: selected.load(Relaxed),
            lost: lost.load(Relaxed),
        }
    }

    pub(crate) fn see(&self, side: Side) {
        add(&self.0[side.index()].seen);
    }

    pub(crate) fn select(&self, side: Side) {
        add(&self.0[side.index()].selected);
    }

    pub(crate) fn lose(&self, side: Side) {
        add(&self.0[side.index()].lost);
    }
}

/// There is one writer, so it need not be one step.
fn add(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
}
