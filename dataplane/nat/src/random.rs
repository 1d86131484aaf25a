//! Random numbers for workers: ports, scheduler starts.
//!
//! RFC 6056 section 3.1 asks that an attacker off the path cannot guess the next port.
//! The state starts from the system's randomness, and outputs are mixed so that those
//! seen tell little of those to come; what must stay secret (keys) is never made here.

use ahash::RandomState;

/// The generator SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014), with a secret mixed into what comes out.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    secret: u64,
}

impl Random {
    /// A generator with a seed of its own.
    pub fn from_system() -> Self {
        let seeds = RandomState::new();
        Random { state: seeds.hash_one(1u8), secret: seeds.hash_one(2u8) }
    }

    /// A generator that repeats, for tests.
    pub const fn from_seed(seed: u64) -> Self {
        Random { state: seed, secret: 0 }
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27) ^ self.secret).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is at least 1.
    #[inline]
    pub fn below(&mut self, limit: u32) -> u32 {
        ((u128::from(self.next_u64()) * u128::from(limit)) >> 64) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_generators_differ_and_a_seed_repeats() {
        let (mut a, mut b) = (Random::from_system(), Random::from_system());
        assert_ne!(a.next_u64(), b.next_u64());
        assert_eq!(Random::from_seed(7).next_u64(), Random::from_seed(7).next_u64());
    }

    #[test]
    fn every_number_below_the_limit_comes() {
        let mut random = Random::from_seed(1);
        let mut seen = [0; 10];
        for _ in 0..10_000 {
            seen[random.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| (800..1200).contains(&count)), "{seen:?}");
    }
}
