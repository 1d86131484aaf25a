//! Configurations and packets in which everything that matters is likely to happen.

use std::net::Ipv4Addr;
use std::sync::Arc;

use nat::persistence::PersistenceSpecification;
use nat::policy::{Masquerade, Network, Policy, Request, Route};
use nat::ports::PortRange;
use nat::random::Random;
use nat::scheduler::{ClientKey, HashOptions, Kind as Scheduler};
use nat::service::{
    Budgets, Limit, Limits, Listen, Registry, ServerSpecification, ServiceSpecification,
    ServiceStates, Unserved, Weights, WhenFull,
};
use nat::table::Key;
use nat::timeouts::Timeouts;
use nat::{Connections, Instant, Seconds, Side, Translator};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use wire::tcp::Flags;
use wire::{Cidr, FiveTuple, Port, Protocol};

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
pub(crate) const OTHER_VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 11);
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);

pub(crate) const fn server(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

/// A configuration as an operator writes it, kept as plain lists for the model.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) services: Vec<ServiceSpecification<Ipv4Addr>>,
    /// The weights of the services' servers in the same order; those that are missing are 1.
    pub(crate) weights: Vec<Vec<u32>>,
    /// Those of sorry servers.
    pub(crate) sorry_weights: Vec<Vec<u32>>,
    /// The services, by place, whose clients go to sorry servers alone.
    pub(crate) sorry_only: Vec<usize>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) unserved: Unserved,
    pub(crate) has_gateway: bool,
    pub(crate) capacity: usize,
}

const KEY: ClientKey = ClientKey::from_bits([1, 2]);

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) source: Cidr<Ipv4Addr>,
    pub(crate) address: Ipv4Addr,
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl World {
    /// One web and one dns service of two servers, masquerading for all private hosts.
    pub(crate) fn usual() -> Self {
        let servers = |port| {
            [11, 12].map(|last| ServerSpecification {
                address: server(last),
                port: Port::new(port),
                weight: 1,
                limit: None,
            })
        };
        let service = |name: &str, port, protocol, servers: Vec<_>| ServiceSpecification {
            name: name.to_owned(),
            listens: vec![Listen::at(VIP, Port::new(port), protocol)],
            scheduler: Scheduler::RoundRobin,
            hash: HashOptions::default(),
            servers,
            sorry: Vec::new(),
            limit: None,
            when_full: WhenFull::default(),
            one_packet: false,
            unserved: None,
            persistence: None,
            cuts: false,
        };
        World {
            services: vec![
                service("web", 80, Protocol::Tcp, servers(8080).to_vec()),
                service("dns", 53, Protocol::Udp, servers(53).to_vec()),
            ],
            weights: Vec::new(),
            sorry_weights: Vec::new(),
            sorry_only: Vec::new(),
            rules: vec![Rule {
                source: Cidr { address: server(0), prefix: 24 },
                address: VIP,
                first: 1024,
                last: 65_535,
            }],
            unserved: Unserved::Reject,
            has_gateway: true,
            capacity: 1000,
        }
    }

    /// The weight of a service's server.
    pub(crate) fn weight(&self, service: usize, server: usize) -> u32 {
        self.weights.get(service).and_then(|all| all.get(server)).copied().unwrap_or(1)
    }

    /// The weight of a service's sorry server.
    pub(crate) fn sorry_weight(&self, service: usize, server: usize) -> u32 {
        self.sorry_weights.get(service).and_then(|all| all.get(server)).copied().unwrap_or(1)
    }

    pub(crate) fn policy(&self) -> Policy<Ipv4Addr> {
        let network = |a, b, c, d| Cidr { address: Ipv4Addr::new(a, b, c, d), prefix: 24 };
        let public = Network::new(
            network(198, 51, 100, 2),
            vec![VIP, OTHER_VIP],
            Some(Ipv4Addr::new(198, 51, 100, 255)),
            Vec::new(),
            self.has_gateway.then_some(Ipv4Addr::new(198, 51, 100, 1)),
        );
        let routes = vec![Route {
            to: Cidr { address: Ipv4Addr::new(10, 1, 0, 0), prefix: 16 },
            via: server(254),
        }];
        let private =
            Network::new(network(10, 0, 0, 2), vec![GATEWAY], Some(server(255)), routes, None);
        let rule = |rule: &Rule| {
            let range = PortRange::new(rule.first, rule.last).unwrap();
            Masquerade::new(vec![rule.source], rule.address, range)
        };
        let mut registry = Registry::default();
        let services = registry.build(&self.services, KEY).unwrap();
        let (weights, states) = (Weights::default(), ServiceStates::default());
        for (at, service) in services.iter().enumerate() {
            for (place, server) in service.servers.iter().enumerate() {
                weights.set(server.id, self.weight(at, place));
            }
            for (place, server) in service.sorry.iter().enumerate() {
                weights.set(server.id, self.sorry_weight(at, place));
            }
            states.set_sorry_only(service.id, self.sorry_only.contains(&at));
        }
        Policy {
            networks: [public, private],
            services,
            weights: Arc::new(weights),
            states: Arc::new(states),
            masquerades: self.rules.iter().map(rule).collect(),
            hairpin: GATEWAY,
            persistence: Arc::clone(registry.persistence()),
            client_key: KEY,
            shares: Arc::new(nat::shares::Rules::new(Arc::default())),
            sources: Default::default(),
            unserved: self.unserved,
        }
    }

    /// A worker's connections under this configuration; the same each time.
    pub(crate) fn translator(&self, policy: &Policy<Ipv4Addr>) -> Translator<Ipv4Addr> {
        let now = Instant::from_millis(0);
        let limits = Arc::new(Limits::default());
        let budgets = Arc::new(Budgets::new(Arc::clone(&limits), 0, 1));
        let connections = Connections::new(self.capacity, Timeouts::default(), now, &mut |_| ())
            .limited_by(Arc::clone(&budgets));
        let mut translator = Translator::new(connections, Random::from_seed(7));
        let none = Registry::default().build(&[], KEY).unwrap();
        translator.set_services(&none, &policy.services);
        limits.follow(&none, &policy.services, &[&budgets]);
        translator
    }
}

/// A packet in whose place the tests name only what matters.
pub(crate) fn request(
    side: Side,
    protocol: Protocol,
    from: (Ipv4Addr, u16),
    to: (Ipv4Addr, u16),
) -> Request<Ipv4Addr> {
    let tuple = FiveTuple {
        source: from.0,
        destination: to.0,
        source_port: Port::new(from.1),
        destination_port: Port::new(to.1),
        protocol,
    };
    let flags = if protocol == Protocol::Tcp { Flags::SYN } else { Flags::EMPTY };
    Request { key: Key::new(tuple, side), flags, is_icmp_reply: false, ttl: 64 }
}

/// All but ovf, which refuses by how many connections there are.
fn schedulers() -> impl Strategy<Value = Scheduler> {
    let all = Scheduler::ALL.iter().copied().filter(|&kind| kind != Scheduler::Overflow);
    select(all.collect::<Vec<_>>())
}

fn unserved() -> impl Strategy<Value = Unserved> {
    prop_oneof![Just(Unserved::Reject), Just(Unserved::Drop)]
}

/// One or more addresses and ports, each by one protocol or by both.
fn listens() -> impl Strategy<Value = Vec<Listen<Ipv4Addr>>> {
    let more = prop_oneof![3 => Just(0u16), 1 => 1u16..3];
    let endpoint = (prop_oneof![Just(VIP), Just(OTHER_VIP)], 50u16..54, more);
    let protocols = prop_oneof![
        4 => Just(vec![Protocol::Tcp]),
        4 => Just(vec![Protocol::Udp]),
        1 => Just(vec![Protocol::Tcp, Protocol::Udp]),
    ];
    (vec(endpoint, 1..3), protocols).prop_map(|(endpoints, protocols)| {
        let each = |(address, port, more): (Ipv4Addr, u16, u16)| {
            let (port, last) = (Port::new(port), Port::new(port + more));
            protocols.iter().map(move |&protocol| Listen { address, port, last, protocol })
        };
        let mut all = Vec::new();
        for listen in endpoints.into_iter().flat_map(each) {
            if !overlaps(&all, &listen) {
                all.push(listen);
            }
        }
        all
    })
}

/// True if one of these has a port of another.
fn overlaps(all: &[Listen<Ipv4Addr>], other: &Listen<Ipv4Addr>) -> bool {
    let mut alike =
        all.iter().filter(|one| (one.address, one.protocol) == (other.address, other.protocol));
    alike.any(|one| one.ports().any(|port| other.ports().contains(&port)))
}

fn list(servers: Vec<(u8, u16)>) -> Vec<ServerSpecification<Ipv4Addr>> {
    let one = |(last, port)| ServerSpecification {
        address: server(last),
        port: Port::new(port),
        weight: 1,
        limit: None,
    };
    let mut servers: Vec<_> = servers.into_iter().map(one).collect();
    servers.sort_by_key(|one| (one.address, one.port));
    servers.dedup_by_key(|one| (one.address, one.port));
    servers
}

prop_compose! {
    fn a_service()(
        name in 0u8..5,
        listens in listens(),
        scheduler in schedulers(),
        servers in vec((11u8..14, 50u16..53), 0..3),
        limits in vec(option::weighted(0.3, 1u32..4), 4),
        when_full in prop_oneof![
            2 => Just(WhenFull::Next), 1 => Just(WhenFull::Sorry), 1 => Just(WhenFull::Refuse),
        ],
        one_packet in prop::bool::weighted(0.3),
        // Some of them are another service's servers.
        sorry in vec((13u8..15, 50u16..53), 0..3),
        unserved in option::of(unserved()),
        persistence in option::of(persistence()),
    ) -> ServiceSpecification<Ipv4Addr> {
        let mut servers = list(servers);
        // The model of persistent clients knows nothing of full servers.
        let limits = limits.into_iter().map(|most| most.filter(|_| persistence.is_none()));
        let mut limits = limits.map(|most| most.map(|most| Limit::new(most, most)));
        let limit = limits.next().flatten();
        for (server, limit) in servers.iter_mut().zip(limits) {
            server.limit = limit;
        }
        let is_other = |one: &ServerSpecification<Ipv4Addr>| {
            !servers.iter().any(|own| (own.address, own.port) == (one.address, one.port))
        };
        let sorry = list(sorry).into_iter().filter(is_other).collect();
        let one_packet = one_packet && listens.iter().all(|one| one.protocol == Protocol::Udp);
        let name = name.to_string();
        ServiceSpecification {
            name,
            listens,
            scheduler,
            hash: HashOptions { table_size: 251, ..HashOptions::default() },
            servers,
            sorry,
            limit,
            when_full,
            one_packet,
            unserved,
            persistence,
            cuts: false,
        }
    }
}

/// Services of a group have one prefix; others have any.
fn persistence() -> impl Strategy<Value = PersistenceSpecification> {
    (any::<bool>(), prop_oneof![Just(32u8), Just(24), Just(8)]).prop_map(|(is_shared, prefix)| {
        PersistenceSpecification {
            group: is_shared.then(|| "shop".to_owned()),
            timeout: Seconds(360),
            prefix: if is_shared { 24 } else { prefix },
            keep_on_drain: false,
            over: false,
        }
    })
}

/// Services with names of their own, of which no two listen at one place.
fn services() -> impl Strategy<Value = Vec<ServiceSpecification<Ipv4Addr>>> {
    vec(a_service(), 0..5).prop_map(|mut services| {
        services.sort_by(|a, b| a.name.cmp(&b.name));
        services.dedup_by(|a, b| a.name == b.name);
        let mut taken = Vec::new();
        services.retain_mut(|service| {
            service.listens.retain(|listen| !overlaps(&taken, listen));
            taken.extend(service.listens.iter().copied());
            !service.listens.is_empty()
        });
        services
    })
}

prop_compose! {
    pub(crate) fn worlds()(
        services in services(),
        weights in vec(vec(0u32..3, 3), 5),
        sorry_weights in vec(vec(0u32..3, 3), 5),
        sorry_only in vec(0usize..20, 2),
        wide in any::<bool>(),
        ranges in vec(prop_oneof![Just((1024, 65_535)), Just((50, 53)), Just((2000, 2003))], 0..3),
        unserved in unserved(),
        has_gateway in prop::bool::weighted(0.9),
        capacity in prop_oneof![Just(1000usize), Just(6)],
    ) -> World {
        let rule = |(at, (first, last)): (usize, (u16, u16))| Rule {
            source: match wide || at > 0 {
                true => Cidr { address: Ipv4Addr::new(10, 0, 0, 0), prefix: 8 },
                false => Cidr { address: server(8), prefix: 29 },
            },
            address: if at == 0 { VIP } else { OTHER_VIP },
            first,
            last,
        };
        let rules = ranges.into_iter().enumerate().map(rule).collect();
        World {
            services,
            weights,
            sorry_weights,
            sorry_only,
            rules,
            unserved,
            has_gateway,
            capacity,
        }
    }
}

fn addresses() -> impl Strategy<Value = Ipv4Addr> {
    let few = [
        VIP,
        OTHER_VIP,
        GATEWAY,
        CLIENT,
        Ipv4Addr::new(203, 0, 113, 10),
        server(11),
        server(12),
        server(77),
        server(255),
        Ipv4Addr::new(10, 1, 2, 3),
        Ipv4Addr::new(198, 51, 100, 2),
        Ipv4Addr::new(198, 51, 100, 77),
        Ipv4Addr::new(198, 51, 100, 255),
        Ipv4Addr::new(224, 0, 0, 5),
        Ipv4Addr::new(127, 0, 0, 1),
        Ipv4Addr::new(169, 254, 1, 2),
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::BROADCAST,
    ];
    prop::sample::select(few.to_vec())
}

prop_compose! {
    pub(crate) fn requests()(
        side in prop::bool::ANY.prop_map(|public| if public { Side::Public } else { Side::Private }),
        // What real packets do, more often than not.
        plain in prop::bool::weighted(0.7),
        addresses in (addresses(), addresses()),
        ports in (50u16..54, 50u16..54),
        protocol in prop_oneof![
            4 => Just(Protocol::Tcp), 4 => Just(Protocol::Udp), 1 => Just(Protocol::Icmp),
        ],
        flags in prop_oneof![
            6 => Just(Flags::SYN.bits()), 1 => Just(Flags::ACK.bits()), 1 => any::<u8>(),
        ],
        is_reply in prop::bool::weighted(0.2),
        ttl in prop_oneof![8 => Just(64u8), 1 => 0u8..3],
    ) -> Request<Ipv4Addr> {
        let (mut source, mut destination) = addresses;
        if plain {
            (source, destination) = match side {
                Side::Public => (CLIENT, if source == OTHER_VIP { OTHER_VIP } else { VIP }),
                Side::Private if destination == VIP => (server(77), VIP),
                Side::Private => (server(11), CLIENT),
            };
        }
        let tuple = FiveTuple {
            source,
            destination,
            source_port: Port::new(ports.0),
            destination_port: Port::new(ports.1),
            protocol,
        };
        Request {
            key: Key::new(tuple, side),
            flags: match protocol {
                Protocol::Tcp => Flags::from_bits(flags),
                Protocol::Udp | Protocol::Icmp => Flags::EMPTY,
            },
            is_icmp_reply: protocol == Protocol::Icmp && is_reply,
            ttl,
        }
    }
}
