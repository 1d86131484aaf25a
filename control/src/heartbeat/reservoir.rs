//! A reservoir of datagrams from unproven senders: a fair sample of them is authenticated.
//!
//! First come, first served would let a flood, or a few datagrams sent just before each of
//! the peer's, keep a new start of the peer out for good. Here each datagram of a window has
//! the same chance, whenever in it it came (reservoir sampling, Vitter's algorithm R). So
//! under a flood of F datagrams a second [`PLACES`] / ([`WINDOW`] * F) of the peer's are
//! authenticated: at 50,000, one in 25, or two a second on each path.

use core::hash::BuildHasher;
use core::time::Duration;

use failover::Instant;

/// The size of a window's sample. It makes 2,000 a second, about a hundredth of a core.
pub const PLACES: usize = 40;
/// How long datagrams are collected before a sample is taken.
pub const WINDOW: Duration = Duration::from_millis(20);

/// The sample of the datagrams that were offered so far in this window.
#[derive(Clone, Debug)]
pub struct Reservoir {
    random: u64,
    sample: Vec<Vec<u8>>,
    offered: u64,
    began: Instant,
}

impl Default for Reservoir {
    /// The random seed comes from the system, so that nobody can foresee the sample.
    fn default() -> Self {
        Reservoir::seeded(std::hash::RandomState::new().hash_one(0))
    }
}

impl Reservoir {
    /// A reservoir that takes the same sample each time, for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let begin = Instant::default();
        // The generator stays at 0 for ever.
        Reservoir { random: seed.max(1), sample: Vec::new(), offered: 0, began: begin }
    }

    /// Offers a datagram to the sample. True if one was left out for it, this or another.
    pub fn offer(&mut self, datagram: &[u8], now: Instant) -> bool {
        if self.offered == 0 {
            self.began = now;
        }
        self.offered += 1;
        if self.sample.len() < PLACES {
            self.sample.push(datagram.to_vec());
            return false;
        }
        let place = usize::try_from(self.next() % self.offered).unwrap_or(usize::MAX);
        if let Some(place) = self.sample.get_mut(place) {
            place.clear();
            place.extend(datagram);
        }
        true
    }

    /// Takes the sample once the window is over; before, nothing.
    pub fn take_sample(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if now.since(self.began) < WINDOW {
            return Vec::new();
        }
        self.offered = 0;
        core::mem::take(&mut self.sample)
    }

    /// xorshift64* (Vigna 2016).
    fn next(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_the_same_chance_wherever_it_stands() {
        const OFFERED: u64 = 400;
        const ROUNDS: u64 = 2000;
        let mut reservoir = Reservoir::seeded(1);
        let mut chosen = [0_u64; OFFERED as usize];
        for round in 0..ROUNDS {
            let now = Instant(round * 20_000);
            let left_out = (0..OFFERED).filter(|e| reservoir.offer(&e.to_le_bytes(), now)).count();
            assert_eq!(left_out, OFFERED as usize - PLACES);
            assert_eq!(reservoir.take_sample(now.plus(WINDOW / 2)), Vec::<Vec<u8>>::new());
            for datagram in reservoir.take_sample(now.plus(WINDOW)) {
                chosen[u64::from_le_bytes(datagram.try_into().unwrap()) as usize] += 1;
            }
        }
        // 200 each, with a standard deviation of 13.
        let fair = ROUNDS * PLACES as u64 / OFFERED;
        assert!(chosen.iter().all(|&chosen| chosen.abs_diff(fair) < 70), "{chosen:?}");
    }
}
