//! How connections are shared out among workers: by the hash of their remote address.
//!
//! It is the hash of NICs (receive side scaling), with one key and one table of queues for
//! both of them: the public NIC hashes a packet's source, the private one its destination, so
//! both directions of a connection come to the worker that owns it. What comes some other way
//! (a device that cannot, another machine's connections) is put where the NIC would.

use std::net::Ipv4Addr;

use dpdk::port::RssKey;
use dpdk::toeplitz::Toeplitz;

/// Which worker owns a connection, the same for all workers of the process. Nobody writes the
/// cache lines that it is on.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Sharing {
    key: RssKey,
    toeplitz: Toeplitz,
    /// The worker of each hash, modulo their number.
    owners: [u16; Sharing::PLACES],
    /// After so many places the owners repeat.
    period: usize,
}

impl Sharing {
    /// The most places in a table of queues that are told apart.
    pub const PLACES: usize = 512;

    /// Among so many workers, by a key and a table of `places`: a power of two.
    pub fn new(key: RssKey, workers: usize, places: usize) -> Self {
        let period = places.clamp(1, Sharing::PLACES);
        let owner = |place| (place % period % workers.max(1)) as u16;
        Sharing { key, toeplitz: key.toeplitz(), owners: core::array::from_fn(owner), period }
    }

    /// The worker that owns connections with this remote address.
    #[inline(always)]
    pub fn owner(&self, remote: Ipv4Addr) -> usize {
        let hash = self.toeplitz.hash(remote.to_bits()) as usize;
        usize::from(self.owners[hash % Sharing::PLACES])
    }

    /// The key of the hash.
    pub fn key(&self) -> RssKey {
        self.key
    }

    /// The table of queues for a NIC, whose queues are numbered as the workers are.
    pub fn queues(&self) -> &[u16] {
        self.owners.get(..self.period).unwrap_or(&self.owners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharing(workers: usize, places: usize) -> Sharing {
        Sharing::new(RssKey::from_random(0x5eed), workers, places)
    }

    #[test]
    fn the_owner_is_the_queue_on_which_a_nic_puts_the_packet() {
        for (workers, places) in [(2, 64), (3, 128), (5, 512)] {
            let sharing = sharing(workers, places);
            let toeplitz = sharing.key().toeplitz();
            for number in 0..10_000u32 {
                let remote = Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b9));
                let place = toeplitz.hash(remote.to_bits()) as usize % sharing.queues().len();
                assert_eq!(sharing.owner(remote), usize::from(sharing.queues()[place]));
            }
        }
    }

    #[test]
    fn clients_of_one_network_go_to_all_workers_alike() {
        for workers in [1, 2, 3, 8] {
            let mut clients = vec![0; workers];
            let sharing = sharing(workers, Sharing::PLACES);
            for host in 0..=255 {
                clients[sharing.owner(Ipv4Addr::new(192, 0, 2, host))] += 1;
            }
            let (least, most) = (clients.iter().min(), clients.iter().max());
            assert!(most.unwrap() - least.unwrap() <= 256 / 8, "{workers}: {clients:?}");
        }
    }

    #[test]
    fn a_table_with_fewer_places_than_workers_still_names_workers() {
        let sharing = sharing(3, 2);
        assert!(sharing.queues().iter().all(|queue| *queue < 3));
    }
}
