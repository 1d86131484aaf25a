//! How many connections each real server has: the one count for schedulers and for status.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{MAXIMUM_SERVERS, ServerId};
use crate::scheduler::Load;

/// The connections of one real server: the active ones in the low half, the inactive ones in the
/// high half. Both are one number, so that no reader finds a connection that moves from one to
/// the other in neither.
#[derive(Debug, Default)]
struct Counts(AtomicU64);

const ACTIVE: u64 = 1;
const INACTIVE: u64 = 1 << 32;

impl Counts {
    #[inline(always)]
    fn load(&self) -> Load {
        let counts = self.0.load(Relaxed);
        Load { active: counts as u32, inactive: (counts >> 32) as u32 }
    }

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

/// A cache line of them: no other worker's counts are on it.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([Counts; LINE]);

const LINE: usize = 64 / size_of::<Counts>();

/// The loads of all real servers on one worker, which alone counts; any thread may read.
#[derive(Debug)]
pub struct Loads(Box<[Line]>);

impl Default for Loads {
    fn default() -> Self {
        Loads((0..MAXIMUM_SERVERS.div_ceil(LINE)).map(|_| Line::default()).collect())
    }
}

impl Loads {
    /// The load of one server; none for [`ServerId::NONE`].
    #[inline(always)]
    pub fn of(&self, server: ServerId) -> Load {
        self.counts(server).map_or(Load::default(), Counts::load)
    }

    /// True while the server has a connection.
    pub fn has_connections(&self, server: ServerId) -> bool {
        self.of(server) != Load::default()
    }

    #[inline(always)]
    fn counts(&self, server: ServerId) -> Option<&Counts> {
        self.0.get(server.index() / LINE)?.0.get(server.index() % LINE)
    }

    #[inline(always)]
    pub(crate) fn opened(&self, server: ServerId, active: bool) {
        if let Some(counts) = self.counts(server) {
            counts.change(|all| all.wrapping_add(one(active)));
        }
    }

    /// To be called of connections that were counted as opened, or moved there.
    #[inline(always)]
    pub(crate) fn closed(&self, server: ServerId, active: bool) {
        if let Some(counts) = self.counts(server) {
            counts.change(|all| all.wrapping_sub(one(active)));
        }
    }

    pub(crate) fn moved(&self, server: ServerId, to_active: bool) {
        if let Some(counts) = self.counts(server) {
            counts.change(|all| all.wrapping_add(one(to_active)).wrapping_sub(one(!to_active)));
        }
    }
}
