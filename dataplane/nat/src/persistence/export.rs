//! What the peer is told of the table.
//!
//! No worker tells anything: whoever exports looks at every place of the table again and again,
//! and tells what is not as the peer has it. So a worker pays nothing for it, what changes often
//! is told once, and after a break everything is told by itself.

use wire::Address;

use super::entry::{Second, Word};
use super::shared::Persistence;
use super::targets::Targets;
use super::told::Told;
use crate::time::{Instant, Seconds};

/// What was told of each place.
#[derive(Debug, Default)]
pub struct Export {
    told: Vec<Word>,
    /// The place at which the next step begins.
    at: usize,
    /// Passes over the whole table that have ended.
    passes: u64,
}

impl Export {
    /// Passes over the whole table that have ended.
    pub fn passes(&self) -> u64 {
        self.passes
    }

    /// Looks at so many places, and hands what the peer lacks to `tell`. Returns how much that
    /// was.
    pub fn step<A: Address>(
        &mut self,
        persistence: &Persistence<A>,
        places: usize,
        now: Instant,
        mut tell: impl FnMut(&Told<A>),
    ) -> usize {
        let Some(table) = persistence.table() else {
            self.passes += 1;
            return 0;
        };
        let now = Second::of(now);
        self.told.resize(table.places(), Word::EMPTY);
        let end = self.at.saturating_add(places).min(table.places());
        let mut count = 0;
        // Numbers stay what they are while this is held, and so do the entries that name them.
        let targets = persistence.targets();
        for at in self.at..end {
            let word = table.word(at);
            let Some(told) = self.told.get_mut(at) else { break };
            if word.is_empty() {
                *told = Word::EMPTY;
            }
            let Some(as_told) = due(word, *told, now) else { continue };
            *told = as_told;
            let fingerprint = table.fingerprint(at, word);
            if let Some(entry) = fingerprint.and_then(|one| of(one, as_told, &targets, now)) {
                tell(&entry);
                count += 1;
            }
        }
        self.at = end;
        if end == table.places() {
            self.at = 0;
            self.passes += 1;
        }
        count
    }
}

/// The entry as the peer is to have it, if it has another one.
fn due(word: Word, told: Word, now: Second) -> Option<Word> {
    let left = word.left(now)?;
    let is_known = told.tag() == word.tag()
        && told.target() == word.target()
        && told.left(now).is_some_and(|there| there >= left);
    if is_known {
        return None;
    }
    // Each new connection of a client gives its entry more time. The peer gets an eighth more
    // than there is, and is told again when that is used up.
    let there = now.after(Seconds(left.0 + left.0 / 8 + 1));
    Some(Word::new(word.tag(), word.target(), there))
}

fn of<A: Address>(
    fingerprint: super::Fingerprint,
    word: Word,
    targets: &Targets<A>,
    now: Second,
) -> Option<Told<A>> {
    let target = targets.get(word.target())?;
    Some(Told { fingerprint, target, left: word.left(now)? })
}
