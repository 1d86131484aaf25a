//! Room for connections, lent to the workers that need it.

use std::sync::Arc;

use nat::room::{Reserve, Room};

use crate::counters::WorkerBlock;

/// What the machine can hold, and how much of it each worker has.
pub struct Lending {
    reserve: Reserve,
    rooms: Vec<Arc<Room>>,
    counters: Vec<Arc<WorkerBlock>>,
}

impl Lending {
    /// To these workers.
    #[must_use]
    pub fn new(reserve: Reserve, rooms: Vec<Arc<Room>>, counters: Vec<Arc<WorkerBlock>>) -> Self {
        Lending { reserve, rooms, counters }
    }

    /// Lends by what the workers hold now. Their memory is taken here: a worker that touched it
    /// first would stand still meanwhile.
    pub fn share(&mut self) {
        let held = |at: usize| {
            self.counters.get(at).map_or(0, |counters| counters.connections.get() as usize)
        };
        self.reserve.share(&self.rooms, held, &mut |region| {
            // Without it the worker's own touch takes the memory.
            dpdk::memory::populate(region.start, region.bytes);
        });
    }
}
