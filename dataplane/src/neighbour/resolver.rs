//! Resolution of neighbours (RFC 826), as a state machine that takes the time.
//!
//! ```text
//!              resolve            answer
//!   (unknown) --------> Incomplete -----> Reachable <--------+
//!                 ^        | 3 unanswered     | 30 s          | any ARP from it
//!         resolve |        v                  v               |
//!                 +----- Failed <--------- Probe -------------+
//!                          | 60 s   3 unicast, 3 broadcast
//!                          v        unanswered
//!                      (unknown)
//! ```
//!
//! A neighbour in `Probe` is still used; in `Incomplete` and `Failed` it is not.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ahash::RandomState;
use nat::connection::NextHop;
use nat::{Instant, Seconds, Side};
use wire::MacAddress;

use super::table::{NeighbourTable, SLOTS};

/// Packets that may wait for one neighbour.
const QUEUE: usize = 32;
/// Packets that may wait for all neighbours together.
const QUEUE_TOTAL: usize = 1024;
/// Unanswered requests before a neighbour counts as failed; probes ask so often by
/// unicast, and as often again by broadcast.
const ATTEMPTS: u8 = 3;
/// Time between requests to one neighbour.
const RETRY: Seconds = Seconds(1);
/// How long an answer is believed (RFC 4861's REACHABLE_TIME, which Linux uses for ARP).
const REACHABLE: Seconds = Seconds(30);
/// How long a failed neighbour is kept at least.
const FORGET: Seconds = Seconds(60);
/// Neighbours at which failed ones are forgotten.
const CROWDED: usize = SLOTS / 2;

/// What is known of a neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
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
    /// A packet waited in vain.
    Failed(P),
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
    pub state: State,
    /// Milliseconds since it last answered or was first asked for.
    pub age: u64,
}

struct Entry<P> {
    hop: NextHop,
    state: State,
    mac: Option<MacAddress>,
    /// When it last answered, or was first asked for.
    confirmed: Instant,
    asked: Instant,
    attempts: u8,
    waiting: VecDeque<P>,
}

/// All neighbours of both sides.
pub struct Resolver<P> {
    table: Arc<NeighbourTable>,
    entries: HashMap<(Side, Ipv4Addr), Entry<P>, RandomState>,
    waiting: usize,
    retired: Vec<NextHop>,
}

impl<P> Resolver<P> {
    /// An empty one, which publishes in `table`.
    pub fn new(table: Arc<NeighbourTable>) -> Self {
        Resolver { table, entries: HashMap::default(), waiting: 0, retired: Vec::new() }
    }

    fn entry(&mut self, side: Side, address: Ipv4Addr, now: Instant) -> Option<&mut Entry<P>> {
        if !self.entries.contains_key(&(side, address)) {
            let hop = self.table.insert(side, address)?;
            let entry = Entry {
                hop,
                state: State::Failed,
                mac: None,
                confirmed: now,
                asked: Instant::from_millis(0),
                attempts: 0,
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
        let Some(entry) = self.entry(side, address, now) else {
            return Resolution::TableFull(packet);
        };
        if let (State::Reachable | State::Probe | State::Static, Some(mac)) =
            (entry.state, entry.mac)
        {
            return Resolution::Send(mac, packet);
        }
        if !room || entry.waiting.len() >= QUEUE {
            return Resolution::QueueFull(packet);
        }
        entry.waiting.push_back(packet);
        let mut request = None;
        if entry.state == State::Failed {
            entry.state = State::Incomplete;
            entry.attempts = 0;
            entry.confirmed = now;
            // A host that is gone must not be asked for more than once a second,
            // however much traffic there is for it.
            if entry.asked.millis() == 0 || now.since(entry.asked) >= RETRY.millis() {
                entry.asked = now;
                entry.attempts = 1;
                request = Some(Request { side, target: address, to: None });
            }
        }
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
        if entry.state == State::Static {
            return VecDeque::new();
        }
        entry.state = State::Reachable;
        entry.confirmed = now;
        entry.attempts = 0;
        entry.mac = Some(mac);
        let (hop, released) = (entry.hop, core::mem::take(&mut entry.waiting));
        self.table.publish(hop, Some(mac));
        self.waiting -= released.len();
        released
    }

    /// Sets the neighbours that the configuration names; others that it named before go
    /// back to being asked. False if the table has no room for all.
    pub fn set_static(&mut self, wanted: &[(Side, Ipv4Addr, MacAddress)], now: Instant) -> bool {
        for ((side, address), entry) in &mut self.entries {
            let named = wanted.iter().any(|(s, a, _)| s == side && a == address);
            if entry.state == State::Static && !named {
                entry.state = State::Probe;
                entry.attempts = 0;
            }
        }
        let mut all = true;
        for &(side, address, mac) in wanted {
            let Some(entry) = self.entry(side, address, now) else {
                all = false;
                continue;
            };
            entry.state = State::Static;
            entry.mac = Some(mac);
            let hop = entry.hop;
            self.table.publish(hop, Some(mac));
        }
        all
    }

    /// Does what time asks for: sends requests again, probes, gives up, forgets. Called
    /// a few times a second. Tells `outcome` what is to be done.
    pub fn tick(&mut self, now: Instant, mut outcome: impl FnMut(Outcome<P>)) {
        for hop in self.retired.drain(..) {
            self.table.release(hop);
        }
        // Forgetting one costs every connection a look at where its packets go, so it is
        // left until others may need the room.
        let crowded = self.entries.len() > CROWDED;
        let mut forgotten = Vec::new();
        for (&(side, target), entry) in &mut self.entries {
            if let Some(to) = entry.tick(&self.table, now) {
                outcome(Outcome::Ask(Request { side, target, to }));
            }
            if let (State::Static, Some(mac)) = (entry.state, entry.mac) {
                // It was asked for before the configuration named it.
                self.waiting -= entry.waiting.len();
                entry.waiting.drain(..).for_each(|p| outcome(Outcome::Send(side, mac, p)));
            }
            if entry.state == State::Failed {
                self.waiting -= entry.waiting.len();
                entry.waiting.drain(..).for_each(|packet| outcome(Outcome::Failed(packet)));
                if crowded && now.since(entry.confirmed) >= FORGET.millis() {
                    forgotten.push((side, target));
                }
            }
        }
        for key in forgotten {
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
}

impl<P> Entry<P> {
    /// The request that is due now, if one is: to one station or to all.
    fn tick(&mut self, table: &NeighbourTable, now: Instant) -> Option<Option<MacAddress>> {
        let due = now.since(self.asked) >= RETRY.millis();
        match self.state {
            State::Reachable if now.since(self.confirmed) >= REACHABLE.millis() => {
                self.state = State::Probe;
                self.attempts = 0;
            }
            State::Incomplete | State::Probe if due => {}
            _ => return None,
        }
        let most = if self.state == State::Probe { ATTEMPTS * 2 } else { ATTEMPTS };
        if self.attempts >= most {
            self.state = State::Failed;
            table.publish(self.hop, None);
            return None;
        }
        self.attempts += 1;
        self.asked = now;
        let unicast = self.state == State::Probe && self.attempts <= ATTEMPTS;
        Some(self.mac.filter(|_| unicast))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);
    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 11]);
    const BROADCAST: Option<MacAddress> = None;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1000 + seconds * 1000)
    }

    fn resolver() -> Resolver<u32> {
        Resolver::new(Arc::new(NeighbourTable::default()))
    }

    fn tick(resolver: &mut Resolver<u32>, now: Instant) -> (Vec<Request>, Vec<u32>) {
        let (mut requests, mut failed) = (Vec::new(), Vec::new());
        resolver.tick(now, |outcome| match outcome {
            Outcome::Ask(request) => requests.push(request),
            Outcome::Failed(packet) => failed.push(packet),
            Outcome::Send(..) => panic!("nothing waits for a static neighbour"),
        });
        (requests, failed)
    }

    fn request(to: Option<MacAddress>) -> Request {
        Request { side: Side::Private, target: HOST, to }
    }

    fn usable(resolver: &Resolver<u32>) -> Option<MacAddress> {
        let hop = resolver.table.find(Side::Private, HOST)?;
        resolver.table.mac(hop)
    }

    #[test]
    fn packets_wait_for_the_answer_in_order() {
        let mut resolver = resolver();
        let first = resolver.resolve(Side::Private, HOST, 1, at(0));
        assert_eq!(first, Resolution::Wait(Some(request(BROADCAST))));
        assert_eq!(resolver.resolve(Side::Private, HOST, 2, at(0)), Resolution::Wait(None));
        assert_eq!(usable(&resolver), None);
        assert_eq!(resolver.learn(Side::Private, HOST, MAC, false, at(0)), [1, 2]);
        assert_eq!(usable(&resolver), Some(MAC));
        assert_eq!(resolver.resolve(Side::Private, HOST, 3, at(0)), Resolution::Send(MAC, 3));
    }

    #[test]
    fn requests_are_a_second_apart_and_three() {
        let mut resolver = resolver();
        resolver.resolve(Side::Private, HOST, 1, at(0));
        assert_eq!(tick(&mut resolver, at(0)), (vec![], vec![]));
        assert_eq!(tick(&mut resolver, at(1)), (vec![request(BROADCAST)], vec![]));
        assert_eq!(tick(&mut resolver, at(2)), (vec![request(BROADCAST)], vec![]));
        assert_eq!(tick(&mut resolver, at(3)), (vec![], vec![1]));
        // The next packet asks again.
        let again = resolver.resolve(Side::Private, HOST, 2, at(4));
        assert_eq!(again, Resolution::Wait(Some(request(BROADCAST))));
    }

    #[test]
    fn a_dead_host_is_not_asked_for_by_every_packet() {
        let mut resolver = resolver();
        resolver.resolve(Side::Private, HOST, 1, at(0));
        for second in 1..=3 {
            tick(&mut resolver, at(second));
        }
        let half = Instant::from_millis(at(2).millis() + 500);
        assert_eq!(resolver.resolve(Side::Private, HOST, 2, half), Resolution::Wait(None));
    }

    #[test]
    fn queues_are_bounded() {
        let mut resolver = resolver();
        for packet in 0..QUEUE as u32 {
            let outcome = resolver.resolve(Side::Private, HOST, packet, at(0));
            assert!(matches!(outcome, Resolution::Wait(_)));
        }
        assert_eq!(resolver.resolve(Side::Private, HOST, 99, at(0)), Resolution::QueueFull(99));
        for host in 0..2 * QUEUE_TOTAL as u32 {
            resolver.resolve(Side::Public, Ipv4Addr::from_bits(host), host, at(0));
        }
        assert_eq!(resolver.waiting, QUEUE_TOTAL);
    }

    #[test]
    fn an_old_answer_is_probed_by_unicast_then_broadcast_and_used_meanwhile() {
        let mut resolver = resolver();
        resolver.resolve(Side::Private, HOST, 1, at(0));
        resolver.learn(Side::Private, HOST, MAC, false, at(0));
        assert_eq!(tick(&mut resolver, at(29)).0, []);
        for second in 30..33 {
            assert_eq!(tick(&mut resolver, at(second)).0, [request(Some(MAC))]);
            assert_eq!(usable(&resolver), Some(MAC));
        }
        for second in 33..36 {
            assert_eq!(tick(&mut resolver, at(second)).0, [request(BROADCAST)]);
        }
        assert_eq!(tick(&mut resolver, at(36)).0, []);
        assert_eq!(usable(&resolver), None, "six unanswered requests");
        // It comes back with another card.
        let other = MacAddress([2, 0, 0, 0, 0, 99]);
        resolver.learn(Side::Private, HOST, other, false, at(37));
        assert_eq!(usable(&resolver), Some(other));
    }

    #[test]
    fn failed_neighbours_are_forgotten_when_there_are_many() {
        let mut resolver = resolver();
        resolver.learn(Side::Private, HOST, MAC, true, at(60));
        let hosts = (0..CROWDED as u32).map(|host| Ipv4Addr::from_bits(0x0a01_0000 + host));
        for (count, host) in hosts.enumerate() {
            resolver.resolve(Side::Private, host, 1, at(0));
            if count == 9 {
                (1..=3).for_each(|second| drop(tick(&mut resolver, at(second))));
                let epoch = resolver.table.epoch();
                tick(&mut resolver, at(70));
                assert_eq!(resolver.list(at(70)).len(), 11, "there is room");
                assert_eq!(resolver.table.epoch(), epoch, "no connection has to look");
            }
        }
        tick(&mut resolver, at(71));
        let left = resolver.list(at(71));
        assert!(left.iter().all(|line| line.state != State::Failed));
        assert!(left.iter().any(|line| line.address == HOST));
    }

    #[test]
    fn packets_that_wait_leave_when_their_neighbour_becomes_static() {
        let mut resolver = resolver();
        resolver.resolve(Side::Private, HOST, 1, at(0));
        resolver.resolve(Side::Private, HOST, 2, at(0));
        resolver.set_static(&[(Side::Private, HOST, MAC)], at(1));
        let mut outcomes = Vec::new();
        resolver.tick(at(1), |outcome| outcomes.push(outcome));
        let sent = [1, 2].map(|packet| Outcome::Send(Side::Private, MAC, packet));
        assert_eq!(outcomes, sent);
        assert_eq!(resolver.waiting, 0);
    }

    #[test]
    fn strangers_are_learnt_only_when_they_talk_to_us() {
        let mut resolver = resolver();
        resolver.learn(Side::Private, HOST, MAC, false, at(0));
        assert!(resolver.list(at(0)).is_empty());
        resolver.learn(Side::Private, HOST, MAC, true, at(0));
        assert_eq!(resolver.list(at(0))[0].state, State::Reachable);
    }

    #[test]
    fn static_neighbours_do_not_listen() {
        let mut resolver = resolver();
        assert!(resolver.set_static(&[(Side::Private, HOST, MAC)], at(0)));
        resolver.learn(Side::Private, HOST, MacAddress([6; 6]), true, at(1));
        assert_eq!(usable(&resolver), Some(MAC));
        assert_eq!(tick(&mut resolver, at(9999)).0, []);
        resolver.set_static(&[], at(10_000));
        assert_eq!(tick(&mut resolver, at(10_000)).0, [request(Some(MAC))]);
    }
}
