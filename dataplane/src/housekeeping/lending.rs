//! Room for connections, lent to the workers that need it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use nat::room::{Reserve, Room};
use nat::shares::{Counts, Rules};

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
    /// first would stand still meanwhile. What `shares` are sure of is withheld from others.
    pub fn share(&mut self, shares: &Rules<Ipv4Addr>) {
        let withheld = Counts::withheld(shares, self.rooms.len());
        self.rooms.iter().for_each(|room| room.withhold(withheld));
        let held = |at: usize| {
            self.counters.get(at).map_or(0, |counters| counters.connections.get() as usize)
        };
        self.reserve.share(&self.rooms, held, &mut |region| {
            // Without it the worker's own touch takes the memory.
            dpdk::memory::populate(region.start, region.bytes);
        });
    }
}
