//! Configurations and packets in which everything that matters is likely to happen.

use std::net::Ipv4Addr;
use std::sync::Arc;

use nat::policy::{Masquerade, Network, Policy, Request, Route};
use nat::ports::PortRange;
use nat::random::Random;
use nat::scheduler::{ClientKey, Kind as Scheduler};
use nat::service::{Registry, ServerSpecification, ServiceSpecification, Unserved, Weights};
use nat::table::Key;
use nat::timeouts::Timeouts;
use nat::{Connections, Instant, Side, Translator};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
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
    pub(crate) rules: Vec<Rule>,
    pub(crate) unserved: Unserved,
    pub(crate) has_gateway: bool,
    pub(crate) capacity: usize,
}

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
            [11, 12]
                .map(|last| ServerSpecification { address: server(last), port: Port::new(port) })
        };
        let service = |name: &str, port, protocol, servers: Vec<_>| ServiceSpecification {
            name: name.to_owned(),
            address: VIP,
            port: Port::new(port),
            protocol,
            scheduler: Scheduler::RoundRobin,
            servers,
            unserved: None,
            persistence: None,
        };
        World {
            services: vec![
                service("web", 80, Protocol::Tcp, servers(8080).to_vec()),
                service("dns", 53, Protocol::Udp, servers(53).to_vec()),
            ],
            weights: Vec::new(),
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
        let services = registry.build(&self.services).unwrap();
        let weights = Weights::default();
        for (at, service) in services.iter().enumerate() {
            for (place, server) in service.servers.iter().enumerate() {
                weights.set(server.id, self.weight(at, place));
            }
        }
        Policy {
            networks: [public, private],
            services,
            weights: Arc::new(weights),
            masquerades: self.rules.iter().map(rule).collect(),
            hairpin: GATEWAY,
            persistence: Arc::clone(registry.persistence()),
            client_key: ClientKey::from_bits([1, 2]),
            unserved: self.unserved,
        }
    }

    /// A worker's connections under this configuration; the same each time.
    pub(crate) fn translator(&self, policy: &Policy<Ipv4Addr>) -> Translator<Ipv4Addr> {
        let now = Instant::from_millis(0);
        let connections = Connections::new(self.capacity, Timeouts::default(), now, &mut |_| ());
        let mut translator = Translator::new(connections, Random::from_seed(7));
        translator.set_services(&Registry::default().build(&[]).unwrap(), &policy.services);
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

fn schedulers() -> impl Strategy<Value = Scheduler> {
    prop_oneof![
        Just(Scheduler::RoundRobin),
        Just(Scheduler::WeightedRoundRobin),
        Just(Scheduler::LeastConnection),
        Just(Scheduler::WeightedLeastConnection),
    ]
}

fn unserved() -> impl Strategy<Value = Unserved> {
    prop_oneof![Just(Unserved::Reject), Just(Unserved::Drop)]
}

fn transports() -> impl Strategy<Value = Protocol> {
    prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)]
}

prop_compose! {
    fn a_service()(
        listen in prop_oneof![Just(VIP), Just(OTHER_VIP)],
        port in 50u16..54,
        protocol in transports(),
        scheduler in schedulers(),
        servers in vec((11u8..14, 50u16..53), 0..3),
        unserved in option::of(unserved()),
    ) -> ServiceSpecification<Ipv4Addr> {
        let mut servers: Vec<_> = servers
            .into_iter()
            .map(|(last, port)| ServerSpecification {
                address: server(last),
                port: Port::new(port),
            })
            .collect();
        servers.sort_by_key(|one| (one.address, one.port));
        servers.dedup_by_key(|one| (one.address, one.port));
        ServiceSpecification {
            name: format!("{listen}:{port}/{protocol}"),
            address: listen,
            port: Port::new(port),
            protocol,
            scheduler,
            servers,
            unserved,
            persistence: None,
        }
    }
}

prop_compose! {
    pub(crate) fn worlds()(
        mut services in vec(a_service(), 0..5),
        weights in vec(vec(0u32..3, 3), 5),
        wide in any::<bool>(),
        ranges in vec(prop_oneof![Just((1024, 65_535)), Just((50, 53)), Just((2000, 2003))], 0..3),
        unserved in unserved(),
        has_gateway in prop::bool::weighted(0.9),
        capacity in prop_oneof![Just(1000usize), Just(6)],
    ) -> World {
        services.sort_by(|a, b| a.name.cmp(&b.name));
        services.dedup_by(|a, b| a.name == b.name);
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
        World { services, weights, rules, unserved, has_gateway, capacity }
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
