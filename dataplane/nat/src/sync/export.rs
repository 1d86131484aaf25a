//! The exporting end in one worker.

use super::entry::Journaled;
use super::event::{Change, Event, Replicated};
use super::ring::Producer;
use super::tally::Tally;
use crate::record::{Mark, Record};
use crate::table::Table;
use crate::tcp::State;
use crate::time::Instant;

/// Records that the walk looks at in one poll.
const STEP: usize = 32;
/// Records that it looks at in a millisecond: half a million a second cost a worker about
/// one part in a hundred of its time.
const PER_MILLISECOND: usize = 512;
/// Between two tallies.
const TALLY_MILLIS: u64 = 1000;

/// Tells of a worker's connections. Made by another thread; the worker allocates nothing.
#[derive(Debug)]
pub struct Export {
    ring: Producer,
    generation: u16,
    tally: Tally,
    tallied: Option<Instant>,
    /// The record at which the walk goes on.
    walk: Option<usize>,
    /// The millisecond in which the walk last took a step, and the records that it may
    /// still look at in it.
    budget: (Instant, usize),
    /// The last mark written.
    marked: u64,
}

impl Export {
    /// An export into this ring, not yet begun.
    pub fn new(ring: Producer) -> Self {
        Export {
            ring,
            generation: 0,
            tally: Tally::default(),
            tallied: None,
            walk: Some(0),
            budget: (Instant::default(), 0),
            marked: 0,
        }
    }

    /// What was told so far and is still there.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// True when everything has been told once.
    pub fn is_complete(&self) -> bool {
        self.walk.is_none()
    }

    pub(crate) fn begin(&mut self, generation: u16) {
        self.generation = generation;
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { generation: self.generation, origin: 0 }
    }

    fn has_told<A: Replicated>(&self, record: &Record<A>) -> bool {
        record.mark().generation == self.generation
    }

    /// A connection that carries [`Export::mark`] was opened.
    #[inline]
    pub(super) fn opened<A: Replicated>(&mut self, record: &Record<A>) {
        // It would be over before the peer could use it.
        if record.is_one_packet() {
            return;
        }
        let words = Event::words_of(record, Change::Put, record.state(), false);
        self.tally.add(words);
        self.ring.push(words);
    }

    pub(super) fn changed<A: Replicated>(&mut self, record: &mut Record<A>, before: State) {
        if self.has_told(record) {
            self.tally.remove(Event::words_of(record, Change::Put, before, false));
        }
        record.set_mark(self.mark());
        self.opened(record);
    }

    pub(super) fn closed<A: Replicated>(&mut self, record: &Record<A>, was_weak: bool) {
        // Nobody was told of what came and went in a flood. If the importer has it from the session
        // before, it goes with what this session has not put.
        if record.is_one_packet() || was_weak && !self.has_told(record) {
            return;
        }
        let words = Event::words_of(record, Change::Close, record.state(), false);
        if self.has_told(record) {
            self.tally.remove(words);
        }
        // Also of what was not told in this session: the importer may still have it from
        // the session before.
        self.ring.push(words);
    }

    /// What is to be done in each poll: a step of the walk, tallies, marks. A ring that
    /// has overflowed gets nothing more; its reader starts over. Returns how many records
    /// the walk has looked at.
    pub(crate) fn step<A: Replicated>(&mut self, table: &mut Table<A>, now: Instant) -> usize {
        let walked = self.walk.map_or(0, |start| self.walk_on(table, start, now));
        let due = self.tallied.is_none_or(|at| now.since(at) >= TALLY_MILLIS);
        if self.walk.is_none() && due && self.ring.room() > 0 {
            self.tallied = Some(now);
            let tally = self.tally;
            self.ring.push(Journaled::Tally { tally, complete: true }.words());
        }
        // A mark says that everything was told, so the walk comes first.
        let wanted = self.ring.wanted();
        if self.walk.is_none() && wanted != self.marked && self.ring.room() > 0 {
            self.marked = wanted;
            self.ring.push(Journaled::Mark(wanted).words());
        }
        walked
    }

    fn walk_on<A: Replicated>(
        &mut self,
        table: &mut Table<A>,
        start: usize,
        now: Instant,
    ) -> usize {
        if self.budget.0 != now {
            self.budget = (now, PER_MILLISECOND);
        }
        let mut at = start;
        let end = (start + STEP.min(self.budget.1)).min(table.places());
        // What happens meanwhile finds the other half of the ring free.
        while at < end && self.ring.is_half_free() {
            let told = table.at_mut(at).filter(|(_, record)| !record.is_one_packet());
            if let Some((_, record)) = told {
                self.put(record);
            }
            at += 1;
        }
        self.budget.1 -= at - start;
        self.walk = (at < table.places()).then_some(at);
        at - start
    }

    fn put<A: Replicated>(&mut self, record: &mut Record<A>) {
        let words = Event::words_of(record, Change::Put, record.state(), true);
        if !self.has_told(record) {
            record.set_mark(self.mark());
            self.tally.add(words);
        }
        self.ring.push(words);
    }
}
