//! Shares of the machine's room: what a service or a masquerade rule is sure of while others fill the
//! table, and the most that a rule takes.
//!
//! All workers count together how many connections each share has ([`Counts`]): they write a line
//! that others read, once for a connection of a share and for no other, as a rule's connections
//! lie on all workers and a limit that is divided among them would be reached too soon.
//!
//! What shares are sure of and do not have yet is withheld from everybody else, in equal parts on each
//! worker. The main core adds it up ([`Counts::withheld`]) as it lends room ([`crate::room`]); a
//! worker compares its connections with a limit that is lower by that much.
//!
//! Which share a connection counts for is written down for each record when it opens, so that it
//! is taken out of the same one when it ends. After a change of the configuration a walk over the
//! table, some records in each poll, counts every connection where it belongs now.

mod counts;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use wire::{Address, Cidr};

pub use counts::Counts;

use crate::Direction;
use crate::connection::NewConnection;
use crate::memory;
use crate::policy::Refusal;
use crate::record::{ConnectionId, Key, Kind, Record};
use crate::service::ServiceId;
use crate::table::Table;

/// Records that the walk looks at in one poll.
const PER_POLL: usize = 32;

/// The number of a share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShareId(pub u16);

impl ShareId {
    /// Of what has neither a floor nor a limit: it is not counted.
    pub const NONE: ShareId = ShareId(0);

    /// How many numbers there are.
    pub const COUNT: usize = 1 << 16;
}

/// What a service or a rule may take and is sure of, in connections of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Share {
    /// The most that it takes; `None`: as many as there is room for.
    pub most: Option<u32>,
    /// As many as it has room for whatever others take.
    pub reserved: u32,
}

/// The shares of a configuration.
#[derive(Debug)]
pub struct Rules<A> {
    counts: Arc<Counts>,
    /// By number.
    shares: Vec<Share>,
    /// By number of the service.
    services: Vec<ShareId>,
    /// Every masquerade rule, in the order of the configuration: the first that covers a host counts.
    masquerades: Vec<(Vec<Cidr<A>>, ShareId)>,
}

impl<A: Address> Rules<A> {
    /// Without shares, to be counted there.
    #[must_use]
    pub fn new(counts: Arc<Counts>) -> Self {
        Rules { counts, shares: Vec::new(), services: Vec::new(), masquerades: Vec::new() }
    }

    /// Gives a share its number.
    pub fn set(&mut self, id: ShareId, share: Share) {
        let at = usize::from(id.0);
        if id == ShareId::NONE {
            return;
        }
        if self.shares.len() <= at {
            self.shares.resize(at + 1, Share::default());
        }
        if let Some(place) = self.shares.get_mut(at) {
            *place = share;
        }
    }

    /// Counts the connections of a service for a share.
    pub fn of_service(&mut self, service: ServiceId, id: ShareId) {
        let at = service.index();
        if self.services.len() <= at {
            self.services.resize(at + 1, ShareId::NONE);
        }
        if let Some(place) = self.services.get_mut(at) {
            *place = id;
        }
    }

    /// Counts the connections that the next masquerade rule covers for a share.
    pub fn of_masquerade(&mut self, sources: Vec<Cidr<A>>, id: ShareId) {
        self.masquerades.push((sources, id));
    }

    /// Where connections are counted.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// True if anything has a share.
    #[inline(always)]
    pub fn is_any(&self) -> bool {
        !self.shares.is_empty()
    }

    /// What the numbered shares may take, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (ShareId, Share)> {
        let numbered = self.shares.iter().enumerate().skip(1);
        numbered.map(|(at, share)| (ShareId(at as u16), *share))
    }

    fn share(&self, id: ShareId) -> Share {
        self.shares.get(usize::from(id.0)).copied().unwrap_or_default()
    }

    fn of_host(&self, source: A) -> ShareId {
        let mut rules = self.masquerades.iter();
        let covers = |(sources, _): &&(Vec<Cidr<A>>, _)| {
            sources.iter().any(|network| network.contains(source))
        };
        rules.find(covers).map_or(ShareId::NONE, |(_, id)| *id)
    }

    /// The share that a connection counts for.
    fn of(&self, kind: Kind, original: &Key<A>, service: ServiceId) -> ShareId {
        match kind {
            Kind::Masquerade => self.of_host(original.tuple().source),
            Kind::Service | Kind::Hairpin => {
                self.services.get(service.index()).copied().unwrap_or(ShareId::NONE)
            }
        }
    }

    fn of_record(&self, record: &Record<A>) -> ShareId {
        self.of(record.kind(), record.key(Direction::Original), record.service())
    }
}

/// The shares as one worker counts them.
pub(crate) struct Shares<A> {
    rules: Arc<Rules<A>>,
    /// What each record counts for; pages of it exist once they are written to.
    of: Box<[u16]>,
    /// How many records count for something.
    counted: usize,
    /// The record at which the walk goes on.
    walk: Option<usize>,
}

impl<A: Address> Shares<A> {
    /// Of a worker with so many records.
    pub(crate) fn new(records: usize) -> Self {
        let rules = Arc::new(Rules::new(Arc::new(Counts::nothing())));
        Shares { rules, of: memory::zeroed(records), counted: 0, walk: None }
    }

    /// Takes other rules. What is open is counted by them as the walk comes by.
    pub(crate) fn set_rules(&mut self, rules: &Arc<Rules<A>>) {
        if Arc::ptr_eq(&self.rules, rules) {
            return;
        }
        if rules.is_any() || self.counted > 0 {
            self.walk = Some(0);
        }
        self.rules = Arc::clone(rules);
    }

    /// True if the most that private hosts may take is written down.
    pub(crate) fn limits(&self) -> bool {
        self.rules.is_any()
    }

    /// The share that a connection is to count for.
    #[inline(always)]
    pub(crate) fn of(&self, record: &Record<A>) -> ShareId {
        if self.rules.is_any() { self.rules.of_record(record) } else { ShareId::NONE }
    }

    /// The same before it opens.
    pub(crate) fn of_new(&self, new: &NewConnection<A>) -> ShareId {
        self.rules.of(new.kind, &new.original, new.service)
    }

    /// True for a share that has not all that it is sure of.
    pub(crate) fn is_short(&self, id: ShareId) -> bool {
        id != ShareId::NONE && self.rules.counts.held(id) < self.rules.share(id).reserved
    }

    /// Whether a private host's rule takes one more connection.
    ///
    /// # Errors
    ///
    /// The refusal, if it has as many as it may.
    #[inline(always)]
    pub(crate) fn admits_host(&self, source: A) -> Result<(), Refusal> {
        if self.rules.is_any() { self.admits_counted(source) } else { Ok(()) }
    }

    #[cold]
    fn admits_counted(&self, source: A) -> Result<(), Refusal> {
        let id = self.rules.of_host(source);
        let most = self.rules.share(id).most;
        match most.is_some_and(|most| self.rules.counts.held(id) >= most) {
            true => Err(Refusal::MasqueradeFull),
            false => Ok(()),
        }
    }

    /// Counts a connection that opens.
    #[inline(always)]
    pub(crate) fn opened(&mut self, id: ConnectionId, share: ShareId) {
        if share != ShareId::NONE {
            self.count(id.0 as usize, share);
        }
    }

    /// Takes out one that ends.
    #[inline(always)]
    pub(crate) fn closed(&mut self, id: ConnectionId) {
        if self.counted > 0 {
            self.count(id.0 as usize, ShareId::NONE);
        }
    }

    /// Has a record count for a share, and no longer for the one before.
    fn count(&mut self, record: usize, share: ShareId) {
        let Some(place) = self.of.get_mut(record) else { return };
        let before = ShareId(core::mem::replace(place, share.0));
        if before == share {
            return;
        }
        if before != ShareId::NONE {
            self.counted -= 1;
            self.rules.counts.closed(before);
        }
        if share != ShareId::NONE {
            self.counted += 1;
            self.rules.counts.opened(share);
        }
    }

    /// True while connections are counted anew.
    #[inline(always)]
    pub(crate) fn is_walking(&self) -> bool {
        self.walk.is_some()
    }

    /// A step of the walk. Returns how many records it has looked at.
    #[cold]
    pub(crate) fn walk_on(&mut self, table: &Table<A>) -> usize {
        let Some(start) = self.walk else { return 0 };
        let end = (start + PER_POLL).min(table.places());
        for (id, record) in table.scan(start, end - start) {
            let share = self.rules.of_record(record);
            self.count(id.0 as usize, share);
        }
        self.walk = (end < table.places()).then_some(end);
        end - start
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.of)
    }
}
