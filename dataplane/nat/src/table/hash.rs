//! The keyed hash of the table.
//!
//! The key is drawn at random when the table is made, so nobody outside can choose
//! packets that meet in one bucket (FACTS of other systems: a fixed seed turns a
//! hash table into a list).

use ahash::RandomState;
use wire::Address;

use crate::record::Key;

/// The hash of a key: 64 bits, of which the index takes two bucket numbers and a tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Hash(pub(super) u64);

impl Hash {
    /// Of no key in particular.
    pub const EMPTY: Hash = Hash(0);
}

/// Hashes keys with a random seed.
#[derive(Clone, Debug)]
pub(super) struct KeyHasher(RandomState);

impl KeyHasher {
    /// A hasher with a seed of its own, from the system's randomness.
    pub(super) fn random() -> Self {
        KeyHasher(RandomState::new())
    }

    /// A hasher that repeats.
    pub(super) const fn from_seed(seed: u64) -> Self {
        KeyHasher(RandomState::with_seeds(seed, !seed, seed.rotate_left(32), 0x9e37_79b9_7f4a_7c15))
    }

    #[inline(always)]
    pub(super) fn hash<A: Address>(&self, key: &Key<A>) -> Hash {
        Hash(self.0.hash_one(key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;
    use wire::{FiveTuple, Port, Protocol};

    use super::*;
    use crate::Side;

    #[test]
    fn two_tables_hash_differently_and_a_seed_repeats() {
        let tuple = FiveTuple {
            source: Ipv4Addr::new(198, 51, 100, 7),
            destination: Ipv4Addr::new(198, 18, 0, 1),
            source_port: Port::new(40_000),
            destination_port: Port::new(80),
            protocol: Protocol::Tcp,
        };
        let key = Key::new(tuple, Side::Public);
        assert_ne!(KeyHasher::random().hash(&key), KeyHasher::random().hash(&key));
        assert_eq!(KeyHasher::from_seed(7).hash(&key), KeyHasher::from_seed(7).hash(&key));
        assert_ne!(KeyHasher::from_seed(7).hash(&key), KeyHasher::from_seed(8).hash(&key));
    }

    fn ipv6_key(source: u128, destination: u128) -> Key<Ipv6Addr> {
        let tuple = FiveTuple {
            source: Ipv6Addr::from(source),
            destination: Ipv6Addr::from(destination),
            source_port: Port::new(40_000),
            destination_port: Port::new(443),
            protocol: Protocol::Tcp,
        };
        Key::new(tuple, Side::Public)
    }

    /// Whoever has a /48 chooses among 65,536 networks, and may put whatever address of
    /// such a network into a packet.
    #[test]
    fn the_networks_of_one_ipv6_site_all_hash_differently() {
        const VIP: u128 = 0x2001_0db8_ffff_0000_0000_0000_0000_0010;
        let networks = (0..=0xffff_u128).map(|network| 0x2001_0db8_0001_0000 | network);
        for same_host in [1, VIP as u64] {
            let sources = networks.clone().map(|network| network << 64 | u128::from(same_host));
            let hasher = KeyHasher::random();
            let hashes: HashSet<_> =
                sources.map(|source| hasher.hash(&ipv6_key(source, VIP)).0).collect();
            assert_eq!(hashes.len(), 0x1_0000);
        }
    }

    proptest! {
        /// Every bit of both addresses takes part, each at its own place: neither exchanged
        /// addresses nor one bit in both make keys that meet.
        #[test]
        fn every_bit_of_an_ipv6_key_counts(source: u128, destination: u128, seed: u64) {
            let hasher = KeyHasher::from_seed(seed);
            let hash = |source, destination| hasher.hash(&ipv6_key(source, destination));
            let this = hash(source, destination);
            prop_assert!(source == destination || hash(destination, source) != this);
            for bit in (0..128).map(|bit| 1_u128 << bit) {
                prop_assert_ne!(hash(source ^ bit, destination), this);
                prop_assert_ne!(hash(source, destination ^ bit), this);
                for other in (0..128).map(|other| 1_u128 << other) {
                    prop_assert_ne!(hash(source ^ bit, destination ^ other), this);
                }
            }
        }
    }
}
