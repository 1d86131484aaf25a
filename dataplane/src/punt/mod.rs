//! Packets that workers hand to the main core, by class (control-plane policing).
//!
//! Everything that is not forwarding goes to the main core: ARP, the heartbeats of the peer, what
//! the kernel is to have, packets whose next hop is not resolved. The main core takes less than a
//! worker can hand it, and anybody who reaches a real address can make a worker hand it much. So
//! each class has a ring and a rate of its own, and the main core serves them in order: a flood
//! fills the ring of its class, and no other. Both sides have rings of their own: who floods from
//! the Internet is in nobody's way on the private side. RFC 6192 describes the same for routers in
//! general.
//!
//! ```text
//!   worker:  neighbour --[bucket]--> ring ---.
//!            peer      --[bucket]--> ring ----\   in this order, so many bursts
//!            check     --[bucket]--> ring -----+----> main core
//!            ...                              /   of each in every round
//!            unresolved --[bucket]--> ring --'
//! ```

mod multicast;
mod rules;

use nat::Side;

pub use multicast::MulticastRules;
pub use rules::PuntRules;

/// What a packet is handed to the main core as, in the order in which the main core serves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum PuntClass {
    /// ARP from a next hop that is in use or asked for, from the peer, and from the witness.
    Neighbour,
    /// Heartbeats and connection sync of the peer.
    Peer,
    /// From real servers, and echo replies of the witness: answers to checks.
    Check,
    /// To or from a TCP port of `node.management_ports`.
    Management,
    /// ARP from others.
    Arp,
    /// What else this machine's kernel is to have.
    Kernel,
    /// Translated packets whose next hop is not resolved.
    Unresolved,
}

/// What a class may take.
struct Share {
    /// Packets that its ring holds, on each side: a power of two less one.
    room: u32,
    /// Packets a second.
    rate: u32,
    /// The rate is of all workers together: strangers decide how much there is of it.
    is_divided: bool,
    /// Bursts of each worker and side that the main core takes in a round.
    bursts: usize,
}

impl PuntClass {
    /// Every class, in the order of service.
    pub const ALL: [PuntClass; 7] = [
        PuntClass::Neighbour,
        PuntClass::Peer,
        PuntClass::Check,
        PuntClass::Management,
        PuntClass::Arp,
        PuntClass::Kernel,
        PuntClass::Unresolved,
    ];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Its place in [`PuntClass::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// How many rings there are from a worker: one for each class and side.
    pub const RINGS: usize = 2 * Self::COUNT;

    /// Classes and sides, in the order of their rings.
    pub fn rings() -> impl Iterator<Item = (PuntClass, Side)> {
        Self::ALL.into_iter().flat_map(|class| Side::ALL.map(|side| (class, side)))
    }

    /// The place of its ring of a side.
    pub const fn ring(self, side: Side) -> usize {
        2 * self.index() + side.index()
    }

    /// Its name, and the one of what was dropped of it, in counters.
    pub const fn counters(self) -> [&'static str; 2] {
        match self {
            PuntClass::Neighbour => ["punt_neighbour_packets", "punt_neighbour_dropped"],
            PuntClass::Peer => ["punt_peer_packets", "punt_peer_dropped"],
            PuntClass::Check => ["punt_check_packets", "punt_check_dropped"],
            PuntClass::Management => ["punt_management_packets", "punt_management_dropped"],
            PuntClass::Arp => ["punt_arp_packets", "punt_arp_dropped"],
            PuntClass::Kernel => ["punt_kernel_packets", "punt_kernel_dropped"],
            PuntClass::Unresolved => ["punt_unresolved_packets", "punt_unresolved_dropped"],
        }
    }

    // What takes the main core longest is a system call for each frame, the write to the kernel's
    // interface.
    const fn share(self) -> Share {
        let (room, rate, is_divided, bursts) = match self {
            PuntClass::Neighbour => (255, 50_000, false, 4),
            PuntClass::Peer => (1023, 300_000, false, 8),
            PuntClass::Check => (1023, 200_000, false, 4),
            PuntClass::Management => (255, 50_000, true, 2),
            // Most NICs give all ARP to one queue.
            PuntClass::Arp => (255, 10_000, false, 1),
            PuntClass::Kernel => (511, 200_000, true, 1),
            PuntClass::Unresolved => (511, 50_000, true, 1),
        };
        Share { room, rate, is_divided, bursts }
    }

    /// Packets that the ring from a worker to the main core holds.
    pub const fn room(self) -> u32 {
        self.share().room
    }

    /// Packets a second of each of so many workers.
    pub fn rate(self, workers: usize) -> u32 {
        let Share { rate, is_divided, .. } = self.share();
        let workers = if is_divided { u32::try_from(workers).unwrap_or(u32::MAX) } else { 1 };
        rate.div_ceil(workers.max(1)).max(1000)
    }

    /// Bursts of each worker and side that the main core takes in a round.
    pub const fn bursts(self) -> usize {
        self.share().bursts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_has_buffers_for_all_rings() {
        let rooms = PuntClass::rings().map(|(class, _)| class.room());
        assert_eq!(rooms.sum::<u32>(), config::model::buffers::PUNTED);
        assert!(PuntClass::ALL.iter().all(|class| (class.room() + 1).is_power_of_two()));
    }

    #[test]
    fn classes_are_in_the_order_of_their_numbers_and_have_names_of_their_own() {
        let names = PuntClass::ALL.iter().flat_map(|class| class.counters());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 2 * PuntClass::COUNT);
        for (at, class) in PuntClass::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), at);
        }
        for (at, (class, side)) in PuntClass::rings().enumerate() {
            assert_eq!(class.ring(side), at);
        }
        assert_eq!(PuntClass::rings().count(), PuntClass::RINGS);
    }

    #[test]
    fn what_strangers_send_is_shared_by_workers() {
        assert_eq!(PuntClass::Kernel.rate(1), 200_000);
        assert_eq!(PuntClass::Kernel.rate(8), 25_000);
        assert_eq!(PuntClass::Peer.rate(8), 300_000);
        assert_eq!(PuntClass::Unresolved.rate(1000), 1000);
    }
}
