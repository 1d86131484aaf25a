//! A depth-first search that visits each state once.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use failover::Notice;

use crate::pair::{Happening, Pair};
use crate::rules;

/// The states that the search has visited, and what it found in them.
#[derive(Default, Debug)]
pub(crate) struct Seen {
    pub(crate) states: usize,
    pub(crate) claims: usize,
    conflicts: usize,
    handovers: usize,
    stalls: usize,
    departures: usize,
    pub(crate) outreached: usize,
    /// The first rule that was broken, and how it came to that.
    pub(crate) broken: Option<String>,
}

impl Seen {
    /// Asserts that every rule holds, and that everything that can happen has happened.
    pub(crate) fn assert_wide(&self, states: usize) {
        println!("{self:?}");
        assert_eq!(self.broken, None);
        assert!(self.states > states, "{} states only", self.states);
        let counts = [self.claims, self.handovers, self.stalls, self.departures];
        assert!(counts.iter().all(|&count| count > 0), "{self:?}");
    }

    /// Asserts that every rule holds, and that the role was taken.
    pub(crate) fn assert_safe(&self, states: usize) {
        println!("{self:?}");
        assert_eq!(self.broken, None);
        assert!(self.states > states && self.claims > 0, "{self:?}");
    }

    fn count(&mut self, pair: &Pair) {
        self.claims += usize::from(pair.claimed.is_some());
        for notice in &pair.notices {
            match notice {
                Notice::ConflictLost => self.conflicts += 1,
                Notice::HandedOver => self.handovers += 1,
                Notice::Stalled | Notice::LeaseLost => self.stalls += 1,
                Notice::PeerLeft => self.departures += 1,
                Notice::ReachesLess => self.outreached += 1,
                _ => {}
            }
        }
    }
}

pub(crate) fn search(start: &Pair) -> Seen {
    // 64 bits of a keyed hash stand for a state: of some millions two alike are unlikely.
    let hasher = RandomState::new();
    let mut known = HashSet::new();
    let mut seen = Seen::default();
    let mut stack: Vec<(Pair, Vec<Happening>)> = vec![(start.clone(), start.choices())];
    let mut trace: Vec<Happening> = Vec::new();
    while let Some((pair, choices)) = stack.last_mut() {
        let Some(choice) = choices.pop() else {
            stack.pop();
            trace.pop();
            continue;
        };
        let mut next = pair.clone();
        next.happen(choice);
        if !known.insert(hasher.hash_one(&next)) {
            continue;
        }
        seen.count(&next);
        trace.push(choice);
        if let Err(rule) = rules::check(&mut next) {
            seen.broken = Some(format!("{rule}: {trace:?}"));
            break;
        }
        let choices = next.choices();
        stack.push((next, choices));
    }
    seen.states = known.len();
    seen
}
