//! The importing end in one worker.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use super::event::{Change, Event, Replicated};
use super::ring::{Consumer, Producer};
use super::tally::Tally;
use crate::record::{Mark, Record};
use crate::tcp::State;

/// The most workers that an exporter may have: a record keeps a number of one byte for its own.
/// DPDK as distributions build it runs half as many.
pub const MAXIMUM_WORKERS: u16 = u8::MAX as u16;

/// What became of events, counted over all sessions of a worker.
#[derive(Debug, Default)]
pub struct Installs {
    /// Connections for which the table had no room.
    pub refused: AtomicU64,
    /// Connections whose service or real server this machine's configuration lacks.
    pub unserved: AtomicU64,
    /// Connections that were in the way of newer ones.
    pub replaced: AtomicU64,
    /// Stale connections swept out.
    pub swept: AtomicU64,
}

/// Counts one more; the worker is the only writer.
pub(crate) fn count(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
}

/// Installs what another machine tells. Made by another thread; the worker allocates
/// nothing.
#[derive(Debug)]
pub struct Import {
    pub(crate) orders: Consumer,
    pub(crate) replies: Producer,
    pub(crate) installs: Arc<Installs>,
    generation: u16,
    /// By the exporter's worker.
    tallies: Vec<Tally>,
    /// The record at which the sweep goes on.
    pub(crate) sweep: Option<usize>,
    /// The record at which the search for a stale connection goes on, when the table is
    /// full.
    pub(crate) evicted: usize,
}

impl Import {
    /// An import from an exporter with so many workers, not yet begun.
    pub fn new(orders: Consumer, replies: Producer, workers: u16, installs: Arc<Installs>) -> Self {
        let tallies = vec![Tally::default(); usize::from(workers)];
        Import { orders, replies, installs, generation: 0, tallies, sweep: None, evicted: 0 }
    }

    /// What was put so far and is still there, of one of the exporter's workers.
    pub fn tally(&self, origin: u16) -> Tally {
        self.tallies.get(usize::from(origin)).copied().unwrap_or_default()
    }

    pub(crate) fn begin(&mut self, generation: u16) {
        self.generation = generation;
    }

    pub(crate) fn has_put<A: Replicated>(&self, record: &Record<A>) -> bool {
        record.mark().generation == self.generation
    }

    /// Counts a record as put by this session.
    pub(crate) fn put<A: Replicated>(&mut self, record: &mut Record<A>, origin: u16) {
        record.set_mark(Mark { generation: self.generation, origin: origin as u8 });
        if let Some(tally) = self.tallies.get_mut(usize::from(origin)) {
            tally.add(Event::words_of(record, Change::Put, record.state(), false));
        }
    }

    /// Takes a record out of the count, if it is in.
    pub(crate) fn forget<A: Replicated>(&mut self, record: &Record<A>) {
        self.forget_in(record, record.state());
    }

    /// A packet of this machine's own has moved a state: the count follows the table.
    pub(super) fn changed<A: Replicated>(&mut self, record: &mut Record<A>, before: State) {
        if self.has_put(record) {
            self.forget_in(record, before);
            self.put(record, record.mark().origin.into());
        }
    }

    fn forget_in<A: Replicated>(&mut self, record: &Record<A>, state: State) {
        if !self.has_put(record) {
            return;
        }
        if let Some(tally) = self.tallies.get_mut(usize::from(record.mark().origin)) {
            tally.remove(Event::words_of(record, Change::Put, state, false));
        }
    }
}
