//! The permits that no worker has.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64};

use wire::Address;

use super::{Budgets, Limit, SLOTS, Slot, limited};
use crate::service::{ServerId, Services};

/// Workers whose spare permits can be told apart. The others keep none.
pub(super) const HOLDERS: usize = 64;

/// The most permits that a worker takes at once.
const SLICE: i64 = 32;

/// One limit, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Entry {
    /// Permits that no worker has; below zero by what opened without one.
    free: AtomicI64,
    /// The workers that have spare permits, a bit each.
    holders: AtomicU64,
    /// The limit; 0: there is none, or it does not count yet.
    most: AtomicU32,
    resume_below: AtomicU32,
    /// The limit that holds instead of the configuration's; 0: none.
    instead: AtomicU32,
    /// As many are held as the limit says, or were, and not yet fewer than `resume_below`.
    full: AtomicBool,
    /// Somebody found no permit: none is to be spare.
    asked: AtomicBool,
}

/// What came of a look for free permits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// So many are the worker's now.
    Permits(u32),
    /// There is none for now.
    None,
}

impl Entry {
    pub(super) fn counts(&self) -> bool {
        self.most.load(Relaxed) > 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Relaxed)
    }

    pub(super) fn free(&self) -> i64 {
        self.free.load(Relaxed)
    }

    /// True while permits must not be spare.
    pub(super) fn is_short(&self) -> bool {
        self.asked.load(Acquire) || self.full.load(Relaxed) || self.free() < 0
    }

    /// Says that the worker has spare permits, before it has, or that it has none any more.
    pub(super) fn set_holder(&self, worker: usize, holds: bool) {
        let bit = 1 << (worker % HOLDERS);
        match holds {
            true => self.holders.fetch_or(bit, AcqRel),
            false => self.holders.fetch_and(!bit, AcqRel),
        };
    }

    fn has_holder(&self) -> bool {
        self.holders.load(Acquire) != 0
    }

    /// The limit that holds where the configuration has this one.
    fn in_force(&self, configured: Limit) -> Limit {
        match self.instead.load(Relaxed) {
            0 => configured,
            most => Limit::with_default_mark(most),
        }
    }

    /// Takes a slice for one of so many workers.
    pub(super) fn take(&self, workers: u32, at_most: u32) -> Taken {
        let mut free = self.free.load(Relaxed);
        loop {
            if free <= 0 {
                return Taken::None;
            }
            let asked = self.asked.load(Relaxed);
            let slice = if asked { 1 } else { free / (2 * i64::from(workers.max(1))) };
            let slice = slice.clamp(1, SLICE.min(i64::from(at_most.max(1))));
            match self.free.compare_exchange_weak(free, free - slice, AcqRel, Relaxed) {
                Ok(_) => {
                    if asked && free - slice > self.plenty() {
                        self.asked.store(false, Release);
                    }
                    return Taken::Permits(slice as u32);
                }
                Err(now) => free = now,
            }
        }
    }

    /// More free permits than this, and workers may have spare ones again.
    fn plenty(&self) -> i64 {
        i64::from(self.most.load(Relaxed) / 8).clamp(1, 256)
    }

    /// Gives permits back, or takes them whether there are some or not: a debt.
    pub(super) fn give(&self, permits: i64) {
        let free = self.free.fetch_add(permits, AcqRel) + permits;
        if self.is_full() {
            let limit = i64::from(self.most.load(Relaxed));
            // What is held is at most the rest.
            if limit - free < i64::from(self.resume_below.load(Relaxed)) {
                self.full.store(false, Release);
            }
        }
    }

    /// True if every permit is held.
    fn is_used_up(&self) -> bool {
        self.free() <= 0 && !self.has_holder()
    }
}

/// The free permits of all limits. Workers take them in slices; the main process sets limits.
#[derive(Debug)]
pub struct Limits {
    entries: Box<[Entry]>,
    /// Grows whenever workers are to give spare permits back.
    requests: AtomicU64,
}

impl Default for Limits {
    fn default() -> Self {
        let entries = (0..SLOTS).map(|_| Entry::default()).collect();
        Limits { entries, requests: AtomicU64::new(0) }
    }
}

impl Limits {
    pub(super) fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot.index())
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Acquire)
    }

    /// Takes note that somebody found no permit: the limit is full, or others have spare ones
    /// and are asked for them.
    #[cold]
    pub(super) fn ask(&self, entry: &Entry) {
        let changes = match entry.is_used_up() {
            true => !entry.full.swap(true, AcqRel),
            false => !entry.asked.swap(true, AcqRel),
        };
        if changes {
            self.requests.fetch_add(1, Release);
        }
    }

    /// The last permit may have been used: the limit is full if it was.
    pub(super) fn look_whether_full(&self, entry: &Entry) {
        if entry.counts() && entry.is_used_up() && !entry.full.swap(true, AcqRel) {
            self.requests.fetch_add(1, Release);
        }
    }

    /// Makes the limits of these services count, instead of those of the ones before. Every worker
    /// has followed them ([`Budgets::follow`]); `workers` are theirs.
    pub fn follow<A: Address>(
        &self,
        before: &Services<A>,
        services: &Services<A>,
        workers: &[&Budgets],
    ) {
        let gone = before.iter().flat_map(limited).filter(|slot| !slot.is_limited(services));
        for slot in gone.chain(services.iter().flat_map(limited)) {
            self.set(slot, slot.limit_in(services), workers);
        }
    }

    /// Sets or lifts a limit that every worker counts by now, or no longer does.
    fn set(&self, slot: Slot, limit: Option<Limit>, workers: &[&Budgets]) {
        let Some(entry) = self.entry(slot) else { return };
        if limit.is_none() {
            entry.instead.store(0, Relaxed);
        }
        let limit = limit.map(|limit| entry.in_force(limit));
        let before = entry.most.load(Relaxed);
        let (most, resume_below) = limit.map_or((0, 0), |limit| (limit.most, limit.resume_below));
        if (before, entry.resume_below.load(Relaxed)) == (most, resume_below) {
            return;
        }
        let change = i64::from(most) - i64::from(before);
        let free = entry.free.fetch_add(change, AcqRel) + change;
        entry.resume_below.store(resume_below, Relaxed);
        entry.most.store(most, Release);
        let held: u64 = workers.iter().map(|budgets| u64::from(budgets.held(slot))).sum();
        // What holds from now on is decided anew.
        entry.full.store(most > 0 && held >= u64::from(most), Release);
        entry.asked.store(most > 0 && free <= 0, Release);
        self.requests.fetch_add(1, Release);
    }

    /// Has a limit hold instead of the one that the configuration gives a server, from now on and
    /// over other configurations; none: the configuration's. Nothing happens where the
    /// configuration gives it none, not even [`Limit::NONE`].
    pub fn limit_instead<A: Address>(
        &self,
        server: ServerId,
        most: Option<u32>,
        services: &Services<A>,
        workers: &[&Budgets],
    ) {
        let slot = Slot::from(server);
        if let (Some(entry), Some(limit)) = (self.entry(slot), slot.limit_in(services)) {
            entry.instead.store(most.unwrap_or(0), Relaxed);
            self.set(slot, Some(limit), workers);
        }
    }

    /// The limit that holds where the configuration has this one; none: as many as come.
    pub fn in_force<S: Into<Slot>>(&self, of: S, configured: Limit) -> Option<Limit> {
        let limit = self.entry(of.into()).map_or(configured, |entry| entry.in_force(configured));
        (limit != Limit::NONE && limit.most() != u32::MAX).then_some(limit)
    }

    /// True while no connection is added because of the limit, if there is one.
    pub fn is_full<S: Into<Slot>>(&self, of: S) -> bool {
        self.entry(of.into()).is_some_and(|entry| entry.counts() && entry.is_full())
    }
}
