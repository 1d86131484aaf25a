//! Who of many strangers is looked at more closely: drawn by lot.
//!
//! First come, first served would let a flood, or a few datagrams sent just before each of
//! the peer's, keep a new start of the peer out for good. Here each datagram of a window has
//! the same chance, whenever in it it came (reservoir sampling, Vitter's algorithm R). So
//! under a flood of F datagrams a second [`PLACES`] / ([`WINDOW`] * F) of the peer's are
//! looked at: at 50,000, one in 25, or two a second on each path.

use core::hash::BuildHasher;
use core::time::Duration;

use failover::Instant;

/// How many of a window are drawn: 2,000 a second, about a hundredth of a core.
pub const PLACES: usize = 40;
/// How long entries are collected.
pub const WINDOW: Duration = Duration::from_millis(20);

/// Datagrams that wait to be drawn.
#[derive(Clone, Debug)]
pub struct Lottery {
    random: u64,
    waiting: Vec<Vec<u8>>,
    entered: u64,
    began: Instant,
}

impl Default for Lottery {
    /// Whose outcome nobody can foresee.
    fn default() -> Self {
        Lottery::seeded(std::hash::RandomState::new().hash_one(0))
    }
}

impl Lottery {
    /// With the same outcome each time.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let begin = Instant::default();
        // The generator stays at 0 for ever.
        Lottery { random: seed.max(1), waiting: Vec::new(), entered: 0, began: begin }
    }

    /// A datagram takes part. True if one has lost for it, this or another.
    pub fn enter(&mut self, datagram: &[u8], now: Instant) -> bool {
        if self.entered == 0 {
            self.began = now;
        }
        self.entered += 1;
        if self.waiting.len() < PLACES {
            self.waiting.push(datagram.to_vec());
            return false;
        }
        let place = usize::try_from(self.next() % self.entered).unwrap_or(usize::MAX);
        if let Some(place) = self.waiting.get_mut(place) {
            place.clear();
            place.extend(datagram);
        }
        true
    }

    /// Those that have won, once the window is over.
    pub fn draw(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if now.since(self.began) < WINDOW {
            return Vec::new();
        }
        self.entered = 0;
        core::mem::take(&mut self.waiting)
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
        const ENTRIES: u64 = 400;
        const ROUNDS: u64 = 2000;
        let mut lottery = Lottery::seeded(1);
        let mut won = [0_u64; ENTRIES as usize];
        for round in 0..ROUNDS {
            let now = Instant(round * 20_000);
            let lost = (0..ENTRIES).filter(|e| lottery.enter(&e.to_le_bytes(), now)).count();
            assert_eq!(lost, ENTRIES as usize - PLACES);
            assert_eq!(lottery.draw(now.plus(WINDOW / 2)), Vec::<Vec<u8>>::new());
            for winner in lottery.draw(now.plus(WINDOW)) {
                won[u64::from_le_bytes(winner.try_into().unwrap()) as usize] += 1;
            }
        }
        // 200 each, with a standard deviation of 13.
        let fair = ROUNDS * PLACES as u64 / ENTRIES;
        assert!(won.iter().all(|&won| won.abs_diff(fair) < 70), "{won:?}");
    }
}
