//! Resolution of neighbours (RFC 826), as a state machine that takes the time.
//!
//! ```text
//!              resolve            answer
//!   (unknown) --------> Incomplete -----> Reachable <--------+
//!                 ^        | 3 unanswered     | 1 s in use,   | any ARP from it
//!         resolve |        v                  v 30 s if not   |
//!                 +----- Failed <--------- Probe -------------+
//!                          | 60 s   1 unicast, 5 broadcast
//!                          v        unanswered
//!                      (unknown)
//! ```
//!
//! A neighbour in `Probe` is still used; in `Incomplete` and `Failed` it is not. One that packets are
//! sent to is asked every second (as long as there are no more than a thousand), since what it sends is not looked at: a server that got another
//! Ethernet address without a word is found by the broadcast a second later. When others need the
//! room, those go that no packet has been sent to for the longest time.

mod fixed;
mod keep;

use std::collections::VecDeque;
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use ahash::RandomState;
use nat::connection::NextHop;
use nat::{Instant, Seconds, Side};
use wire::MacAddress;

use super::prober::Prober;
use super::table::{NeighbourTable, SLOTS};

/// Packets that may wait for one neighbour.
const QUEUE: usize = 32;
/// Packets that may wait for all neighbours together.
const QUEUE_TOTAL: usize = config::model::buffers::UNRESOLVED as usize;
/// Unanswered requests before a neighbour counts as failed that was not known.
const ATTEMPTS: u8 = 3;
/// The same of one that was, the first of them by unicast, the others by broadcast.
const PROBES: u8 = 6;
/// Questions to neighbours that are known, in a tick: the rest has its turn later.
const PROBED: usize = 100;
/// Time between requests to one neighbour.
const RETRY: Seconds = Seconds(1);
/// How long an answer is believed (RFC 4861's REACHABLE_TIME, which Linux uses for ARP).
const REACHABLE: Seconds = Seconds(30);
/// Milliseconds of the same while packets are sent to it, and for each neighbour in use: a thousand
/// are asked every second, and of more each less often, so that all have their turn.
const REACHABLE_IN_USE: u64 = 1000;
const EACH_IN_USE: u64 = 1;
/// Time between looks at who is used.
const LOOK: Seconds = Seconds(1);
/// A part of the table that is forgotten at once when it is full: one of so many.
const PART: usize = 16;
/// How long a failed neighbour is kept at least.
const FORGET: Seconds = Seconds(60);
/// Neighbours at which failed ones are forgotten.
const CROWDED: usize = SLOTS / 2;

const _: () = assert!(config::Interface::MOST_NEIGHBOURS <= SLOTS / 2);

/// What is known of a neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReachabilityState {
    /// Asked for, not answered yet.
    Incomplete,
    /// Answered lately.
    Reachable,
    /// Answered once; being asked whether it is still there.
    Probe,
    /// Does not answer.
    Failed,
    /// From the configuration; never asked.
    Static,
}

impl ReachabilityState {
    /// Each of them.
    pub const ALL: [ReachabilityState; 5] = [
        ReachabilityState::Incomplete,
        ReachabilityState::Reachable,
        ReachabilityState::Probe,
        ReachabilityState::Failed,
        ReachabilityState::Static,
    ];

    /// Packets can be sent to it.
    fn is_usable(self) -> bool {
        matches!(
            self,
            ReachabilityState::Reachable | ReachabilityState::Probe | ReachabilityState::Static
        )
    }
}

/// A request to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// On this side.
    pub side: Side,
    /// Who has this address?
    pub target: Ipv4Addr,
    /// To this station alone, or to all.
    pub to: Option<MacAddress>,
}

/// What became of a packet for a neighbour.
#[derive(PartialEq, Eq, Debug)]
pub enum Resolution<P> {
    /// It can be sent to this station at once.
    Send(MacAddress, P),
    /// It waits. The request is to be sent, if there is one.
    Wait(Option<Request>),
    /// The neighbour has not answered lately. The request is to be sent, if there is one.
    Failed(P, Option<Request>),
    /// The queues are full.
    QueueFull(P),
    /// The table is full.
    TableFull(P),
}

/// What came of a neighbour by time.
#[derive(PartialEq, Eq, Debug)]
pub enum Outcome<P> {
    /// A request is to be sent.
    Ask(Request),
    /// A packet can be sent to this station now.
    Send(Side, MacAddress, P),
    /// A packet for this side waited in vain.
    Failed(Side, P),
}

/// One line of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The side it is on.
    pub side: Side,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its Ethernet address, when one was ever known.
    pub mac: Option<MacAddress>,
    /// What is known of it.
    pub state: ReachabilityState,
    /// Milliseconds since it last answered or was first asked for.
    pub age: u64,
}

struct Entry<P> {
    hop: NextHop,
    state: ReachabilityState,
    mac: Option<MacAddress>,
    /// When it last answered, or was first asked for.
    confirmed: Instant,
    asked: Instant,
    /// When packets were last seen to be sent to it, or it was entered.
    used: Instant,
    attempts: u8,
    /// True from when it did not answer until it does.
    has_failed: bool,
    waiting: VecDeque<P>,
}

/// All neighbours of both sides.
pub struct Resolver<P> {
    table: Arc<NeighbourTable>,
    entries: HashMap<(Side, Ipv4Addr), Entry<P>, RandomState>,
    waiting: usize,
    retired: Vec<NextHop>,
    /// When it was last looked who is used.
    looked: Instant,
    /// Milliseconds that the answer of one in use is believed.
    believed: u64,
    /// Somebody found no room.
    is_full: bool,
    /// Neighbours that are asked for though no packet is for them.
    kept: Vec<(Side, Ipv4Addr)>,
    /// Whether those answer.
    pub prober: Prober,
}

impl<P> Resolver<P> {
    /// An empty one, which publishes in `table`.
    pub fn new(table: Arc<NeighbourTable>) -> Self {
        Resolver {
            table,
            entries: HashMap::default(),
            waiting: 0,
            retired: Vec::new(),
            looked: Instant::from_millis(0),
            believed: REACHABLE_IN_USE,
            is_full: false,
            kept: Vec::new(),
            prober: Prober::default(),
        }
    }

    fn entry(&mut self, side: Side, address: Ipv4Addr, now: Instant) -> Option<&mut Entry<P>> {
        if !self.entries.contains_key(&(side, address)) {
            let Some(hop) = self.table.insert(side, address) else {
                self.is_full = true;
                return None;
            };
            let entry = Entry {
                hop,
                state: ReachabilityState::Failed,
                mac: None,
                confirmed: now,
                asked: Instant::from_millis(0),
                used: now,
                attempts: 0,
                has_failed: false,
                waiting: VecDeque::new(),
            };
            self.entries.insert((side, address), entry);
        }
        self.entries.get_mut(&(side, address))
    }

    /// Takes a packet for a neighbour.
    pub fn resolve(
        &mut self,
        side: Side,
        address: Ipv4Addr,
        packet: P,
        now: Instant,
    ) -> Resolution<P> {
        let room = self.waiting < QUEUE_TOTAL;
        let table = Arc::clone(&self.table);
        let Some(entry) = self.entry(side, address, now) else {
            return Resolution::TableFull(packet);
        };
        table.want(entry.hop);
        entry.used = now;
        if let Some(mac) = entry.mac.filter(|_| entry.state.is_usable()) {
            return Resolution::Send(mac, packet);
        }
        // A host that is gone must not be asked for more than once a second, however much
        // traffic there is for it.
        let may_ask = entry.state == ReachabilityState::Failed
            && (!entry.has_failed || now.since(entry.asked) >= RETRY.millis());
        let request = may_ask.then_some(Request { side, target: address, to: None });
        if may_ask {
            entry.state = ReachabilityState::Incomplete;
            entry.confirmed = now;
            entry.asked = now;
            entry.attempts = 1;
        }
        // Nobody waits for one that has not answered before: senders are told at once, and it
        // is found as soon as it answers.
        if entry.has_failed {
            return Resolution::Failed(packet, request);
        }
        if !room || entry.waiting.len() >= QUEUE {
            return Resolution::QueueFull(packet);
        }
        entry.waiting.push_back(packet);
        self.waiting += 1;
        Resolution::Wait(request)
    }

    /// Learns from ARP that `address` is at `mac`, and releases the packets that waited
    /// for it. An address that nobody asked for is only learnt when `create` says that
    /// its owner is about to talk to us (RFC 826: the packet's target is us).
    pub fn learn(
        &mut self,
        side: Side,
        address: Ipv4Addr,
        mac: MacAddress,
        create: bool,
        now: Instant,
    ) -> VecDeque<P> {
        if !create && !self.entries.contains_key(&(side, address)) {
            return VecDeque::new();
        }
        let Some(entry) = self.entry(side, address, now) else { return VecDeque::new() };
        if entry.state == ReachabilityState::Static {
            return VecDeque::new();
        }
        entry.state = ReachabilityState::Reachable;
        entry.has_failed = false;
        entry.confirmed = now;
        entry.attempts = 0;
        entry.mac = Some(mac);
        let (hop, released) = (entry.hop, core::mem::take(&mut entry.waiting));
        self.table.publish(hop, Some(mac));
        self.waiting -= released.len();
        released
    }

    /// Does what time asks for: sends requests again, probes, gives up, forgets. Called
    /// a few times a second. Tells `outcome` what is to be done. A neighbour that was there does
    /// not fail while its answers may be lost on this machine, which is then deaf on its side.
    pub fn tick(&mut self, now: Instant, is_deaf: [bool; 2], mut outcome: impl FnMut(Outcome<P>)) {
        for hop in self.retired.drain(..) {
            self.table.release(hop);
        }
        self.ask_for_kept(now, &mut outcome);
        self.look_who_is_used(now);
        let mut probed = 0;
        for (&(side, target), entry) in &mut self.entries {
            let believed = (probed < PROBED).then_some(self.believed);
            if let Some(to) = entry.tick(&self.table, is_deaf[side.index()], believed, now) {
                probed += usize::from(entry.state == ReachabilityState::Probe);
                outcome(Outcome::Ask(Request { side, target, to }));
            }
            if let (ReachabilityState::Static, Some(mac)) = (entry.state, entry.mac) {
                // It was asked for before the configuration named it.
                self.waiting -= entry.waiting.len();
                entry.waiting.drain(..).for_each(|p| outcome(Outcome::Send(side, mac, p)));
            }
            if entry.state == ReachabilityState::Failed {
                self.waiting -= entry.waiting.len();
                entry.waiting.drain(..).for_each(|packet| outcome(Outcome::Failed(side, packet)));
            }
        }
        self.make_room(now);
    }

    fn look_who_is_used(&mut self, now: Instant) {
        if now.since(self.looked) < LOOK.millis() {
            return;
        }
        self.looked = now;
        let mut in_use = 0;
        for entry in self.entries.values_mut() {
            if self.table.take_used(entry.hop) {
                entry.used = now;
            }
            in_use += u64::from(entry.is_used(now));
        }
        self.believed = REACHABLE_IN_USE.max(in_use * EACH_IN_USE);
    }

    /// Forgets neighbours, where others may need the room: it costs every connection a look at
    /// where its packets go. In a table with much in it, those go that have not been used for long,
    /// and in a full one at once a part of all that are not in use just now. What the configuration
    /// names stays.
    fn make_room(&mut self, now: Instant) {
        let is_full = core::mem::take(&mut self.is_full);
        if !is_full && self.entries.len() <= CROWDED {
            return;
        }
        let idle = |entry: &Entry<P>| match entry.state {
            ReachabilityState::Static | ReachabilityState::Incomplete => 0,
            ReachabilityState::Failed => now.since(entry.confirmed).min(now.since(entry.used)),
            ReachabilityState::Reachable | ReachabilityState::Probe => now.since(entry.used),
        };
        let least = if is_full { 2 * LOOK.millis() } else { FORGET.millis() };
        let kept: HashSet<_, RandomState> = self.kept.iter().copied().collect();
        let entries = self.entries.iter().filter(|(key, _)| !kept.contains(key));
        let mut idle: Vec<_> = entries.map(|(key, entry)| (idle(entry), *key)).collect();
        idle.retain(|(time, _)| *time >= least);
        if is_full {
            idle.sort_unstable_by(|one, other| other.cmp(one));
            idle.truncate(SLOTS / PART);
        }
        for (_, key) in idle {
            if let Some(entry) = self.entries.remove(&key) {
                self.table.retire(entry.hop);
                self.retired.push(entry.hop);
            }
        }
    }

    /// Every neighbour, ordered by side and address.
    pub fn list(&self, now: Instant) -> Vec<Listed> {
        let line = |(&(side, address), entry): (&(Side, Ipv4Addr), &Entry<P>)| Listed {
            side,
            address,
            mac: entry.mac,
            state: entry.state,
            age: now.since(entry.confirmed),
        };
        let mut lines: Vec<Listed> = self.entries.iter().map(line).collect();
        lines.sort_unstable_by_key(|line| (line.side, line.address));
        lines
    }

    /// How many neighbours of each side are in each state that any is in.
    pub fn count(&self) -> HashMap<(Side, ReachabilityState), u64> {
        let mut counts = HashMap::new();
        for (&(side, _), entry) in &self.entries {
            *counts.entry((side, entry.state)).or_default() += 1;
        }
        counts
    }
}

impl<P> Entry<P> {
    /// Packets were sent to it after its last answer: whether they came there is not known.
    fn is_used(&self, now: Instant) -> bool {
        self.used > self.confirmed && now.since(self.used) <= 2 * LOOK.millis()
    }

    /// The request that is due now, if one is: to one station or to all. `believed` is how long the
    /// answer of one in use is; none where there is no turn for those that are known.
    fn tick(
        &mut self,
        table: &NeighbourTable,
        is_deaf: bool,
        believed: Option<u64>,
        now: Instant,
    ) -> Option<Option<MacAddress>> {
        let due = now.since(self.asked) >= RETRY.millis();
        let age = now.since(self.confirmed);
        match (self.state, believed) {
            (ReachabilityState::Reachable, Some(believed))
                if age >= REACHABLE.millis() || self.is_used(now) && age >= believed =>
            {
                self.state = ReachabilityState::Probe;
                self.attempts = 0;
            }
            (ReachabilityState::Incomplete, _) | (ReachabilityState::Probe, Some(_)) if due => {}
            _ => return None,
        }
        let most = if self.state == ReachabilityState::Probe { PROBES } else { ATTEMPTS };
        if self.attempts >= most && is_deaf && self.state == ReachabilityState::Probe {
            self.attempts = most - 1;
        }
        if self.attempts >= most {
            self.state = ReachabilityState::Failed;
            self.has_failed = true;
            table.publish(self.hop, None);
            return None;
        }
        self.attempts += 1;
        self.asked = now;
        // Its answers are lost here, not its questions there: nobody else is to hear of it.
        let unicast = self.state == ReachabilityState::Probe && (self.attempts == 1 || is_deaf);
        Some(self.mac.filter(|_| unicast))
    }
}

#[cfg(test)]
mod tests;
