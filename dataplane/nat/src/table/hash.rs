//! The keyed hash of the table.
//!
//! The key is drawn at random when the table is made, so nobody outside can choose
//! packets that meet in one bucket (FACTS of other systems: a fixed seed turns a
//! hash table into a list).

use core::hash::{BuildHasher, Hasher};

use ahash::RandomState;
use wire::Address;

use crate::record::Key;

/// The hash of a key: 64 bits, of which the index takes two bucket numbers and a tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Hash(pub(super) u64);

impl Hash {
    /// Of no key in particular.
    pub const NOBODY: Hash = Hash(0);
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
        let mut hasher = self.0.build_hasher();
        let (low, high) = key.head();
        if size_of::<A>() > 4 {
            hasher.write_u64(high);
        }
        hasher.write_u128(u128::from(low) | u128::from(key.tail()) << 64);
        Hash(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

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
}
