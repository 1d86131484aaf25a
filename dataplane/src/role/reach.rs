//! What the main core tells control of the next hops, and control's orders to ask them.

use core::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::neighbour::prober::Reach;

/// The next hops of both sides, as the main core last found them.
#[derive(Debug, Default)]
pub struct SharedReach {
    ordered: AtomicU64,
    told: Mutex<([Reach; 2], u64)>,
}

impl SharedReach {
    /// Orders that all are asked now; the order's number.
    pub fn order(&self) -> u64 {
        self.ordered.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The number of the last order.
    pub fn ordered(&self) -> u64 {
        self.ordered.load(Ordering::Relaxed)
    }

    /// Takes what was found, and which order is done.
    pub fn tell(&self, reach: [Reach; 2], done: u64) {
        let told = (reach, done);
        let mut before = self.told.lock();
        if *before != told {
            *before = told;
        }
    }

    /// What was told last, and which order is done.
    pub fn told(&self) -> ([Reach; 2], u64) {
        self.told.lock().clone()
    }
}
