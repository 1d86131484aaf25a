//! A machine with some workers, of which a test opens connections.

use std::net::Ipv4Addr;
use std::sync::Arc;

use nat::persistence::{Clients, Persistence, PersistenceSpecification};
use nat::policy::{Network, Policy, Request};
use nat::random::Random;
use nat::scheduler::{ClientKey, HashOptions, Kind};
use nat::service::{
    Listen, Registry, ServerId, ServerSpecification, Service, ServiceSpecification, Services,
    Unserved, Weights, WhenFull,
};
use nat::table::{Hit, Key};
use nat::timeouts::Timeouts;
use nat::translator::Decision;
use nat::{Connections, Direction, Instant, Seconds, Side, Translator};
use wire::tcp::Flags;
use wire::{Cidr, FiveTuple, Port, Protocol};

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const EPHEMERAL: u16 = 1024;

pub(crate) fn server(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

const KEY: ClientKey = ClientKey::from_bits([1, 2]);

/// A persistent service, round robin where it is not persistent.
pub(crate) fn service(name: &str, port: u16, servers: &[u8]) -> ServiceSpecification<Ipv4Addr> {
    let server = |&last: &u8| ServerSpecification {
        address: server(last),
        port: Port::new(port),
        weight: 1,
        limit: None,
    };
    ServiceSpecification {
        name: name.to_owned(),
        listens: vec![Listen::at(VIP, Port::new(port), Protocol::Tcp)],
        sorry: Vec::new(),
        limit: None,
        when_full: WhenFull::default(),
        one_packet: false,
        scheduler: Kind::RoundRobin,
        hash: HashOptions::default(),
        servers: servers.iter().map(server).collect(),
        unserved: None,
        cuts: false,
        persistence: Some(PersistenceSpecification {
            group: None,
            timeout: Seconds(360),
            prefix: 32,
            keep_on_drain: false,
            over: false,
        }),
    }
}

/// The same service with other persistence.
pub(crate) fn with(
    mut service: ServiceSpecification<Ipv4Addr>,
    change: impl FnOnce(&mut PersistenceSpecification),
) -> ServiceSpecification<Ipv4Addr> {
    service.persistence.as_mut().map(change).unwrap();
    service
}

/// The same service without persistence.
pub(crate) fn without(service: ServiceSpecification<Ipv4Addr>) -> ServiceSpecification<Ipv4Addr> {
    ServiceSpecification { persistence: None, ..service }
}

pub(crate) struct Machine {
    registry: Registry<Ipv4Addr>,
    pub(crate) policy: Policy<Ipv4Addr>,
    pub(crate) workers: Vec<Translator<Ipv4Addr>>,
    next_port: u16,
    /// In seconds.
    pub(crate) now: u64,
}

impl Machine {
    /// With room for so many persistent clients.
    pub(crate) fn new(
        workers: usize,
        clients: usize,
        services: &[ServiceSpecification<Ipv4Addr>],
    ) -> Self {
        let mut registry =
            Registry::with_persistence(Arc::new(Persistence::with_room_for(clients)));
        let network = |a, b, c, d| Cidr { address: Ipv4Addr::new(a, b, c, d), prefix: 24 };
        let gateway = Some(Ipv4Addr::new(198, 51, 100, 1));
        let public = Network::new(network(198, 51, 100, 2), vec![VIP], None, Vec::new(), gateway);
        let private = Network::new(network(10, 0, 0, 2), vec![GATEWAY], None, Vec::new(), None);
        let empty = registry.build(&[], KEY).unwrap();
        let policy = Policy {
            networks: [public, private],
            services: empty.clone(),
            states: Arc::default(),
            weights: Arc::new(Weights::default()),
            masquerades: Vec::new(),
            hairpin: GATEWAY,
            persistence: Arc::clone(registry.persistence()),
            client_key: KEY,
            shares: Arc::new(nat::shares::Rules::new(Arc::default())),
            sources: Arc::default(),
            unserved: Unserved::Reject,
        };
        let translator = |worker| {
            let now = Instant::from_millis(0);
            let connections = Connections::new(60_000, Timeouts::default(), now, &mut |_| ());
            Translator::new(connections, Random::from_seed(worker))
        };
        let workers = (0..workers as u64).map(translator).collect();
        let mut machine = Machine { registry, policy, workers, next_port: EPHEMERAL, now: 1000 };
        machine.reload(services);
        machine
    }

    /// Takes another configuration; every server has weight 1 then.
    pub(crate) fn reload(&mut self, services: &[ServiceSpecification<Ipv4Addr>]) {
        self.registry.release(&[&self.policy.services], |_| false);
        let services = self.registry.build(services, KEY).unwrap();
        for server in services.iter().flat_map(|service| &service.servers) {
            self.policy.weights.set(server.id, 1);
        }
        for worker in &mut self.workers {
            worker.set_services(&self.policy.services, &services);
        }
        self.policy.services = services;
    }

    pub(crate) fn service(&self, name: &str) -> &Service<Ipv4Addr> {
        named(&self.policy.services, name)
    }

    pub(crate) fn id(&self, service: &str, last: u8) -> ServerId {
        let mut servers = self.service(service).servers.iter();
        servers.find(|one| one.address == server(last)).unwrap().id
    }

    pub(crate) fn set_weight(&self, service: &str, last: u8, weight: u32) {
        self.policy.weights.set(self.id(service, last), weight);
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_millis(self.now * 1000)
    }

    pub(crate) fn clients(&self) -> Clients {
        self.policy.persistence.clients(self.now())
    }

    pub(crate) fn clients_of(&self, name: &str) -> u64 {
        self.clients().of(self.service(name).persistence.as_ref().unwrap())
    }

    /// A new connection of a client on this worker. Returns the server's address and port.
    pub(crate) fn try_open(
        &mut self,
        worker: usize,
        side: Side,
        client: Ipv4Addr,
        port: u16,
    ) -> Option<(Ipv4Addr, u16)> {
        self.next_port = self.next_port.checked_add(1).unwrap_or(EPHEMERAL);
        let tuple = FiveTuple {
            source: client,
            destination: VIP,
            source_port: Port::new(self.next_port),
            destination_port: Port::new(port),
            protocol: Protocol::Tcp,
        };
        let key = Key::new(tuple, side);
        let request = Request { key, flags: Flags::SYN, is_icmp_reply: false, ttl: 64 };
        let (hit, sent) = self.decide(worker, &request)?;
        self.workers[worker].connections.close(hit.id).unwrap();
        Some((sent.destination, sent.destination_port.number()))
    }

    fn decide(
        &mut self,
        worker: usize,
        request: &Request<Ipv4Addr>,
    ) -> Option<(Hit, FiveTuple<Ipv4Addr>)> {
        let now = self.now();
        let translator = &mut self.workers[worker];
        let Decision::Opened { hit, .. } = translator.decide(&self.policy, request, None, now)
        else {
            return None;
        };
        let record = translator.connections.table().get(hit.id).unwrap();
        Some((hit, record.translated(Direction::Original)))
    }

    /// A connection of a client to port 80 that both ends have opened; on the first worker.
    pub(crate) fn establish(&mut self, client: Ipv4Addr) -> (Hit, u8) {
        let tuple = FiveTuple {
            source: client,
            destination: VIP,
            source_port: Port::new(7),
            destination_port: Port::new(80),
            protocol: Protocol::Tcp,
        };
        let key = Key::new(tuple, Side::Public);
        let request = Request { key, flags: Flags::SYN, is_icmp_reply: false, ttl: 64 };
        let (hit, sent) = self.decide(0, &request).unwrap();
        let now = self.now();
        let connections = &mut self.workers[0].connections;
        let back = Hit { direction: Direction::Reply, ..hit };
        let syn_ack = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());
        connections.pass(back, syn_ack.into(), now).unwrap();
        connections.pass(hit, Flags::ACK.into(), now).unwrap();
        (hit, sent.destination.octets()[3])
    }

    /// Time goes by on the first worker, and the connection has a packet every so often.
    pub(crate) fn go_on(&mut self, hit: Hit, seconds: u64, every: u64) {
        for second in 1..=seconds {
            self.now += 1;
            let now = self.now();
            if second % every == 0 {
                self.workers[0].connections.pass(hit, Flags::ACK.into(), now).unwrap();
            }
            while self.workers[0].expire(&self.policy, now).goes_on {}
        }
    }

    /// The last byte of the address of the server that a client's new connection to port 80
    /// goes to.
    pub(crate) fn open(&mut self, worker: usize, client: Ipv4Addr) -> u8 {
        self.open_to(worker, client, 80)
    }

    pub(crate) fn open_to(&mut self, worker: usize, client: Ipv4Addr, port: u16) -> u8 {
        let (server, _) = self.try_open(worker, Side::Public, client, port).unwrap();
        server.octets()[3]
    }
}

fn named<'a>(services: &'a Services<Ipv4Addr>, name: &str) -> &'a Service<Ipv4Addr> {
    services.iter().find(|service| service.name == name).unwrap()
}

/// Clients of different /24 networks.
pub(crate) fn client(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0xcb00_0007 + (number << 8))
}

/// A client that the machine's choice by hash sends to this server.
pub(crate) fn client_of(machine: &mut Machine, last: u8) -> Ipv4Addr {
    let mut clients = (0..1000).map(client);
    clients.find(|&client| machine.open(0, client) == last).unwrap()
}
