//! The first choices of clients that were here before.
//!
//! To compare all servers takes time in proportion to their number, and a client mostly opens
//! more than one connection. A choice is remembered by the client's whole hash, so what is found
//! here is what would be found by comparing.

use crate::scheduler::siphash::scale;

/// Bits of a hash that say in which row its choice is: room for 4,096 clients, in 40 KiB.
const CLIENTS: u32 = 9;
/// dh has a client for each virtual IP of a service.
const DESTINATIONS: u32 = 3;

/// Choices of hashes that meet, the newest first.
#[derive(Clone, Copy, Debug)]
struct Row {
    hashes: [u64; WAYS],
    choices: [u16; WAYS],
}

const WAYS: usize = 8;
/// No choice.
const UNKNOWN: u16 = u16::MAX;

impl Row {
    const EMPTY: Row = Row { hashes: [0; WAYS], choices: [UNKNOWN; WAYS] };
}

/// Choices by hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    rows: Box<[Row]>,
    /// The weights by which they were made.
    version: Option<u64>,
}

impl Memory {
    /// For clients.
    pub(super) fn of_clients() -> Self {
        Memory::with_bits(CLIENTS)
    }

    /// For virtual IPs.
    pub(super) fn of_destinations() -> Self {
        Memory::with_bits(DESTINATIONS)
    }

    fn with_bits(bits: u32) -> Self {
        Memory { rows: vec![Row::EMPTY; 1 << bits].into(), version: None }
    }

    /// The choice for this hash: the remembered one, or the one that `choose` makes. With weights
    /// that may change at any time nothing is remembered.
    #[inline(always)]
    pub(super) fn choice(
        &mut self,
        hash: u64,
        version: Option<u64>,
        choose: impl FnOnce() -> Option<usize>,
    ) -> Option<usize> {
        if version.is_none() || self.rows.is_empty() {
            return choose();
        }
        if self.version != version {
            self.version = version;
            self.rows.fill(Row::EMPTY);
        }
        let number = scale(hash, self.rows.len() as u64) as usize;
        let Some(row) = self.rows.get_mut(number) else { return choose() };
        // All of a row at once: at which of its places a hash is, nobody foresees.
        let matches = (1..).zip(&row.hashes).map(|(way, &one)| if one == hash { way } else { 0 });
        let way = matches.fold(0u64, |found, way| found | way) as usize;
        match way.checked_sub(1).and_then(|way| row.choices.get(way)) {
            None | Some(&UNKNOWN) => {}
            Some(&choice) => return Some(choice.into()),
        }
        let chosen = choose()?;
        row.hashes.rotate_right(1);
        row.choices.rotate_right(1);
        (row.hashes[0], row.choices[0]) = (hash, chosen as u16);
        Some(chosen)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.version = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::scheduler::siphash::mix;

    proptest! {
        #[test]
        fn what_is_remembered_is_what_was_chosen(
            asked in vec((0u64..200, 0u64..3), 1..600),
            destinations: bool,
        ) {
            let new = if destinations { Memory::of_destinations } else { Memory::of_clients };
            let mut memory = new();
            for (client, version) in asked {
                let hash = mix(client + 1);
                let choice = (mix(hash ^ version) % 1024) as usize;
                prop_assert_eq!(memory.choice(hash, Some(version), || Some(choice)), Some(choice));
                // Not asked again, but for weights that change at any time.
                prop_assert_eq!(memory.choice(hash, Some(version), || None), Some(choice));
                prop_assert_eq!(memory.choice(hash, None, || None), None);
            }
        }
    }

    #[test]
    fn nobody_is_not_remembered_and_nothing_is_after_clear() {
        let mut memory = Memory::of_clients();
        assert_eq!(memory.choice(0, Some(0), || None), None);
        assert_eq!(memory.choice(0, Some(0), || Some(0)), Some(0));
        memory.clear();
        assert_eq!(memory.choice(0, Some(0), || Some(7)), Some(7));
        assert_eq!(Memory::default().choice(0, Some(0), || Some(7)), Some(7));
    }
}
