//! Counts that two machines compare.

use super::event;
use super::ring::Words;

/// How many connections, and a sum over a hash of each: equal for equal sets, whatever
/// the order in which they came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Connections.
    pub count: u64,
    /// The sum, wrapping.
    pub digest: u64,
}

impl Tally {
    /// Counts the connection of an event.
    #[inline]
    pub(super) fn add(&mut self, words: Words) {
        self.count = self.count.wrapping_add(1);
        self.digest = self.digest.wrapping_add(event::digest(words));
    }

    /// Takes it out again; the state must be the one that was counted.
    #[inline]
    pub(super) fn remove(&mut self, words: Words) {
        self.count = self.count.wrapping_sub(1);
        self.digest = self.digest.wrapping_sub(event::digest(words));
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            count: self.count.wrapping_add(other.count),
            digest: self.digest.wrapping_add(other.digest),
        }
    }
}
