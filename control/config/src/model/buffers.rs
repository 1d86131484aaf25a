//! How many packet buffers a dataplane takes: as many as all of its places can hold together.
//!
//! A pool that can be emptied stops the NICs: they have nothing to receive into, whatever for. So
//! nothing holds packets without a limit, and the pools have room for all limits at once. They are
//! written here, and not where the packets are, so that a file that asks for too few buffers is
//! refused by who reads it.

use super::Config;
use super::interface::Interface;

/// Descriptors of a queue, where neither the configuration nor the driver says.
const DESCRIPTORS: u16 = 1024;

/// Packets in the rings between two threads, where there is one ring alone.
pub const RING: u32 = 2047;

/// Packets that a worker's rings to the main core hold, over all classes and both sides.
pub const PUNTED: u32 = 2 * (255 + 1023 + 1023 + 255 + 255 + 511 + 511);

/// Buffers on their way back from the main core to the worker whose packets they held.
pub const RETURNED: u32 = 511;

/// Fragments that wait in a worker for the first one of their datagram.
pub const FRAGMENTS: u32 = 4096;

/// Buffers that a core keeps at hand, as DPDK counts: it gives back what is more than half as
/// many again.
pub const CACHE: u32 = 256;

/// The same of the main core's pool.
pub const MAIN_CACHE: u32 = 32;

/// Packets that wait for the Ethernet address of a neighbour, over all neighbours.
pub const UNRESOLVED: u32 = 1024;

/// Packets in the bursts that a worker is at work on.
const IN_HAND: u32 = 1024;

/// Packets that a burst to another worker holds.
const BURST: u32 = 32;

/// Packets that the ring from one of so many workers to another holds. Many workers have many
/// rings, each with its part of what one would hold.
pub fn handoff_ring(workers: usize) -> u32 {
    let others = u32::try_from(workers.saturating_sub(1)).unwrap_or(u32::MAX).max(1);
    let share = (4 * (RING + 1) / others).clamp(256, RING + 1);
    // A ring holds a power of two less one.
    (1 << share.ilog2()) - 1
}

/// The buffers of a dataplane, in number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Buffers {
    /// What the NICs receive into and workers write into.
    pub workers: u32,
    /// What the main core writes into, and holds packets in. It has a pool of its own, so that
    /// whatever becomes of its thread, workers get buffers.
    pub main: u32,
}

impl Buffers {
    /// What so many workers can hold, with NICs as they are where nothing is said of them.
    pub fn usual(workers: usize) -> Self {
        Self::of(workers, 2 * u32::from(DESCRIPTORS), 2 * u32::from(DESCRIPTORS))
    }

    /// What these interfaces and so many workers can hold.
    pub fn needed(workers: usize, sides: [&Interface; 2]) -> Self {
        let descriptors = |count: Option<u16>| u32::from(count.unwrap_or(DESCRIPTORS));
        let received = sides.iter().map(|side| descriptors(side.rx_descriptors)).sum();
        let sent = sides.iter().map(|side| descriptors(side.tx_descriptors)).sum();
        Self::of(workers, received, sent)
    }

    /// With so many descriptors to receive and to send in each worker, over both sides.
    fn of(workers: usize, received: u32, sent: u32) -> Self {
        let count = u32::try_from(workers).unwrap_or(u32::MAX).max(1);
        let others = count - 1;
        let cached = |cache: u32| cache + cache / 2;
        let to_others = others.saturating_mul(handoff_ring(workers) + BURST);
        let each = (received + sent + PUNTED + RETURNED + FRAGMENTS + IN_HAND + cached(CACHE))
            .saturating_add(to_others);
        // The thread of the main core has a cache of the workers' pool as well.
        let all = count.saturating_mul(each).saturating_add(cached(CACHE));
        // Its frames leave through the first worker, or through another one that has a queue.
        let main = RING + UNRESOLVED + sent + cached(MAIN_CACHE) + IN_HAND;
        Buffers { workers: all, main: main.saturating_add(to_others) }
    }

    /// How many there are in both pools.
    pub fn total(self) -> u32 {
        self.workers.saturating_add(self.main)
    }
}

impl Config {
    /// The buffers that a dataplane with this configuration makes: what it needs, or more where
    /// the file says so.
    pub fn buffers(&self) -> Buffers {
        let needed = Buffers::needed(self.node.workers.len(), [&self.public, &self.private]);
        Buffers { workers: self.node.memory.mbufs.unwrap_or(0).max(needed.workers), ..needed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_these_numbers() {
        let text = include_str!("../../../../docs/configuration.md");
        let told = |workers| {
            let number = Buffers::usual(workers).workers;
            format!("{},{:03}", number / 1000, number % 1000)
        };
        let words = format!("can hold {} with one worker and {} with two", told(1), told(2));
        assert!(text.contains(&words), "{words}");
    }

    #[test]
    fn rings_between_many_workers_are_shorter() {
        let rooms = [1, 2, 5, 6, 9, 17, 64, 1024].map(handoff_ring);
        assert_eq!(rooms, [2047, 2047, 2047, 1023, 1023, 511, 255, 255]);
        for workers in 1..=1024 {
            let room = handoff_ring(workers);
            assert!((room + 1).is_power_of_two(), "{workers}: {room}");
        }
    }
}
