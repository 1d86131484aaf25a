//! Limits of what one source may take: a client, a network of clients, or a private host.
//!
//! A client's connections are all one worker's, so its count is exact without a word to the others
//! ([`table`]). Those of a network, and of a private host, lie on all workers, which count them
//! together ([`shared`]). Both are looked at and written when a connection opens, when it is
//! answered and when it ends; packets of known connections never come here.
//!
//! A connection is half open until its ends have answered each other, as for
//! a full table: what may make room there.

mod shared;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use wire::{Address, Cidr};

pub use shared::SharedCounts;

use crate::Direction;
use crate::policy::Refusal;
use crate::record::{ConnectionId, Kind, Record};
use crate::time::Instant;
use table::Table;

/// Whose connections are counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// Those of one client address to services.
    Client,
    /// Those of all clients of a network.
    Network,
    /// A private host's own, which are masqueraded.
    Host,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 3] = [Class::Client, Class::Network, Class::Host];

    const fn index(self) -> usize {
        self as usize
    }
}

/// The most that a source of one class may take; `None`: as much as it likes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Quota {
    /// Connections at once.
    pub connections: Option<u32>,
    /// Of these, connections whose ends have not answered each other.
    pub half_open: Option<u32>,
    /// New connections in a second.
    pub rate: Option<u32>,
}

impl Quota {
    fn is_any(&self) -> bool {
        *self != Quota::default()
    }

    /// Why a source that has so much gets no more.
    fn refuses(&self, count: Count) -> Result<(), Refusal> {
        let is_reached = |quota: Option<u32>, count: u32| quota.is_some_and(|most| count >= most);
        if is_reached(self.connections, count.connections) {
            return Err(Refusal::SourceConnections);
        }
        if is_reached(self.half_open, count.half_open) {
            return Err(Refusal::SourceHalfOpen);
        }
        if count.is_too_fast {
            return Err(Refusal::SourceRate);
        }
        Ok(())
    }
}

/// What a source has.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Count {
    connections: u32,
    half_open: u32,
    /// It has opened as many in the last second as it may.
    is_too_fast: bool,
}

/// What sources may take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules<A> {
    /// Sources in these networks take as much as they like, and are not counted.
    pub allow: Vec<Cidr<A>>,
    /// The quota of each class.
    pub quotas: [Quota; Class::ALL.len()],
    /// How many bits of a client's address are its network.
    pub prefix: u8,
}

impl<A> Default for Rules<A> {
    fn default() -> Self {
        Rules { allow: Vec::new(), quotas: [Quota::default(); Class::ALL.len()], prefix: 24 }
    }
}

impl<A: Address> Rules<A> {
    /// The quota of a class.
    pub fn quota(&self, class: Class) -> &Quota {
        &self.quotas[class.index()]
    }

    /// True if anything is limited.
    pub fn is_any(&self) -> bool {
        self.quotas.iter().any(Quota::is_any)
    }

    fn allows(&self, source: A) -> bool {
        self.allow.iter().any(|network| network.contains(source))
    }
}

/// What is counted, from the start on: a source's connections cannot be counted afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Counted {
    classes: [bool; Class::ALL.len()],
    prefix: u8,
}

impl Counted {
    /// What these rules ask for.
    fn by<A: Address>(rules: &Rules<A>) -> Self {
        Counted { classes: rules.quotas.map(|quota| quota.is_any()), prefix: rules.prefix }
    }

    fn has(&self, class: Class) -> bool {
        self.classes[class.index()]
    }
}

/// The sources of one worker's connections.
pub struct Sources<A> {
    counted: Counted,
    rules: Arc<Rules<A>>,
    clients: Table<A>,
    shared: Arc<SharedCounts>,
    /// A bit for each record: its connection is counted.
    records: Vec<u64>,
}

impl<A: Address> Sources<A> {
    /// Counts what the rules ask for, of a worker with so many records.
    pub fn new(rules: Arc<Rules<A>>, shared: Arc<SharedCounts>, records: usize) -> Self {
        let counted = Counted::by(&rules);
        let clients = if counted.has(Class::Client) { records } else { 0 };
        Sources {
            counted,
            rules,
            clients: Table::with_room_for(clients),
            shared,
            records: vec![0; records.div_ceil(64)],
        }
    }

    /// Takes other rules about what is counted.
    pub fn set_rules(&mut self, rules: &Arc<Rules<A>>) {
        self.rules = Arc::clone(rules);
    }

    /// Memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.clients.bytes() + size_of_val(self.records.as_slice())
    }

    /// True if anything is limited now.
    pub fn limits(&self) -> bool {
        self.rules.is_any()
    }

    /// The quota of a class, if it is limited and counted.
    fn quota(&self, class: Class) -> Option<&Quota> {
        Some(self.rules.quota(class)).filter(|quota| quota.is_any() && self.counted.has(class))
    }

    /// Whether a source may open one more connection of this kind.
    ///
    /// # Errors
    ///
    /// The refusal, if it may not.
    pub fn admits(&self, source: A, kind: Kind, now: Instant) -> Result<(), Refusal> {
        if kind == Kind::Hairpin || self.rules.allows(source) {
            return Ok(());
        }
        if kind == Kind::Masquerade {
            return self.admits_shared(Class::Host, source, now);
        }
        if let Some(quota) = self.quota(Class::Client) {
            quota.refuses(self.clients.count(source, quota.rate, now))?;
        }
        self.admits_shared(Class::Network, source, now)
    }

    fn admits_shared(&self, class: Class, source: A, now: Instant) -> Result<(), Refusal> {
        let Some(quota) = self.quota(class) else { return Ok(()) };
        quota.refuses(self.shared.count(class, self.key(class, source), quota.rate, now))
    }

    /// What is counted together with a source.
    fn key(&self, class: Class, source: A) -> A {
        if class == Class::Network { source.masked(self.counted.prefix) } else { source }
    }

    /// The classes in which a connection counts.
    fn classes(&self, kind: Kind) -> impl Iterator<Item = Class> + use<A> {
        let counted = self.counted;
        let classes: &[Class] = match kind {
            Kind::Service => &[Class::Client, Class::Network],
            Kind::Masquerade => &[Class::Host],
            Kind::Hairpin => &[],
        };
        classes.iter().copied().filter(move |class| counted.has(*class))
    }

    /// Counts a connection that opens.
    pub(crate) fn opened(
        &mut self,
        record: &Record<A>,
        id: ConnectionId,
        is_half_open: bool,
        now: Instant,
    ) {
        let source = record.key(Direction::Original).tuple().source;
        if self.rules.allows(source) {
            return;
        }
        let (word, bit) = place(id);
        let Some(word) = self.records.get_mut(word) else { return };
        *word |= bit;
        for class in self.classes(record.kind()) {
            let rate = self.rules.quota(class).rate;
            match class {
                Class::Client => self.clients.opened(source, is_half_open, rate, now),
                _ => self.shared.opened(class, self.key(class, source), is_half_open, now),
            }
        }
    }

    /// Takes out one that ends.
    pub(crate) fn closed(&mut self, record: &Record<A>, id: ConnectionId, was_half_open: bool) {
        let (word, bit) = place(id);
        let Some(word) = self.records.get_mut(word).filter(|word| **word & bit != 0) else {
            return;
        };
        *word &= !bit;
        let source = record.key(Direction::Original).tuple().source;
        for class in self.classes(record.kind()) {
            match class {
                Class::Client => self.clients.closed(source, was_half_open),
                _ => self.shared.closed(class, self.key(class, source), was_half_open),
            }
        }
    }

    /// Counts one that is half open no more, or again.
    pub(crate) fn changed(&mut self, record: &Record<A>, id: ConnectionId, is_half_open: bool) {
        let (word, bit) = place(id);
        if self.records.get(word).is_none_or(|word| word & bit == 0) {
            return;
        }
        let source = record.key(Direction::Original).tuple().source;
        for class in self.classes(record.kind()) {
            match class {
                Class::Client => self.clients.changed(source, is_half_open),
                _ => self.shared.changed(class, self.key(class, source), is_half_open),
            }
        }
    }
}

const fn place(id: ConnectionId) -> (usize, u64) {
    (id.0 as usize / 64, 1 << (id.0 % 64))
}
