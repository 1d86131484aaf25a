//! What a worker hands to the main core, and the way back of its buffers.
//!
//! The main core works on copies, in buffers of a pool of its own, and gives the worker's back over a
//! ring. So it never puts anything into the workers' pool: a thread that the kernel stops inside of a
//! pool's ring makes every other one wait that does the same, and the main core shares its CPU with
//! all of the machine. A worker that takes nothing back is asked for nothing more.

use dpdk::burst::Burst;
use dpdk::mempool::Mempool;
use dpdk::ring::{Consumer, Producer};
use nat::Side;

use crate::punt::PuntClass;
use crate::worker::BURST;

/// The main core's ends of the rings to and from a worker.
pub struct FromWorker {
    /// One for each class of packets and side, in their order.
    rings: Vec<Consumer>,
    returns: Producer,
    /// Buffers that found no room in the ring.
    waiting: Burst<BURST>,
}

/// What one look at a ring has brought.
pub struct Taken {
    /// Copies of the packets, with their tags.
    pub copies: Burst<BURST>,
    /// Packets that the ring gave.
    pub count: usize,
}

impl FromWorker {
    /// Of the rings of all classes, and of the one for buffers.
    pub fn new(rings: Vec<Consumer>, returns: Producer) -> Self {
        FromWorker { rings, returns, waiting: Burst::new() }
    }

    /// Takes a burst of a class. There are fewer copies than packets where the pool is empty.
    pub fn take(&mut self, class: PuntClass, side: Side, pool: &Mempool) -> Taken {
        let mut taken = Taken { copies: Burst::new(), count: 0 };
        self.returns.enqueue(&mut self.waiting);
        let Some(ring) = self.rings.get_mut(class.ring(side)) else { return taken };
        if !self.waiting.is_empty() {
            return taken;
        }
        taken.count = ring.dequeue(&mut self.waiting);
        for copy in self.waiting.as_slice().iter().filter_map(|mbuf| mbuf.copied_into(pool)) {
            // There are as many places as packets.
            drop(taken.copies.push(copy));
        }
        self.returns.enqueue(&mut self.waiting);
        taken
    }
}
