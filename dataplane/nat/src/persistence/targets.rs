//! Numbers of servers in groups.

use core::hash::Hash;
use core::mem;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use ahash::RandomState;
use wire::Port;

use super::fingerprint::Group;

/// A server of a group, as every machine can name it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Target<A> {
    /// The group.
    pub group: Group,
    /// The server's address.
    pub address: A,
    /// Its port in the service that chose it.
    pub port: Port,
}

/// The most servers that clients are remembered by.
pub const MAXIMUM_TARGETS: usize = TargetId::LAST as usize;

/// The number of a [`Target`]; zero is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TargetId(u16);

impl TargetId {
    /// Bits of a number.
    pub(super) const BITS: u32 = 13;
    pub(super) const LAST: u16 = (1 << Self::BITS) - 1;
    /// No server.
    pub const NONE: TargetId = TargetId(0);

    pub(super) const fn from_number(number: u16) -> Self {
        TargetId(number)
    }

    pub(super) const fn number(self) -> u16 {
        self.0
    }

    #[inline]
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    #[inline]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// The numbers that a configuration uses, for as long as somebody holds them.
#[derive(Debug)]
pub(super) struct Held(Vec<TargetId>);

/// The numbers of all servers of a configuration.
pub(super) struct Numbers<A> {
    pub(super) held: Arc<Held>,
    numbers: HashMap<Target<A>, TargetId, RandomState>,
}

impl<A: Eq + Hash> Numbers<A> {
    /// The number of a server; [`TargetId::NONE`] if there was none to have.
    pub(super) fn of(&self, target: Target<A>) -> TargetId {
        self.numbers.get(&target).copied().unwrap_or(TargetId::NONE)
    }
}

/// Gives numbers to servers. A number stays with its server until numbers run out; then those
/// are taken back that no configuration in use has.
#[derive(Debug)]
pub struct Targets<A> {
    numbers: HashMap<Target<A>, TargetId, RandomState>,
    /// By number.
    targets: Vec<Option<Target<A>>>,
    free: Vec<TargetId>,
    held: Vec<Weak<Held>>,
}

impl<A> Default for Targets<A> {
    fn default() -> Self {
        Targets {
            numbers: HashMap::default(),
            targets: (0..=TargetId::LAST).map(|_| None).collect(),
            free: (1..=TargetId::LAST).rev().map(TargetId).collect(),
            held: Vec::new(),
        }
    }
}

impl<A: Copy + Eq + Hash> Targets<A> {
    /// The server with this number.
    pub fn get(&self, id: TargetId) -> Option<Target<A>> {
        self.targets.get(id.index()).copied().flatten()
    }

    /// The number of a server, if there is one for it.
    pub(super) fn number(&mut self, target: Target<A>) -> Option<TargetId> {
        if let Some(&id) = self.numbers.get(&target) {
            return Some(id);
        }
        let id = self.free.pop()?;
        if let Some(place) = self.targets.get_mut(id.index()) {
            *place = Some(target);
        }
        self.numbers.insert(target, id);
        Some(id)
    }

    /// True if more of these servers have no number than numbers are free.
    pub(super) fn lacks(&self, targets: &[Target<A>]) -> bool {
        let new = targets.iter().filter(|target| !self.numbers.contains_key(target));
        new.count() > self.free.len()
    }

    /// Numbers servers, and keeps their numbers for as long as the answer is held.
    pub(super) fn hold(&mut self, targets: Vec<Target<A>>) -> Numbers<A> {
        let number = |target| Some((target, self.number(target)?));
        let numbers: HashMap<_, _, _> = targets.into_iter().filter_map(number).collect();
        let held = Arc::new(Held(numbers.values().copied().collect()));
        self.held.retain(|held| held.strong_count() > 0);
        self.held.push(Arc::downgrade(&held));
        Numbers { held, numbers }
    }

    /// True at the index of each number that is held, or one of these servers'.
    pub(super) fn in_use(&self, also: &[Target<A>]) -> Vec<bool> {
        let mut used = vec![false; self.targets.len()];
        let held: Vec<_> = self.held.iter().filter_map(Weak::upgrade).collect();
        let held = held.iter().flat_map(|held| held.0.iter());
        for id in held.chain(also.iter().filter_map(|target| self.numbers.get(target))) {
            if let Some(used) = used.get_mut(id.index()) {
                *used = true;
            }
        }
        used
    }

    /// Takes back the numbers that are not used. No entry of the table may have them.
    pub(super) fn release(&mut self, used: &[bool]) {
        for (number, target) in (0u16..).zip(&mut self.targets) {
            if used.get(usize::from(number)).copied().unwrap_or(false) {
                continue;
            }
            if let Some(target) = mem::take(target) {
                self.numbers.remove(&target);
                self.free.push(TargetId(number));
            }
        }
    }
}
