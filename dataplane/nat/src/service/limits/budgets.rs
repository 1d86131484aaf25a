//! The permits of one worker.

use core::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

use wire::Address;

use super::shared::{Entry, HOLDERS, Taken};
use super::{Limits, SLOTS, Slot, limited};
use crate::memory;
use crate::service::{MAXIMUM_SERVERS, MAXIMUM_SERVICES, ServerId, ServiceId, Services};

/// Permits that a worker keeps of those that closing connections give back.
const KEPT: u32 = 16;

/// What a worker has of one limit: connections that count in the low half, spare permits above
/// them, and whether the limit itself or that of the service counts here.
const SPARE: u64 = 1 << 32;
const SPARE_BITS: u64 = 0x3fff_ffff << 32;
const LIMITED: u64 = 1 << 62;
const OF_LIMITED_SERVICE: u64 = 1 << 63;

/// The connections of each server that count, and the worker's permits. One worker writes; any
/// thread may read.
#[derive(Debug)]
pub struct Budgets {
    words: Box<[AtomicU64]>,
    /// The service whose limit counts the server's connections, if it has one; as
    /// [`service_to_word`] has it.
    services: Box<[AtomicU16]>,
    limits: Arc<Limits>,
    /// The worker's number, and how many there are.
    worker: usize,
    workers: u32,
    /// The requests for spare permits that were answered.
    answered: AtomicU64,
    /// The server that permits were last reserved for: they may not have been used.
    reserved: AtomicU32,
}

impl Default for Budgets {
    fn default() -> Self {
        Budgets::new(Arc::default(), 0, 1)
    }
}

impl Budgets {
    /// Those of one of so many workers.
    pub fn new(limits: Arc<Limits>, worker: usize, workers: usize) -> Self {
        Budgets {
            words: memory::zeroed(SLOTS),
            services: memory::zeroed(MAXIMUM_SERVERS),
            limits,
            worker,
            workers: u32::try_from(workers).unwrap_or(u32::MAX).max(1),
            answered: AtomicU64::new(0),
            reserved: AtomicU32::new(ServerId::NONE.0),
        }
    }

    /// The permits of all workers.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The worker's connections that count: of a server always, of a service while it is limited.
    pub fn held<S: Into<Slot>>(&self, of: S) -> u32 {
        self.word(of.into()) as u32
    }

    fn word(&self, slot: Slot) -> u64 {
        self.words.get(slot.index()).map_or(0, |word| word.load(Relaxed))
    }

    // One writer: a load and a store, no locked instruction.
    #[inline(always)]
    fn change(&self, slot: Slot, change: impl FnOnce(u64) -> u64) {
        if let Some(word) = self.words.get(slot.index()) {
            word.store(change(word.load(Relaxed)), Relaxed);
        }
    }

    /// Counts a connection of the server that opens.
    #[inline(always)]
    pub(crate) fn opened(&self, server: ServerId) {
        let Some(word) = self.words.get(Slot::from(server).index()) else { return };
        let now = word.load(Relaxed) + 1;
        word.store(now, Relaxed);
        if now >= LIMITED {
            self.use_permits(server, now);
        }
    }

    /// Counts a connection of the server that ends, or begins to close.
    #[inline(always)]
    pub(crate) fn closed(&self, server: ServerId) {
        let Some(word) = self.words.get(Slot::from(server).index()) else { return };
        let now = word.load(Relaxed).wrapping_sub(1);
        word.store(now, Relaxed);
        if now >= LIMITED {
            self.return_permits(server, now);
        }
    }

    fn service_of(&self, server: ServerId) -> ServiceId {
        let service = self.services.get(server.index());
        service.map_or(ServiceId::NONE, |service| word_to_service(service.load(Relaxed)))
    }

    #[cold]
    fn use_permits(&self, server: ServerId, word: u64) {
        if word & LIMITED != 0 {
            self.use_permit(server.into());
        }
        if word & OF_LIMITED_SERVICE != 0 {
            let service = Slot::from(self.service_of(server));
            self.change(service, |word| word + 1);
            self.use_permit(service);
        }
    }

    #[cold]
    fn return_permits(&self, server: ServerId, word: u64) {
        if word & LIMITED != 0 {
            self.return_permit(server.into());
        }
        if word & OF_LIMITED_SERVICE != 0 {
            let service = Slot::from(self.service_of(server));
            self.change(service, |word| word - 1);
            self.return_permit(service);
        }
    }

    fn spare(&self, slot: Slot) -> u32 {
        ((self.word(slot) & SPARE_BITS) >> 32) as u32
    }

    fn set_spare(&self, slot: Slot, entry: &Entry, spare: u32) {
        let before = self.spare(slot);
        if before == 0 && spare > 0 {
            entry.set_holder(self.worker, true);
        }
        self.change(slot, |word| (word & !SPARE_BITS) | (u64::from(spare) * SPARE));
        if before > 0 && spare == 0 {
            entry.set_holder(self.worker, false);
        }
    }

    /// A spare permit is held from now on; without one there is a debt.
    fn use_permit(&self, slot: Slot) {
        let Some(entry) = self.limits.entry(slot) else { return };
        match self.spare(slot).checked_sub(1) {
            Some(left) => {
                self.set_spare(slot, entry, left);
                if left == 0 {
                    self.limits.look_whether_full(entry);
                }
            }
            None => {
                entry.give(-1);
                self.limits.look_whether_full(entry);
            }
        }
    }

    fn return_permit(&self, slot: Slot) {
        let Some(entry) = self.limits.entry(slot) else { return };
        let spare = self.spare(slot);
        if entry.is_short() || !entry.counts() || spare >= self.kept() {
            entry.give(1);
        } else {
            self.set_spare(slot, entry, spare + 1);
        }
    }

    /// How many permits this worker may keep.
    fn kept(&self) -> u32 {
        if self.worker < HOLDERS { KEPT } else { 0 }
    }

    /// True if a connection may open, as [`Budgets::has_room`], for whoever only looks: no other
    /// worker is asked for permits.
    pub fn sees_room<S: Into<Slot>>(&self, of: S) -> bool {
        let slot = of.into();
        if self.word(slot) & LIMITED == 0 {
            return true;
        }
        let Some(entry) = self.limits.entry(slot).filter(|entry| entry.counts()) else {
            return true;
        };
        let free = entry.free().min(i64::from(u32::MAX));
        !entry.is_full() && i64::from(self.spare(slot)) + free > 0
    }

    /// True if a connection may open, as far as this limit goes and can be seen now.
    pub fn has_room<S: Into<Slot>>(&self, of: S) -> bool {
        let slot = of.into();
        if self.word(slot) & LIMITED == 0 {
            return true;
        }
        let Some(entry) = self.limits.entry(slot) else { return true };
        if !entry.counts() {
            return true;
        }
        if entry.is_full() {
            return false;
        }
        let has_room = i64::from(self.spare(slot)) + entry.free().min(i64::from(u32::MAX)) > 0;
        if !has_room {
            self.limits.ask(entry);
        }
        has_room
    }

    /// Sees to it that the next connection of the server opens with permits: false if one of them
    /// is not to be had.
    pub fn reserve(&self, server: ServerId) -> bool {
        self.give_reserved_back();
        let word = self.word(server.into());
        if word < LIMITED {
            return true;
        }
        self.reserved.store(server.0, Relaxed);
        let service = self.service_of(server);
        (word & LIMITED == 0 || self.reserve_one(server.into()))
            && (word & OF_LIMITED_SERVICE == 0 || self.reserve_one(service.into()))
    }

    /// What was reserved and not used after all is not kept from others.
    fn give_reserved_back(&self) {
        let server = ServerId(self.reserved.load(Relaxed));
        if server == ServerId::NONE {
            return;
        }
        self.reserved.store(ServerId::NONE.0, Relaxed);
        let service = self.service_of(server);
        for slot in [Slot::from(server), Slot::from(service)] {
            if let Some(entry) = self.limits.entry(slot).filter(|entry| entry.is_short()) {
                self.give_back(slot, entry);
            }
        }
    }

    fn reserve_one(&self, slot: Slot) -> bool {
        let Some(entry) = self.limits.entry(slot) else { return true };
        if !entry.counts() {
            return true;
        }
        if entry.is_full() {
            return false;
        }
        let spare = self.spare(slot);
        if spare > 0 {
            if entry.free() >= 0 {
                return true;
            }
            // They are owed to connections that opened without.
            self.give_back(slot, entry);
        }
        // Before they are taken: whoever sees no holder and none free knows that all are held.
        entry.set_holder(self.worker, true);
        let at_most = if self.worker < HOLDERS { u32::MAX } else { 1 };
        match entry.take(self.workers, at_most) {
            Taken::Permits(permits) => {
                self.change(slot, |word| (word & !SPARE_BITS) | (u64::from(permits) * SPARE));
                true
            }
            Taken::None => {
                entry.set_holder(self.worker, false);
                self.limits.ask(entry);
                false
            }
        }
    }

    fn give_back(&self, slot: Slot, entry: &Entry) {
        let spare = self.spare(slot);
        if spare > 0 {
            entry.give(spare.into());
            self.set_spare(slot, entry, 0);
        }
    }

    /// Gives spare permits back that others want. To be called between bursts.
    #[inline(always)]
    pub fn settle<A: Address>(&self, services: &Services<A>) {
        let is_asked = self.limits.requests() != self.answered.load(Relaxed);
        if is_asked || self.reserved.load(Relaxed) != ServerId::NONE.0 {
            self.answer(services);
        }
    }

    #[cold]
    fn answer<A: Address>(&self, services: &Services<A>) {
        self.give_reserved_back();
        let requests = self.limits.requests();
        if requests == self.answered.load(Relaxed) {
            return;
        }
        self.answered.store(requests, Relaxed);
        for slot in services.iter().flat_map(limited) {
            if let Some(entry) = self.limits.entry(slot).filter(|entry| entry.is_short()) {
                self.give_back(slot, entry);
            }
        }
    }

    /// Goes over from one configuration's services to another's: what is limited from now on is
    /// counted, and what no longer is gives all its permits back.
    pub fn follow<A: Address>(&self, before: &Services<A>, services: &Services<A>) {
        for service in services.iter() {
            for (place, server) in service.all_servers().enumerate() {
                let is_member = service.limit.is_some() && place < service.servers.len();
                self.set_member(server.id, service.id, is_member);
            }
        }
        for slot in services.iter().flat_map(limited) {
            self.begin(slot);
        }
        let ended = before.iter().flat_map(limited).filter(|slot| !slot.is_limited(services));
        let ended: Vec<Slot> = ended.collect();
        for &slot in &ended {
            self.end(slot);
        }
        self.release_members(&ended);
    }

    /// Whether the limit of its service counts the server's connections.
    fn set_member(&self, server: ServerId, service: ServiceId, is_member: bool) {
        let Some(of) = self.services.get(server.index()) else { return };
        if word_to_service(of.load(Relaxed)) != service {
            // The number was another server's, which has no connection any more.
            self.change(server.into(), |word| word & !OF_LIMITED_SERVICE);
            of.store(service_to_word(service), Relaxed);
        }
        let word = self.word(server.into());
        if (word & OF_LIMITED_SERVICE != 0) == is_member {
            return;
        }
        let held = word as u32;
        self.change(server.into(), |word| word ^ OF_LIMITED_SERVICE);
        self.change(service.into(), |word| match is_member {
            true => word + u64::from(held),
            false => word - u64::from(held),
        });
        if let Some(entry) = self.limits.entry(service.into()) {
            entry.give(if is_member { -i64::from(held) } else { i64::from(held) });
        }
    }

    fn begin(&self, slot: Slot) {
        let word = self.word(slot);
        if word & LIMITED != 0 {
            return;
        }
        self.change(slot, |word| word | LIMITED);
        // Those of a service were counted as its members came.
        if let Some(entry) = self.limits.entry(slot).filter(|_| slot.server().is_some()) {
            entry.give(-i64::from(word as u32));
        }
    }

    fn end(&self, slot: Slot) {
        let Some(entry) = self.limits.entry(slot) else { return };
        self.give_back(slot, entry);
        self.change(slot, |word| word & !LIMITED);
        if slot.server().is_some() {
            entry.give(self.held(slot).into());
        }
    }

    /// The limits of these services count nothing any more. It is one look at all numbers, however
    /// many services there are, as servers are among them that the configuration no longer has.
    fn release_members(&self, ended: &[Slot]) {
        let mut is_ended = vec![false; MAXIMUM_SERVICES];
        let mut services = ended.iter().filter(|slot| slot.server().is_none()).peekable();
        if services.peek().is_none() {
            return;
        }
        for slot in services {
            if let Some(is_ended) = is_ended.get_mut(slot.service().index()) {
                *is_ended = true;
            }
        }
        for (number, of) in (0..).zip(&self.services) {
            let service = word_to_service(of.load(Relaxed));
            if is_ended.get(service.index()).is_some_and(|&is_ended| is_ended) {
                self.set_member(ServerId(number), service, false);
            }
        }
    }
}

/// A service's number, such that none is zero.
const fn service_to_word(service: ServiceId) -> u16 {
    service.0 ^ ServiceId::NONE.0
}

const fn word_to_service(word: u16) -> ServiceId {
    ServiceId(word ^ ServiceId::NONE.0)
}
