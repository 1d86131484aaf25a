//! Connections in their life: opened, passed by packets, closed by time.

mod ages;
mod binding;
mod eviction;
mod expiry;
mod killing;
mod leaving;
mod new_connection;
mod passive;
mod standby;
mod sync;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::sync::Arc;

use wire::Protocol;
use wire::flow::{Deltas, Rewrite, Translation};
use wire::tcp::{Flags, Segment};

use ages::Ages;
use eviction::Evictable;
use expiry::Ending;
pub use expiry::{Expired, Survivor};
pub use killing::Killed;
pub use leaving::Probe;
pub use new_connection::NewConnection;

pub use crate::record::{Kind, LAST_EPOCH, NextHop};

use crate::memory::Region;
use crate::passive::Observer;
use crate::policy::Refusal;
use crate::record::{Bound, ConnectionId, Key, Record, Visits};
use crate::room::{Capacity, Room};
use crate::service::{Budgets, Loads, ServerId};
use crate::shares::{self, ShareId, Shares};
use crate::sources::{Rules, SharedCounts, Sources};
use crate::sync::{Replicated, Session};
use crate::table::{Candidate, Hit, InsertError, Table};
use crate::tcp::{Acknowledged, State};
use crate::time::{Instant, Seconds};
use crate::timeouts::{Class, Timeouts};
use crate::wheel::{CHUNK, Due, Wheel};
use crate::{Direction, Side};

/// What a packet of a known connection needs to go on.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<A> {
    /// What to write into it.
    pub rewrite: Rewrite<A>,
    /// The side on which it leaves.
    pub exit: Side,
    /// Its neighbour there, when the epoch is still current.
    pub next_hop: NextHop,
    /// The epoch of the next hop.
    pub epoch: u16,
    /// The real server that it goes to or comes from.
    pub server: ServerId,
    /// The direction in which the packet travels.
    pub direction: Direction,
    /// A SYN for a connection that was over: the caller may open it anew elsewhere.
    pub reopened: bool,
}

/// A packet before its connection, on the fast path: each word is read from the record only
/// when it is asked for, as there are fewer registers than words.
pub struct FastHit<'a, A> {
    record: &'a mut Record<A>,
    hit: Hit,
    accounting: &'a mut Accounting<A>,
}

impl<A: Replicated> FastHit<'_, A> {
    /// Lets the packet pass: refreshes the connection and follows its TCP state. `segment`
    /// is asked for what few segments are looked at for. False, and everything is as it was,
    /// for a SYN that may open the connection anew, elsewhere.
    #[inline(always)]
    pub fn pass(&mut self, flags: Flags, segment: impl FnOnce() -> Segment, now: Instant) -> bool {
        if self.record.state.stays(flags) {
            self.record.last_seen = now.stamp();
            return true;
        }
        if self.record.state.awaits().is_some() {
            return Self::pass_weak(self.record, self.hit, now, self.accounting);
        }
        if flags.contains(Flags::SYN) {
            return false;
        }
        let segment = segment();
        Self::change(self.record, self.hit, segment, now, self.accounting);
        true
    }

    /// The same for a flow whose ends have not answered each other.
    #[inline(never)]
    fn pass_weak(
        record: &mut Record<A>,
        hit: Hit,
        now: Instant,
        accounting: &mut Accounting<A>,
    ) -> bool {
        if record.state.awaits() == Some(hit.direction) {
            Connections::follow(record, hit, Flags::EMPTY.into(), now, accounting);
        }
        record.last_seen = now.stamp();
        true
    }

    /// Takes everything by itself: so nothing of a passing packet need lie in memory.
    #[cold]
    #[inline(never)]
    fn change(
        record: &mut Record<A>,
        hit: Hit,
        segment: Segment,
        now: Instant,
        accounting: &mut Accounting<A>,
    ) {
        Connections::follow(record, hit, segment, now, accounting);
    }

    /// True if this is the side on which the packet leaves.
    #[inline(always)]
    pub fn leaves_on(&self, exit: Side) -> bool {
        self.record.key(self.hit.direction.flipped()).is_of(exit)
    }

    /// Its neighbour there.
    #[inline(always)]
    pub fn next_hop(&self) -> NextHop {
        self.record.next_hop(self.hit.direction).0
    }

    /// The real server that it goes to or comes from.
    #[inline(always)]
    pub fn server(&self) -> ServerId {
        self.record.server()
    }

    /// The direction in which it travels.
    #[inline(always)]
    pub fn direction(&self) -> Direction {
        self.hit.direction
    }
}

impl Translation for FastHit<'_, Ipv4Addr> {
    #[inline(always)]
    fn addresses(&self) -> [u8; 8] {
        self.record.key(self.hit.direction.flipped()).reversed_addresses()
    }

    #[inline(always)]
    fn ports(&self) -> [u8; 4] {
        self.record.key(self.hit.direction.flipped()).reversed_ports()
    }

    #[inline(always)]
    fn deltas(&self) -> Deltas {
        self.record.deltas(self.hit.direction)
    }

    // All segments but SYNs and some resets acknowledge something. A SYN does not come here,
    // and the next segment corrects what a reset leaves.
    #[inline(always)]
    fn acknowledges(&mut self, upper_half: [u8; 2]) {
        self.record.acknowledged[self.hit.direction.index()] = Acknowledged::from_bytes(upper_half);
    }
}

/// All connections of one worker.
pub struct Connections<A> {
    table: Table<A>,
    ages: Ages,
    accounting: Accounting<A>,
    /// A chunk whose records have been asked for, to be visited at the next step.
    staged: Option<Due>,
    /// Connections whose time was over at the last step, from the first place on.
    ending: [Option<Ending>; CHUNK],
    /// Connections that the last step of expiry found alive, so many, from the first place on. Only
    /// where somebody asks for them.
    survivors: [Option<Survivor>; CHUNK],
    survivor_count: usize,
    keeps_survivors: bool,
    /// Nothing expires: the active machine decides what is over.
    standby: bool,
    /// When it last ceased to be standby: no connection has been idle for longer. On standby
    /// that is never.
    resumed: Instant,
    /// Counts the sessions of connection sync.
    generation: u16,
    /// Connections of services that no real server of the configuration serves.
    unbound: usize,
    /// The record at which the search for such connections goes on.
    binding: Option<usize>,
    /// A connection has just made room: the next that opens takes its place.
    made_room: bool,
}

/// How long the answer to a datagram that was scheduled by itself may take.
const ONE_PACKET: Seconds = Seconds(2);

/// What is kept of all connections besides their records.
struct Accounting<A> {
    wheel: Wheel,
    timeouts: Timeouts,
    loads: Arc<Loads>,
    budgets: Arc<Budgets>,
    session: Session,
    evictable: Evictable,
    /// How many there may be.
    room: Arc<Room>,
    /// What each source has, if that is limited.
    sources: Option<Box<Sources<A>>>,
    /// What services and masquerade rules have, if they are sure of something.
    shares: Shares<A>,
    /// Who sees servers answer and fail.
    observer: Observer,
}

impl<A: Replicated> Accounting<A> {
    /// Counts a connection for its server.
    #[inline(always)]
    fn bound(&self, record: &Record<A>) {
        self.loads.opened(record.server(), Connections::is_active(record));
        if !record.state.is_closing() {
            self.budgets.opened(record.server());
        }
    }

    /// Counts a connection that opens.
    #[inline(always)]
    fn opened(&mut self, record: &Record<A>, id: ConnectionId, share: ShareId, now: Instant) {
        self.bound(record);
        self.shares.opened(id, share);
        let is_weak = record.state.is_evictable(record.protocol()) == Some(true);
        if is_weak {
            self.evictable.set(id, true);
        }
        if let Some(sources) = &mut self.sources {
            sources.opened(record, id, is_weak, now);
        }
    }

    /// Takes a connection out of them that ends.
    #[inline(always)]
    fn closed(&mut self, record: &Record<A>, id: ConnectionId) {
        self.loads.closed(record.server(), Connections::is_active(record));
        if !record.state.is_closing() {
            self.budgets.closed(record.server());
        }
        let was_weak = self.evictable.take(id);
        self.shares.closed(id);
        if let Some(sources) = &mut self.sources {
            sources.closed(record, id, was_weak);
        }
        self.session.closed(record, was_weak);
    }
}

impl<A: Replicated> Connections<A> {
    /// Room for `capacity` connections; `prepare` sees each large region of memory
    /// before its first touch.
    pub fn new(
        capacity: impl Into<Capacity>,
        timeouts: Timeouts,
        now: Instant,
        prepare: &mut dyn FnMut(Region),
    ) -> Self {
        let capacity = capacity.into();
        let table = Table::new(capacity, prepare);
        let ages = Ages::new(Self::room_of(&table), prepare);
        Self::with_table(table, ages, Wheel::new(capacity, now, prepare), timeouts, now)
    }

    /// The same with a hash that repeats, to count instructions. Never for packets from
    /// outside: who knows the seed can choose packets that meet in one bucket. Clippy
    /// refuses it elsewhere (`clippy.toml`).
    #[doc(hidden)]
    pub fn from_seed(seed: u64, capacity: usize, timeouts: Timeouts, now: Instant) -> Self {
        let wheel = Wheel::new(capacity.into(), now, &mut |_| ());
        let table = Table::from_seed(seed, capacity);
        let ages = Ages::new(Self::room_of(&table), &mut |_| ());
        Self::with_table(table, ages, wheel, timeouts, now)
    }

    /// As many records as a table begins with, and can have.
    fn room_of(table: &Table<A>) -> Capacity {
        Capacity { own: table.places(), most: table.capacity() }
    }

    fn with_table(
        table: Table<A>,
        ages: Ages,
        mut wheel: Wheel,
        timeouts: Timeouts,
        now: Instant,
    ) -> Self {
        wheel.set_shortest(timeouts.shortest().min(ONE_PACKET));
        let capacity = table.capacity();
        Connections {
            table,
            ages,
            accounting: Accounting {
                wheel,
                timeouts,
                loads: Arc::default(),
                budgets: Arc::default(),
                session: Session::Off,
                evictable: Evictable::new(capacity),
                room: Arc::new(Room::new(capacity.into())),
                sources: None,
                shares: Shares::new(capacity),
                observer: Observer::default(),
            },
            staged: None,
            ending: [None; CHUNK],
            survivors: [None; CHUNK],
            survivor_count: 0,
            keeps_survivors: false,
            standby: false,
            resumed: now,
            generation: 0,
            unbound: 0,
            binding: None,
            made_room: false,
        }
    }

    /// The table, for look-ups and listings.
    #[inline(always)]
    pub fn table(&self) -> &Table<A> {
        &self.table
    }

    /// Counts the connections of each real server in `loads`, which other threads read. To be
    /// called before the first connection opens.
    #[must_use]
    pub fn counted_in(mut self, loads: Arc<Loads>) -> Self {
        self.accounting.loads = loads;
        self
    }

    /// Keeps to the room that this worker has, which changes. To be called before the first
    /// connection opens.
    #[must_use]
    pub fn within(mut self, room: Arc<Room>) -> Self {
        room.set_regions(vec![
            self.table.region(),
            self.ages.region(),
            self.accounting.wheel.region(),
        ]);
        self.accounting.room = room;
        self
    }

    /// Keeps to what sources may take by these rules, if they limit anything. To be called before
    /// the first connection opens.
    #[must_use]
    pub fn counting(mut self, rules: &Arc<Rules<A>>, shared: Arc<SharedCounts>) -> Self {
        let sources = || Sources::new(Arc::clone(rules), shared, self.table.capacity());
        self.accounting.sources = rules.is_any().then(|| Box::new(sources()));
        self
    }

    /// Takes other rules of what sources may take.
    pub fn set_source_rules(&mut self, rules: &Arc<Rules<A>>) {
        if let Some(sources) = &mut self.accounting.sources {
            sources.set_rules(rules);
        }
    }

    /// Takes other rules of what services and masquerade rules are sure of.
    pub fn set_share_rules(&mut self, rules: &Arc<shares::Rules<A>>) {
        self.accounting.shares.set_rules(rules);
    }

    /// True if what masquerade rules take may be limited.
    pub(crate) fn limits_masquerades(&self) -> bool {
        self.accounting.shares.limits()
    }

    /// Whether a private host's masquerade rule takes one more connection.
    ///
    /// # Errors
    ///
    /// The refusal, if it has as many as it may.
    #[inline(always)]
    pub(crate) fn admits_host(&self, source: A) -> Result<(), Refusal> {
        self.accounting.shares.admits_host(source)
    }

    /// A step of counting open connections by new rules of shares. Returns how many records it has
    /// looked at, none when all are counted.
    #[inline(always)]
    pub fn count_on(&mut self) -> usize {
        match self.accounting.shares.is_walking() {
            true => self.accounting.shares.walk_on(&self.table),
            false => 0,
        }
    }

    /// True if what sources may take is limited.
    pub(crate) fn limits_sources(&self) -> bool {
        self.accounting.sources.as_ref().is_some_and(|sources| sources.limits())
    }

    /// Whether a source may open one more connection of this kind.
    ///
    /// # Errors
    ///
    /// The refusal, if it may not.
    #[inline]
    pub(crate) fn admits(&self, source: A, kind: Kind, now: Instant) -> Result<(), Refusal> {
        match &self.accounting.sources {
            Some(sources) => sources.admits(source, kind, now),
            None => Ok(()),
        }
    }

    /// Keeps to the limits of these permits. To be called before the first connection opens.
    #[must_use]
    pub fn limited_by(mut self, budgets: Arc<Budgets>) -> Self {
        self.accounting.budgets = budgets;
        self
    }

    /// The permits by which connections open.
    #[inline(always)]
    pub fn budgets(&self) -> &Budgets {
        &self.accounting.budgets
    }

    /// Connections bound to each real server.
    #[inline(always)]
    pub fn loads(&self) -> &Loads {
        &self.accounting.loads
    }

    /// Memory of all that grows with the room, in bytes.
    pub fn bytes(&self) -> usize {
        let sources = self.accounting.sources.as_ref().map_or(0, |sources| sources.bytes());
        self.table.bytes()
            + self.ages.bytes()
            + self.accounting.wheel.bytes()
            + self.accounting.evictable.bytes()
            + self.accounting.shares.bytes()
            + sources
    }

    /// Takes new timeouts; they count from the next visit of each connection on.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.accounting.timeouts = timeouts;
        self.accounting.wheel.set_shortest(timeouts.shortest().min(ONE_PACKET));
    }

    /// True if what the hit's connection remembers of its next hops is of this epoch.
    #[inline(always)]
    pub fn is_current(&self, hit: Hit, epoch: u16) -> bool {
        self.table.get(hit.id).is_some_and(|record| record.epoch == epoch)
    }

    /// Opens a connection with its first packet.
    ///
    /// # Errors
    ///
    /// [`InsertError`]; nothing has changed then.
    pub fn open(&mut self, new: &NewConnection<A>, now: Instant) -> Result<Hit, InsertError> {
        let mut record = Record::new(new.original, new.reply, now);
        record.bound = Bound::new(new.service, new.server);
        record.state = match record.protocol() {
            Protocol::Tcp => State::None.next(new.direction, new.flags).state,
            Protocol::Udp | Protocol::Icmp => State::Unreplied.next(new.direction, new.flags).state,
        };
        // In a flood most of what opens is gone before it is answered: the peer is told of it then.
        let is_told =
            !self.is_pressed() || record.state.is_evictable(record.protocol()) != Some(true);
        if is_told {
            record.set_mark(self.accounting.session.mark());
        }
        let share = self.accounting.shares.of(&record);
        let limit = match core::mem::take(&mut self.made_room) {
            true => self.accounting.room.limit(),
            false => self.limit_of(share),
        };
        let id = self.enter(&record, share, limit, now)?;
        if is_told {
            self.accounting.session.opened(&record);
        }
        Ok(Hit { id, direction: new.direction })
    }

    /// As many connections as there may be for one of this share to open: those that have not what
    /// they are sure of may have what is withheld from others.
    #[inline(always)]
    fn limit_of(&self, share: ShareId) -> usize {
        let room = &self.accounting.room;
        let (limit, withheld) = (room.limit(), room.withheld());
        if withheld == 0 || self.accounting.shares.is_short(share) {
            return limit;
        }
        limit.saturating_sub(withheld)
    }

    /// Puts a new record into the table, the loads and the wheel, if there are fewer than `limit`.
    #[inline]
    fn enter(
        &mut self,
        record: &Record<A>,
        share: ShareId,
        limit: usize,
        now: Instant,
    ) -> Result<ConnectionId, InsertError> {
        let Accounting { wheel, timeouts, .. } = &mut self.accounting;
        self.table.set_limit(limit);
        let id = self.table.insert(*record)?;
        if let Some(entered) = self.table.slot_mut(id) {
            let deadline = now.plus(Self::timeout(timeouts, record));
            wheel.visit_by(deadline, id, &mut entered.visits);
        }
        self.ages.opened(id, now);
        self.accounting.opened(record, id, share, now);
        self.unbound += usize::from(record.is_unbound());
        Ok(id)
    }

    /// The fast path: a packet with this key before its connection, if the candidate is that
    /// and knows its next hops as of `epoch`.
    #[inline(always)]
    pub fn fast_hit(
        &mut self,
        candidate: Candidate,
        key: &Key<A>,
        epoch: u16,
    ) -> Option<FastHit<'_, A>> {
        let (hit, record) = self.table.confirm_mut(candidate, key)?;
        (record.epoch == epoch).then_some(FastHit { record, hit, accounting: &mut self.accounting })
    }

    /// Lets a packet pass: refreshes the connection, follows its TCP state, and says
    /// what to do with the packet. `None` only for a hit on a connection that is gone.
    pub fn pass(&mut self, hit: Hit, segment: Segment, now: Instant) -> Option<Forwarding<A>> {
        let record = self.table.get_mut(hit.id)?;
        let reopened = Self::touch(record, hit, segment, now, &mut self.accounting);
        Some(Self::forwarding(record, hit.direction, reopened))
    }

    /// Refreshes a connection and follows its TCP state. True for a SYN of one that was over.
    #[inline(always)]
    fn touch(
        record: &mut Record<A>,
        hit: Hit,
        segment: Segment,
        now: Instant,
        accounting: &mut Accounting<A>,
    ) -> bool {
        let is_followed = || record.protocol() == Protocol::Tcp || record.state.awaits().is_some();
        if !record.state.stays(segment.flags) && is_followed() {
            return Self::follow(record, hit, segment, now, accounting);
        }
        record.last_seen = now.stamp();
        record.take_note(hit.direction, segment);
        false
    }

    #[inline(never)]
    fn follow(
        record: &mut Record<A>,
        hit: Hit,
        segment: Segment,
        now: Instant,
        accounting: &mut Accounting<A>,
    ) -> bool {
        if record.state == State::SynReceived {
            Self::observe(record, hit.direction, segment, now, &accounting.observer);
        }
        let is_believed = record.believes(hit.direction, segment);
        record.take_note(hit.direction, segment);
        if !is_believed {
            return false;
        }
        let next = record.state.next(hit.direction, segment.flags);
        if next.reopened {
            // It is over, and stays so: what the SYN opens is decided anew.
            return true;
        }
        let before = core::mem::replace(&mut record.last_seen, now.stamp());
        if next.state != record.state {
            let state = record.state;
            Self::change_state(record, hit.id, next.state, now, accounting);
            accounting.session.changed(record, state);
        } else if next.state == State::Close {
            // Neither repeated resets nor SYNs that nobody answers keep what is over.
            record.last_seen = before;
        }
        false
    }

    fn change_state(
        record: &mut Record<A>,
        id: ConnectionId,
        state: State,
        now: Instant,
        accounting: &mut Accounting<A>,
    ) {
        let (was_active, was_closing) = (Self::is_active(record), record.state.is_closing());
        record.state = state;
        if let Some(is_evictable) = state.is_evictable(record.protocol()) {
            let was_evictable = accounting.evictable.set(id, is_evictable);
            if let Some(sources) =
                accounting.sources.as_mut().filter(|_| was_evictable != is_evictable)
            {
                sources.changed(record, id, is_evictable);
            }
        }
        let timeout = Self::timeout(&accounting.timeouts, record);
        Self::visit_by(&mut accounting.wheel, now.plus(timeout), id, &mut record.visits);
        let is_active = Self::is_active(record);
        if was_active != is_active {
            accounting.loads.moved(record.server(), is_active);
        }
        match (was_closing, state.is_closing()) {
            (false, true) => accounting.budgets.closed(record.server()),
            (true, false) => accounting.budgets.opened(record.server()),
            _ => {}
        }
    }

    /// The same for a packet that must leave the connection as it is, such as an ICMP
    /// error (RFC 5508 section 4: an error neither refreshes nor ends a mapping).
    pub fn peek(&self, hit: Hit) -> Option<Forwarding<A>> {
        self.table.get(hit.id).map(|record| Self::forwarding(record, hit.direction, false))
    }

    #[inline(always)]
    fn forwarding(record: &Record<A>, direction: Direction, reopened: bool) -> Forwarding<A> {
        let (next_hop, epoch) = record.next_hop(direction);
        Forwarding {
            rewrite: record.rewrite(direction),
            exit: record.exit(direction),
            next_hop,
            epoch,
            server: record.server(),
            direction,
            reopened,
        }
    }

    #[cold]
    #[inline(never)]
    fn visit_by(wheel: &mut Wheel, deadline: Instant, id: ConnectionId, visits: &mut Visits) {
        wheel.visit_by(deadline, id, visits);
    }

    /// Remembers the next hops of both directions. Both are found at one time, as they
    /// share the epoch.
    pub fn set_next_hops(&mut self, id: ConnectionId, next_hops: [NextHop; 2], epoch: u16) {
        if let Some(record) = self.table.get_mut(id) {
            record.next_hops = next_hops;
            record.epoch = epoch;
        }
    }

    /// Closes a connection at once, and returns its last record.
    pub fn close(&mut self, id: ConnectionId) -> Option<Record<A>> {
        let record = self.table.remove(id)?;
        self.unbound -= usize::from(record.is_unbound());
        self.accounting.closed(&record, id);
        Some(record)
    }

    /// Seconds since a connection was opened here, or this machine was told of it.
    pub fn age_seconds(&self, id: ConnectionId, now: Instant) -> u64 {
        self.ages.seconds(id, now)
    }

    /// Seconds without a packet after which a record is over.
    pub fn timeout_of(&self, record: &Record<A>) -> Seconds {
        Self::timeout(&self.accounting.timeouts, record)
    }

    fn timeout(timeouts: &Timeouts, record: &Record<A>) -> Seconds {
        let class = match record.kind() {
            Kind::Service | Kind::Hairpin if record.is_one_packet() => return ONE_PACKET,
            Kind::Service | Kind::Hairpin => Class::Service,
            Kind::Masquerade => Class::Masquerade,
        };
        timeouts.of(class, record.protocol(), record.state)
    }

    /// As IPVS counts: an established TCP connection, or a flow of another protocol, is
    /// active.
    fn is_active(record: &Record<A>) -> bool {
        record.protocol() != Protocol::Tcp || record.state == State::Established
    }
}
