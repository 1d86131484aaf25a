use std::net::Ipv4Addr;

use proptest::prelude::*;
use wire::Protocol;

use super::*;
use crate::service::AS_ASKED;

const KEY: ClientKey = ClientKey::from_bits([1, 2]);

fn specification(name: &str, servers: &[u8]) -> ServiceSpecification<Ipv4Addr> {
    ServiceSpecification {
        name: name.to_owned(),
        listens: vec![Listen::at(
            Ipv4Addr::new(198, 51, 100, 10),
            Port::new(name.len() as u16),
            Protocol::Tcp,
        )],
        scheduler: Kind::RoundRobin,
        hash: HashOptions::default(),
        servers: servers
            .iter()
            .map(|&last| ServerSpecification {
                address: Ipv4Addr::new(10, 0, 0, last),
                port: Port::new(80),
                weight: 1,
                limit: None,
            })
            .collect(),
        sorry: Vec::new(),
        limit: None,
        when_full: WhenFull::default(),
        one_packet: false,
        unserved: None,
        persistence: None,
        cuts: false,
    }
}

/// A service whose servers have these addresses.
fn with_servers(name: &str, addresses: core::ops::Range<u32>) -> ServiceSpecification<Ipv4Addr> {
    let server = |n| ServerSpecification {
        address: Ipv4Addr::from_bits(n),
        port: Port::new(80),
        weight: 1,
        limit: None,
    };
    ServiceSpecification { servers: addresses.map(server).collect(), ..specification(name, &[]) }
}

fn ids(services: &Services<Ipv4Addr>, name: &str) -> Vec<usize> {
    let service = services.iter().find(|service| service.name == name).unwrap();
    service.servers.iter().map(|server| server.id.index()).collect()
}

#[test]
fn numbers_stay_across_reloads() {
    let mut registry = Registry::default();
    let first = registry.build(&[specification("web", &[11, 12])], KEY).unwrap();
    let second =
        registry.build(&[specification("dns1", &[11]), specification("web", &[12, 13])], KEY);
    let second = second.unwrap();
    assert_eq!(ids(&first, "web"), [0, 1]);
    assert_eq!(ids(&second, "web")[0], 1, "the same server has the same number");
    let numbers = [ids(&second, "web"), ids(&second, "dns1")].concat();
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 3);
    assert!(!numbers.contains(&0), "the number of a server that is gone means nobody else");
}

#[test]
fn services_are_found_by_what_they_listen_on() {
    let services = Registry::default().build(&[specification("web", &[11])], KEY).unwrap();
    let vip = Ipv4Addr::new(198, 51, 100, 10);
    let found = services.find(vip, Port::new(3), Protocol::Tcp).unwrap();
    assert_eq!(found.name, "web");
    assert_eq!(services.get(found.id), Some(found));
    assert_eq!(services.server(found.servers[0].id), Some(&found.servers[0]));
    assert!(services.find(vip, Port::new(3), Protocol::Udp).is_none());
    assert!(services.is_service_port(vip, Port::new(3), Protocol::Tcp));
    assert!(services.server(ServerId::NONE).is_none());
}

#[test]
fn too_many_servers_change_nothing() {
    let most = MAXIMUM_SERVERS as u32;
    let mut registry = Registry::default();
    let refused = registry.build(&[with_servers("web", 0..most + 1)], KEY);
    let error = RegistryError::Servers { configured: MAXIMUM_SERVERS + 1, leaving: 0 };
    assert_eq!(refused.err(), Some(error));
    let full = registry.build(&[with_servers("web", 0..most)], KEY).unwrap();
    let moved = [with_servers("web", 1..most + 1)];
    let error = RegistryError::Servers { configured: MAXIMUM_SERVERS, leaving: 1 };
    registry.release(&[&full], |_| false);
    assert_eq!(registry.build(&moved, KEY).err(), Some(error), "the old one is in use");
    registry.release(&[], |_| false);
    assert!(registry.build(&moved, KEY).is_ok());
}

#[test]
fn too_many_services_change_nothing() {
    let services =
        |from| (from..).take(MAXIMUM_SERVICES).map(|n: usize| specification(&n.to_string(), &[]));
    let mut registry = Registry::default();
    let full = registry.build(&services(0).collect::<Vec<_>>(), KEY).unwrap();
    let next: Vec<_> = services(1).collect();
    registry.release(&[&full], |_| false);
    let error = RegistryError::Services { configured: MAXIMUM_SERVICES, leaving: 1 };
    assert_eq!(registry.build(&next, KEY).err(), Some(error));
    registry.release(&[], |_| false);
    assert!(registry.build(&next, KEY).is_ok());
}

#[test]
fn servers_and_services_that_come_and_go_never_use_the_numbers_up() {
    let mut registry = Registry::default();
    let mut before: Option<Services<Ipv4Addr>> = None;
    for round in 0..17_000u32 {
        registry.release(before.as_slice().iter().collect::<Vec<_>>().as_slice(), |_| false);
        let name = format!("web{round}");
        let services = registry.build(&[with_servers(&name, 10 * round..10 * round + 10)], KEY);
        before = Some(services.unwrap());
    }
}

#[test]
fn a_number_is_free_when_its_last_connection_has_ended() {
    let mut registry = Registry::default();
    let web = registry.build(&[specification("web", &[11])], KEY).unwrap();
    let (service, server) = web.iter().map(|one| (one.id, one.servers[0].id)).next().unwrap();
    let mut dns = |connected: bool| {
        registry.release(&[], |id| connected && id == server);
        let dns = registry.build(&[specification("dns", &[11])], KEY).unwrap();
        registry.release(&[], |id| connected && id == server);
        dns.iter().map(|one| (one.id, one.servers[0].id)).next().unwrap()
    };
    let other = dns(true);
    assert_ne!(other.0, service, "the service has a connection");
    assert_ne!(other.1, server);
    assert_eq!(dns(false), (service, server));
}

/// One thing that happens to a machine.
#[derive(Clone, Debug)]
enum Step {
    /// A reload: of each of three services the servers, none of one that is left out.
    Reload([Option<Vec<u8>>; 3]),
    /// Nobody reads the oldest configuration any more.
    Retire,
    /// A connection opens on a server of a configuration in use.
    Open(usize),
    /// A connection ends.
    Close(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let servers = || proptest::option::of(proptest::collection::vec(1..6u8, 0..4));
    let step = prop_oneof![
        [servers(), servers(), servers()].prop_map(Step::Reload),
        Just(Step::Retire),
        any::<usize>().prop_map(Step::Open),
        any::<usize>().prop_map(Step::Close),
    ];
    proptest::collection::vec(step, 0..60)
}

/// What a server's number, and that of its service, stand for.
type Meaning = (String, Ipv4Addr);

fn meanings(services: &Services<Ipv4Addr>) -> Vec<(ServiceId, ServerId, Meaning)> {
    let of = |service: &Service<Ipv4Addr>| {
        let name = service.name.clone();
        let meaning = |one: &Server<_>| (service.id, one.id, (name.clone(), one.address));
        service.servers.iter().map(meaning).collect::<Vec<_>>()
    };
    services.iter().flat_map(of).collect()
}

proptest! {
    /// As long as a configuration in use or a connection has a number, it stands for one thing.
    #[test]
    fn a_number_stands_for_one_thing(steps in steps()) {
        let mut registry = Registry::default();
        let mut in_use: Vec<Services<Ipv4Addr>> = Vec::new();
        let mut connections: Vec<(ServiceId, ServerId, Meaning)> = Vec::new();
        for step in steps {
            match step {
                Step::Reload(services) => {
                    let live: Vec<_> = in_use.iter().collect();
                    registry.release(&live, |id| connections.iter().any(|one| one.1 == id));
                    let all: Vec<_> = ["a", "bb", "ccc"]
                        .iter()
                        .zip(services)
                        .filter_map(|(name, servers)| Some(specification(name, &servers?)))
                        .collect();
                    in_use.push(registry.build(&all, KEY).unwrap());
                }
                Step::Retire => drop((!in_use.is_empty()).then(|| in_use.remove(0))),
                Step::Open(any) => {
                    let all: Vec<_> = in_use.iter().flat_map(meanings).collect();
                    connections.extend(all.get(any % all.len().max(1)).cloned());
                }
                Step::Close(any) => {
                    let at = any % connections.len().max(1);
                    drop((at < connections.len()).then(|| connections.swap_remove(at)));
                }
            }
            let (mut services, mut servers) = (HashMap::new(), HashMap::new());
            let known = in_use.iter().flat_map(meanings).chain(connections.iter().cloned());
            for (service, server, meaning) in known {
                let name = services.entry(service).or_insert_with(|| meaning.0.clone());
                prop_assert_eq!(&*name, &meaning.0);
                let means = servers.entry(server).or_insert_with(|| meaning.clone());
                prop_assert_eq!(&*means, &meaning);
            }
        }
    }
}

#[test]
fn a_service_is_one_wherever_it_listens_and_so_are_its_sorry_servers() {
    let mut web = specification("web", &[11]);
    let first = web.listens[0];
    let second = Listen::at(first.address, Port::new(443), Protocol::Udp);
    web.listens.push(second);
    web.sorry = specification("web", &[12]).servers;
    let other = ServiceSpecification {
        servers: specification("other", &[12]).servers,
        ..specification("other", &[])
    };
    let services = Registry::default().build(&[web, other], KEY).unwrap();
    let at = |listen: Listen<Ipv4Addr>| {
        services.find(listen.address, listen.port, listen.protocol).map(|service| service.id)
    };
    let web = services.iter().next().unwrap();
    assert_eq!((at(first), at(second)), (Some(web.id), Some(web.id)));
    assert_eq!(at(Listen { protocol: Protocol::Tcp, ..second }), None);
    let sorry = &web.sorry[0];
    assert_eq!((services.server(sorry.id), services.place(sorry.id)), (Some(sorry), Some(1)));
    let found = |protocol| {
        let found = services.server_at(sorry.address, sorry.port, protocol);
        found.map(|(service, server)| (service.name.as_str(), server.id))
    };
    assert_eq!(found(Protocol::Udp), Some(("web", sorry.id)));
    let tcp = found(Protocol::Tcp).map(|(name, _)| name);
    assert_eq!(tcp, Some("other"), "to whom it is a server");
}

#[test]
fn a_server_that_serves_as_asked_is_found_by_the_ports_of_its_service() {
    let range = |name: &str, first, last, address| {
        let mut service = with_servers(name, address..address + 1);
        service.servers[0].port = AS_ASKED;
        service.listens[0].port = Port::new(first);
        service.listens[0].last = Port::new(last);
        service
    };
    // The second has the same server, and a server besides that has a port.
    let mut low = range("low", 1000, 1999, 7);
    low.servers.push(ServerSpecification { port: Port::new(1500), ..low.servers[0] });
    let all = [range("high", 5000, 5999, 7), low];
    let services = Registry::default().build(&all, KEY).unwrap();
    let at = |port| {
        let found = services.server_at(Ipv4Addr::from_bits(7), Port::new(port), Protocol::Tcp);
        found.map(|(service, server)| (service.name.as_str(), server.port.number()))
    };
    assert_eq!(at(5000), Some(("high", 0)));
    assert_eq!(at(1999), Some(("low", 0)));
    assert_eq!(at(1500), Some(("low", 1500)));
    assert_eq!((at(999), at(2000), at(0)), (None, None, None));
    let low = services.named("low").unwrap();
    let of_low = |port, asked| {
        let found = low.server_at(Ipv4Addr::from_bits(7), Port::new(port), Port::new(asked));
        found.map(|server| server.port.number())
    };
    // As a connection that the peer tells of is bound.
    assert_eq!(of_low(1234, 1234), Some(0));
    assert_eq!((of_low(1500, 1234), of_low(1500, 1500)), (Some(1500), Some(1500)));
    assert_eq!(of_low(1235, 1234), None, "a server that serves as asked changes no port");
}

#[test]
fn a_range_is_had_by_the_service_that_has_all_of_it() {
    let mut web = specification("web", &[11]);
    (web.listens[0].port, web.listens[0].last) = (Port::new(100), Port::new(200));
    let listen = web.listens[0];
    let services = Registry::default().build(&[web], KEY).unwrap();
    let has = |first, last| {
        let listen = Listen { port: Port::new(first), last: Port::new(last), ..listen };
        services.has(&listen).is_some()
    };
    assert!(has(100, 200) && has(150, 150) && has(101, 199));
    assert!(!has(99, 200) && !has(100, 201) && !has(300, 300));
}
