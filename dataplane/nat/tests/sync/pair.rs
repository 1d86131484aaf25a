//! Two machines: one that exports and one that imports, each with its own number of
//! workers and its own numbering of services.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use nat::connection::{Kind, NewConnection};
use nat::scheduler::{ClientKey, HashOptions, Kind as Scheduler, Load};
use nat::service::Services;
use nat::service::{
    Listen, Registry, ServerId, ServerSpecification, ServiceId, ServiceSpecification, WhenFull,
};
use nat::sync::ring::{self, Consumer, Producer};
use nat::sync::{Event, Export, Import, Installs, Journaled, Order, Reply, Session, Tally, event};
use nat::table::{Key, Record};
use nat::tcp::State;
use nat::timeouts::Timeouts;
use nat::{Connections, Direction, Instant, Side};
use wire::tcp::Flags;
use wire::{FiveTuple, Port, Protocol};

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
pub(crate) const CAPACITY: usize = 256;
pub(crate) const KEY: ClientKey = ClientKey::from_bits([1, 2]);

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

pub(crate) fn specification(
    name: &str,
    port: u16,
    protocol: Protocol,
) -> ServiceSpecification<Ipv4Addr> {
    let server = |last| ServerSpecification {
        address: Ipv4Addr::new(10, 0, 0, last),
        port: Port::new(8000 + port),
        weight: 1,
        limit: None,
    };
    ServiceSpecification {
        name: name.to_owned(),
        listens: vec![Listen::at(VIP, Port::new(port), protocol)],
        scheduler: Scheduler::RoundRobin,
        hash: HashOptions::default(),
        servers: [11, 12, 13].map(server).to_vec(),
        sorry: Vec::new(),
        limit: None,
        when_full: WhenFull::default(),
        one_packet: false,
        unserved: None,
        persistence: None,
        cuts: false,
    }
}

/// The same services with other numbers.
pub(crate) fn services(reversed: bool) -> Services<Ipv4Addr> {
    let mut all =
        vec![specification("web", 80, Protocol::Tcp), specification("dns", 53, Protocol::Udp)];
    if reversed {
        all.reverse();
        for service in &mut all {
            service.servers.reverse();
        }
    }
    Registry::default().build(&all, KEY).unwrap()
}

pub(crate) fn tuple(
    source: (Ipv4Addr, u16),
    destination: (Ipv4Addr, u16),
    protocol: Protocol,
) -> FiveTuple<Ipv4Addr> {
    FiveTuple {
        source: source.0,
        destination: destination.0,
        source_port: Port::new(source.1),
        destination_port: Port::new(destination.1),
        protocol,
    }
}

/// An opening among few, many of which get in each other's way: `number` is the client,
/// `choice` the server or the port.
pub(crate) fn opening(
    services: &Services<Ipv4Addr>,
    kind: Kind,
    protocol: Protocol,
    number: u8,
    choice: u8,
) -> NewConnection<Ipv4Addr> {
    let client = Ipv4Addr::new(203, 0, 113, number);
    let host = Ipv4Addr::new(10, 0, 0, 100 + number % 4);
    let gateway = Ipv4Addr::new(10, 0, 0, 1);
    let service_port = if protocol == Protocol::Tcp { 80 } else { 53 };
    let service = services.find(VIP, Port::new(service_port), protocol);
    let server = service.and_then(|service| service.servers.get(usize::from(choice % 3)));
    let from = server.map_or((host, 1), |server| (server.address, server.port.number()));
    let choice = u16::from(choice);
    let (original, reply, sides) = match kind {
        Kind::Service => (
            tuple((client, 4000), (VIP, service_port), protocol),
            tuple(from, (client, 4000), protocol),
            [Side::Public, Side::Private],
        ),
        Kind::Hairpin => (
            tuple((host, 4000 + choice), (VIP, service_port), protocol),
            tuple(from, (gateway, 5000 + choice % 3), protocol),
            [Side::Private, Side::Private],
        ),
        Kind::Masquerade => (
            tuple((host, 6000), (client, 443), protocol),
            tuple((client, 443), (VIP, 6000 + choice % 3), protocol),
            [Side::Private, Side::Public],
        ),
    };
    let of_service = kind != Kind::Masquerade;
    NewConnection {
        kind,
        original: Key::new(original, sides[0]),
        reply: Key::new(reply, sides[1]),
        service: service.filter(|_| of_service).map_or(ServiceId::NONE, |service| service.id),
        server: server.filter(|_| of_service).map_or(ServerId::NONE, |server| server.id),
        direction: nat::Direction::Original,
        flags: if protocol == Protocol::Tcp { Flags::SYN } else { Flags::EMPTY },
    }
}

/// The worker that owns a connection, as a machine with this seed shares them out.
pub(crate) fn owner(remote: Option<Ipv4Addr>, seed: u64, workers: usize) -> usize {
    remote.map_or(0, |remote| {
        let mixed = u64::from(remote.to_bits()).wrapping_mul(seed | 1);
        (((mixed >> 32) * workers as u64) >> 32) as usize
    })
}

/// A connection as both machines must see it.
pub(crate) type Seen = (String, String);

pub(crate) struct Worker {
    pub(crate) connections: Connections<Ipv4Addr>,
}

pub(crate) struct Machine {
    pub(crate) workers: Vec<Worker>,
    pub(crate) services: Services<Ipv4Addr>,
    pub(crate) seed: u64,
}

impl Machine {
    fn new(workers: usize, reversed: bool, seed: u64) -> Self {
        let worker = |_| Worker {
            connections: Connections::new(CAPACITY, Timeouts::default(), at(0), &mut |_| ()),
        };
        Machine { workers: (0..workers).map(worker).collect(), services: services(reversed), seed }
    }

    pub(crate) fn follow(&mut self, now: Instant) {
        for Worker { connections } in &mut self.workers {
            connections.follow_session(now, &self.services);
        }
    }

    fn describe(&self, record: &Record<Ipv4Addr>) -> Seen {
        let keys = [Direction::Original, Direction::Reply].map(|way| record.key(way));
        let service = self.services.get(record.service()).map(|service| service.name.clone());
        let server = self.services.server(record.server()).map(|server| server.address);
        let rest = format!("{} {:?} {service:?} {server:?}", record.kind(), record.state());
        (format!("{keys:?}"), rest)
    }

    pub(crate) fn seen(&self) -> BTreeMap<String, String> {
        let records = self.workers.iter().flat_map(|w| w.connections.table().scan(0, usize::MAX));
        records.map(|(_, record)| self.describe(record)).collect()
    }

    /// The load of each server, by its address and port, over all workers.
    pub(crate) fn loads(&self) -> BTreeMap<String, (u32, u32)> {
        let mut loads = BTreeMap::new();
        for server in self.services.iter().flat_map(|service| &service.servers) {
            let of = |worker: &Worker| worker.connections.loads().of(server.id);
            let sum =
                self.workers.iter().map(of).fold((0, 0), |sum, Load { active, inactive }| {
                    (sum.0 + active, sum.1 + inactive)
                });
            loads.insert(format!("{}:{}", server.address, server.port), sum);
        }
        loads
    }
}

pub(crate) struct Pair {
    pub(crate) exporter: Machine,
    pub(crate) importer: Machine,
    pub(crate) ring: usize,
    rings: Vec<Consumer>,
    intakes: Vec<(Producer, Consumer)>,
    pub(crate) installs: Arc<Installs>,
    /// What was read of the exporter's rings and not given to the importer.
    stream: VecDeque<(u16, Journaled)>,
    pub(crate) complete: Vec<bool>,
    /// The last comparison of each of the exporter's workers.
    pub(crate) equal: Vec<Option<bool>>,
    /// The number of the event that gets lost.
    pub(crate) lose: Option<usize>,
    pub(crate) carried: usize,
    pub(crate) sessions: usize,
}

impl Pair {
    pub(crate) fn new(exporters: usize, importers: usize, ring: usize) -> Self {
        Pair {
            exporter: Machine::new(exporters, false, 0x1234_5678_9abc_def1),
            importer: Machine::new(importers, true, 0x0fed_cba9_8765_4321),
            ring,
            rings: Vec::new(),
            intakes: Vec::new(),
            installs: Arc::default(),
            stream: VecDeque::new(),
            complete: Vec::new(),
            equal: Vec::new(),
            lose: None,
            carried: 0,
            sessions: 0,
        }
    }

    pub(crate) fn begin(&mut self, now: Instant) {
        self.sessions += 1;
        self.stream.clear();
        self.rings.clear();
        self.intakes.clear();
        let workers = self.exporter.workers.len();
        self.complete = vec![false; workers];
        self.equal = vec![None; workers];
        for worker in &mut self.exporter.workers {
            let (producer, consumer) = ring::ring(self.ring);
            let export = Session::Export(Box::new(Export::new(producer)));
            worker.connections.set_session(export);
            self.rings.push(consumer);
        }
        for worker in &mut self.importer.workers {
            let (orders, to_install) = ring::ring(64);
            let (replies, replied) = ring::ring(4);
            let installs = Arc::clone(&self.installs);
            let import = Import::new(to_install, replies, workers as u16, installs);
            worker.connections.set_standby(true, now);
            worker.connections.set_session(Session::Import(Box::new(import)));
            self.intakes.push((orders, replied));
        }
    }

    /// Begins anew if a ring has overflowed.
    pub(crate) fn begin_after_overflow(&mut self, now: Instant) -> bool {
        let overflowed = self.rings.iter().any(Consumer::has_overflowed);
        if overflowed {
            self.begin(now);
        }
        overflowed
    }

    /// The exporter's workers poll; what they have written goes into the stream.
    pub(crate) fn export(&mut self, now: Instant, most: usize) {
        self.exporter.follow(now);
        for (worker, ring) in self.rings.iter_mut().enumerate() {
            for _ in 0..most {
                let Some(words) = ring.pop() else { break };
                self.stream.push_back((worker as u16, Journaled::from(words)));
            }
        }
    }

    /// Gives the importer so many entries of the stream.
    pub(crate) fn import(&mut self, now: Instant, most: usize) {
        for _ in 0..most {
            let Some((worker, entry)) = self.stream.pop_front() else { break };
            match entry {
                Journaled::Event(words) => self.carry(worker, event::to_bytes(words), now),
                Journaled::Tally { tally, complete } => self.compare(worker, tally, complete, now),
                Journaled::Mark(_) => {}
            }
        }
    }

    fn carry(&mut self, origin: u16, bytes: [u8; event::BYTES], now: Instant) {
        self.carried += 1;
        if self.lose == Some(self.carried) {
            return;
        }
        let event = Event::from_bytes(&bytes).expect("what a worker writes is an event");
        let owner = owner(event.remote(), self.importer.seed, self.intakes.len());
        let words = event::with_origin(event::to_words(&bytes), origin);
        self.give(owner, Order::Event(words), now);
    }

    fn give(&mut self, worker: usize, order: Order, now: Instant) {
        while self.intakes[worker].0.room() == 0 {
            self.importer.follow(now);
        }
        assert!(self.intakes[worker].0.push(order.words()));
    }

    /// Puts an order into the ring of one of the importer's workers.
    pub(crate) fn order(&mut self, worker: usize, order: Order) {
        assert!(self.intakes[worker].0.push(order.words()));
    }

    fn compare(&mut self, worker: u16, expected: Tally, complete: bool, now: Instant) {
        let mut sum = Tally::default();
        for own in 0..self.intakes.len() {
            self.give(own, Order::Count { origin: worker, number: 7 }, now);
            sum = sum.plus(loop {
                self.importer.follow(now);
                if let Some(words) = self.intakes[own].1.pop() {
                    match Reply::from_words(words) {
                        Some(Reply::Counted { tally, .. }) => break tally,
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        self.complete[usize::from(worker)] |= complete;
        self.equal[usize::from(worker)] = Some(sum == expected);
    }

    /// Polls and carries until everything was told, then compares and sweeps.
    pub(crate) fn settle(&mut self, from: u64) -> u64 {
        let mut now = from;
        for _ in 0..10_000 {
            now += 500;
            self.begin_after_overflow(at(now));
            self.export(at(now), usize::MAX);
            self.import(at(now), usize::MAX);
            if self.complete.iter().all(|&complete| complete) {
                break;
            }
        }
        assert!(self.complete.iter().all(|&complete| complete), "the walk never ends");
        self.equal = vec![None; self.equal.len()];
        for _ in 0..6 {
            now += 500;
            self.export(at(now), usize::MAX);
            self.import(at(now), usize::MAX);
        }
        assert!(self.equal.iter().all(Option::is_some), "a tally a second");
        self.sweep(at(now));
        now
    }

    fn sweep(&mut self, now: Instant) {
        for worker in 0..self.intakes.len() {
            self.give(worker, Order::Sweep, now);
        }
        for _ in 0..2 * CAPACITY / 64 + 2 {
            self.importer.follow(now);
        }
        for (_, replies) in &mut self.intakes {
            assert_eq!(replies.pop().and_then(Reply::from_words), Some(Reply::Swept));
        }
    }

    pub(crate) fn is_equal(&self) -> bool {
        self.equal.iter().all(|&equal| equal == Some(true))
    }
}

/// A TCP state of an established connection.
pub(crate) fn establish(
    connections: &mut Connections<Ipv4Addr>,
    hit: nat::table::Hit,
    now: Instant,
) {
    let syn_ack = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());
    let back = nat::table::Hit { direction: Direction::Reply, ..hit };
    connections.pass(back, syn_ack.into(), now).unwrap();
    connections.pass(hit, Flags::ACK.into(), now).unwrap();
    assert_eq!(connections.table().get(hit.id).unwrap().state(), State::Established);
}
