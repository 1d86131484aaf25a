//! What the machine has of persistence: the table, and the numbers in it.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use wire::Address;

use super::entry::Second;
use super::table::{Found, Table};
use super::targets::{Numbers, Target, TargetId, Targets};
use super::told::Told;
use crate::time::Instant;

/// Entries of a machine whose configuration does not say how many.
const ENTRIES: usize = 1_000_000;
/// How often an entry is put anew that workers change meanwhile.
const ATTEMPTS: usize = 4;

/// The table of persistent clients, which takes memory once a service has persistence, and the
/// numbers of their servers. Workers read the table; the rest is for other threads.
#[derive(Debug)]
pub struct Persistence<A> {
    entries: usize,
    table: OnceLock<Table>,
    targets: Mutex<Targets<A>>,
    /// The place at which the next step of the sweep begins.
    swept: AtomicUsize,
}

impl<A> Default for Persistence<A> {
    fn default() -> Self {
        Persistence::with_room_for(ENTRIES)
    }
}

impl<A> Persistence<A> {
    /// For so many entries.
    pub fn with_room_for(entries: usize) -> Self {
        Persistence {
            entries,
            table: OnceLock::new(),
            targets: Mutex::default(),
            swept: AtomicUsize::new(0),
        }
    }

    /// The table, if any service has been persistent yet.
    #[inline]
    pub fn table(&self) -> Option<&Table> {
        self.table.get()
    }

    /// How many entries there is room for.
    pub fn room(&self) -> usize {
        self.entries
    }

    /// A step of the sweep, which empties places whose entries are over. One thread takes these
    /// steps, for all places within a month ([`super::Second`] comes again).
    pub fn sweep_on(&self, places: usize, now: Instant) {
        let Some(table) = self.table() else { return };
        let from = self.swept.load(Relaxed);
        table.sweep(from, places, Second::of(now));
        let next = from.saturating_add(places);
        self.swept.store(if next < table.places() { next } else { 0 }, Relaxed);
    }

    /// Takes the memory of the table, unless that is done.
    pub(crate) fn prepare(&self) -> &Table {
        self.table.get_or_init(|| Table::new(self.entries))
    }
}

/// What became of an entry that the peer told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Installed {
    /// It is in the table.
    Taken,
    /// This machine has another server for the client, and knows better.
    Known,
    /// No number was free for its server.
    Refused,
}

impl<A: Address> Persistence<A> {
    pub(super) fn targets(&self) -> MutexGuard<'_, Targets<A>> {
        // A thread that failed has left nothing half done: each change is one step.
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers all servers of a configuration. Those for which there is no number have none:
    /// their clients are not remembered.
    pub(super) fn number_all(&self, targets: Vec<Target<A>>) -> Numbers<A> {
        let mut known = self.targets();
        self.make_room(&mut known, &targets);
        self.prepare();
        known.hold(targets)
    }

    /// If there are not enough numbers for these servers, takes back those of all servers that
    /// no configuration in use has, with the entries that name them.
    fn make_room(&self, known: &mut Targets<A>, targets: &[Target<A>]) {
        if !known.lacks(targets) {
            return;
        }
        let used = known.in_use(targets);
        if let Some(table) = self.table() {
            let is_used = |id: TargetId| used.get(id.index()).copied().unwrap_or(false);
            table.clear(0, table.places(), |word| !is_used(word.target()));
        }
        known.release(&used);
    }

    /// Takes an entry that the peer tells of. On standby its word counts; an active machine
    /// knows better about clients that it has.
    pub fn install(&self, told: &Told<A>, standby: bool, now: Instant) -> Installed {
        let now = Second::of(now);
        // Until the entry is in the table nobody takes its number back.
        let mut known = self.targets();
        self.make_room(&mut known, &[told.target]);
        let Some(id) = known.number(told.target) else { return Installed::Refused };
        let (table, until) = (self.prepare(), now.after(told.left));
        for _ in 0..ATTEMPTS {
            let found = table.find(told.fingerprint, now);
            match found {
                Some(found) if found.target() == id => {
                    table.extend(found, until, now);
                    return Installed::Taken;
                }
                Some(_) if !standby => return Installed::Known,
                _ => {}
            }
            let seen = found.map(Found::target);
            if table.put(told.fingerprint, seen, id, until, now) == id {
                return Installed::Taken;
            }
        }
        Installed::Known
    }
}
