//! How many connections each real server has: the one count for schedulers and for status.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{MAXIMUM_SERVERS, ServerId};
use crate::scheduler::Load;

/// Connections of one real server.
#[derive(Debug, Default)]
struct Counts {
    active: AtomicU32,
    inactive: AtomicU32,
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
        self.counts(server).map_or(Load::default(), |counts| Load {
            active: counts.active.load(Relaxed),
            inactive: counts.inactive.load(Relaxed),
        })
    }

    #[inline(always)]
    fn counts(&self, server: ServerId) -> Option<&Counts> {
        self.0.get(server.index() / LINE)?.0.get(server.index() % LINE)
    }

    #[inline(always)]
    fn counter(&self, server: ServerId, active: bool) -> Option<&AtomicU32> {
        let counts = self.counts(server)?;
        Some(if active { &counts.active } else { &counts.inactive })
    }

    // One writer: a load and a store, no locked instruction.
    #[inline(always)]
    pub(crate) fn opened(&self, server: ServerId, active: bool) {
        if let Some(count) = self.counter(server, active) {
            count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }

    #[inline(always)]
    pub(crate) fn closed(&self, server: ServerId, active: bool) {
        if let Some(count) = self.counter(server, active) {
            count.store(count.load(Relaxed).saturating_sub(1), Relaxed);
        }
    }

    pub(crate) fn moved(&self, server: ServerId, to_active: bool) {
        // In this order: whoever reads in between does not take the server for free.
        self.opened(server, to_active);
        self.closed(server, !to_active);
    }
}
