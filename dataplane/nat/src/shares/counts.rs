//! How many connections each share has, on all workers.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use wire::Address;

use super::{Rules, ShareId};
use crate::memory;

/// The counts of a machine.
#[derive(Debug)]
pub struct Counts(Box<[AtomicU32]>);

impl Default for Counts {
    fn default() -> Self {
        Counts(memory::zeroed(ShareId::COUNT))
    }
}

impl Counts {
    /// Where no share is.
    pub(super) fn nothing() -> Self {
        Counts(Box::default())
    }

    fn of(&self, id: ShareId) -> Option<&AtomicU32> {
        self.0.get(usize::from(id.0))
    }

    /// The connections of a share.
    pub fn held(&self, id: ShareId) -> u32 {
        self.of(id).map_or(0, |held| held.load(Relaxed))
    }

    pub(super) fn opened(&self, id: ShareId) {
        if let Some(held) = self.of(id) {
            held.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn closed(&self, id: ShareId) {
        if let Some(held) = self.of(id) {
            held.fetch_sub(1, Relaxed);
        }
    }

    /// What shares are sure of and do not have yet, of one of so many workers.
    pub fn withheld<A: Address>(rules: &Rules<A>, workers: usize) -> usize {
        let missing = |(id, share): (ShareId, super::Share)| {
            share.reserved.saturating_sub(rules.counts().held(id)) as usize
        };
        rules.iter().map(missing).sum::<usize>().div_ceil(workers.max(1))
    }
}
