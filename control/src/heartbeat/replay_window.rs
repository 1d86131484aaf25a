//! The replay window (RFC 4303 section 3.4.3, in the form of RFC 6479).

/// Bits of the window are kept in a ring of words by their counter; the word ahead of the
/// window is cleared as it moves, so nothing is ever shifted.
const WORDS: usize = 17;

/// How far behind the highest counter one may come.
pub const SIZE: u64 = (WORDS as u64 - 1) * 64;

/// Which counters were seen.
#[derive(Clone, Debug, Default)]
pub struct ReplayWindow {
    highest: u64,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// True if the counter is neither seen nor too old. 0 is never used.
    #[must_use]
    pub fn is_new(&self, counter: u64) -> bool {
        if counter > self.highest {
            return true;
        }
        if counter == 0 || self.highest - counter >= SIZE {
            return false;
        }
        let (word, bit) = place(counter);
        self.seen.get(word).is_some_and(|seen| seen & bit == 0)
    }

    /// The counter is seen: its message is authentic.
    pub fn see(&mut self, counter: u64) {
        if counter > self.highest {
            let words = (counter / 64 - self.highest / 64).min(WORDS as u64);
            for step in 1..=words {
                let (word, _) = place((self.highest / 64 + step).wrapping_mul(64));
                self.set(word, 0);
            }
            self.highest = counter;
        }
        let (word, bit) = place(counter);
        let seen = self.seen.get(word).copied().unwrap_or(0);
        self.set(word, seen | bit);
    }

    fn set(&mut self, word: usize, bits: u64) {
        if let Some(seen) = self.seen.get_mut(word) {
            *seen = bits;
        }
    }
}

fn place(counter: u64) -> (usize, u64) {
    ((counter / 64 % WORDS as u64) as usize, 1 << (counter % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// What RFC 4303 says, in other words.
    #[derive(Default)]
    struct Model {
        seen: HashSet<u64>,
    }

    impl Model {
        fn is_new(&self, counter: u64) -> bool {
            let highest = self.seen.iter().max().copied().unwrap_or(0);
            counter > 0 && counter + SIZE > highest && !self.seen.contains(&counter)
        }
    }

    #[test]
    fn it_agrees_with_the_rfc() {
        let mut random = 1_u64;
        for jump in [3, 70, 900, 1100, 5000] {
            let (mut window, mut model, mut base) =
                (ReplayWindow::default(), Model::default(), 1_u64);
            for _ in 0..500 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                base += (random >> 33) % jump;
                let back = (random >> 17) % 1500;
                let counter = base.saturating_sub(back);
                assert_eq!(window.is_new(counter), model.is_new(counter), "{counter}");
                if window.is_new(counter) {
                    window.see(counter);
                    model.seen.insert(counter);
                }
            }
        }
    }

    #[test]
    fn the_edges() {
        let mut window = ReplayWindow::default();
        assert!(!window.is_new(0));
        window.see(u64::MAX);
        assert!(!window.is_new(u64::MAX));
        assert!(window.is_new(u64::MAX - SIZE + 1));
        assert!(!window.is_new(u64::MAX - SIZE));
    }
}
