//! How many connections each real server has: the one count for schedulers and for status.
//!
//! Each worker counts its own connections in [`Loads`], which it alone writes. A scheduler has
//! to know of all workers' connections, so another thread adds up from time to time what the
//! other workers have, and writes it beside ([`share`]): a worker knows its own connections at
//! once, and those of others as they were then. No line of memory is written for a packet or a
//! connection that another worker reads for one.

use core::ops::{Deref, Range};
use core::sync::atomic::{AtomicU64, Ordering, Ordering::Relaxed};

use zerocopy::FromZeros;

use super::members::{Changed, Members};
use super::{MAXIMUM_SERVERS, ServerId};
use crate::memory;
use crate::scheduler::Load;

/// The connections of one real server: the active ones in the low half, the inactive ones in the
/// high half. Both are one number, so that no reader finds a connection that moves from one to
/// the other in neither.
#[derive(Debug, Default, FromZeros)]
#[repr(transparent)]
struct Counts(AtomicU64);

const ACTIVE: u64 = 1;
const INACTIVE: u64 = 1 << 32;

const fn unpack(counts: u64) -> Load {
    Load { active: counts as u32, inactive: (counts >> 32) as u32 }
}

impl Counts {
    // One writer: a load and a store, no locked instruction.
    #[inline(always)]
    fn change(&self, change: impl FnOnce(u64) -> u64) {
        self.0.store(change(self.0.load(Relaxed)), Relaxed);
    }
}

#[inline(always)]
const fn one(active: bool) -> u64 {
    if active { ACTIVE } else { INACTIVE }
}

/// Counts on a cache line.
const LINE: usize = 64 / size_of::<Counts>();

/// Counts of all servers, by number. A line at both ends stays empty, so that nothing that another
/// thread writes is on theirs.
#[derive(Debug)]
struct Table(Box<[Counts]>);

impl Default for Table {
    fn default() -> Self {
        Table(memory::zeroed(MAXIMUM_SERVERS + 2 * LINE))
    }
}

impl Table {
    #[inline(always)]
    fn counts(&self, server: usize) -> Option<&Counts> {
        self.0.get(server + LINE)
    }

    #[inline(always)]
    fn read(&self, server: usize) -> u64 {
        self.counts(server).map_or(0, |counts| counts.0.load(Relaxed))
    }
}

/// Counts that no other thread's words are beside.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Version(AtomicU64);

/// The loads of all real servers as one worker knows them. It alone counts its own; any thread
/// may read.
#[derive(Debug, Default)]
pub struct Loads {
    own: Table,
    /// The servers whose own counts have changed, until a scheduler takes note.
    changed: Changed,
    /// What the other workers have, as of the last [`share`].
    others: Table,
    version: Version,
}

impl Loads {
    /// The load of one server on this worker; none for [`ServerId::NONE`].
    #[inline(always)]
    pub fn of(&self, server: ServerId) -> Load {
        unpack(self.own.read(server.index()))
    }

    /// The load of one server on all workers, as far as this one knows.
    #[inline(always)]
    pub fn all(&self, server: ServerId) -> Load {
        self.numbered(server.index())
    }

    #[inline(always)]
    fn numbered(&self, number: usize) -> Load {
        // Connections of a machine fit 32 bits, so the halves do not touch each other.
        unpack(self.own.read(number).wrapping_add(self.others.read(number)))
    }

    /// Another number whenever the counts of other workers have changed.
    #[inline(always)]
    pub fn version(&self) -> u64 {
        self.version.0.load(Ordering::Acquire)
    }

    /// True while the server has a connection.
    pub fn has_connections(&self, server: ServerId) -> bool {
        self.of(server) != Load::default()
    }

    /// Calls `each` with the place and the load of each server that has other counts of this
    /// worker's than when this was last called. Only the worker may call it.
    #[inline(always)]
    pub(super) fn each_changed(&self, members: &Members, mut each: impl FnMut(usize, Load)) {
        members.take(&self.changed, |at, number| each(at, self.numbered(number)));
    }

    /// The same for whoever only looks: what has changed is left for the scheduler.
    pub(super) fn peek_changed(&self, members: &Members, mut each: impl FnMut(usize, Load)) {
        members.peek(&self.changed, |at, number| each(at, self.numbered(number)));
    }

    #[inline(always)]
    fn change(&self, server: ServerId, change: impl FnOnce(u64) -> u64) {
        let Some(counts) = self.own.counts(server.index()) else { return };
        counts.change(change);
        self.changed.insert(server);
    }

    /// Counts a connection that opens.
    #[inline(always)]
    pub fn opened(&self, server: ServerId, active: bool) {
        self.change(server, |all| all.wrapping_add(one(active)));
    }

    /// Counts a connection that ends. To be called of those that were counted as opened, or moved
    /// there.
    #[inline(always)]
    pub fn closed(&self, server: ServerId, active: bool) {
        self.change(server, |all| all.wrapping_sub(one(active)));
    }

    /// Counts a connection that becomes active, or inactive.
    pub fn moved(&self, server: ServerId, to_active: bool) {
        self.change(server, |all| all.wrapping_add(one(to_active)).wrapping_sub(one(!to_active)));
    }
}

/// Tells each worker what all the others have of the servers with these numbers. To be called by
/// one thread; what is as it was is not written.
pub fn share<L: Deref<Target = Loads>>(all: &[L], numbers: Range<usize>) {
    if all.len() < 2 {
        return;
    }
    let mut is_changed = vec![false; all.len()];
    let mut own = vec![0u64; all.len()];
    for server in numbers {
        for (own, loads) in own.iter_mut().zip(all) {
            *own = loads.own.read(server);
        }
        // The halves are added up apart: connections of a machine fit 32 bits.
        let sum = own.iter().fold(0u64, |sum, &own| sum.wrapping_add(own));
        for ((own, loads), is_changed) in own.iter().zip(all).zip(&mut is_changed) {
            let Some(others) = loads.others.counts(server) else { continue };
            let counts = sum.wrapping_sub(*own);
            if others.0.load(Relaxed) != counts {
                others.0.store(counts, Relaxed);
                *is_changed = true;
            }
        }
    }
    for (loads, _) in all.iter().zip(is_changed).filter(|&(_, is_changed)| is_changed) {
        loads.version.0.fetch_add(1, Ordering::Release);
    }
}
