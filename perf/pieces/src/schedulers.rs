//! Schedulers at work: picks for new connections, each of which is counted and replaces an older
//! one, as on a machine whose connections come and go.

use core::hint::black_box;
use std::net::Ipv4Addr;

use nat::scheduler::{Client, ClientKey, HashOptions, Kind, Maglev, Member, Scheduler};
use nat::service::{
    Listen, Loads, Registry, ServerId, ServerSpecification, ServiceSpecification, Services, View,
    Weights,
};
use wire::{Port, Protocol};

const VIP: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const KEY: ClientKey = ClientKey::from_bits([1, 2]);
/// Connections of each server.
const CONNECTIONS: usize = 16;

/// A service with a scheduler, on one worker.
pub struct Picker {
    services: Services<Ipv4Addr>,
    scheduler: Scheduler,
    weights: Weights,
    loads: Loads,
    /// The servers of the connections that exist, in a ring.
    connections: Vec<ServerId>,
    oldest: usize,
}

impl Picker {
    /// With this scheduler over so many servers, whose weights are from 32 to 128.
    pub fn new(kind: Kind, hash: HashOptions, servers: u32) -> Self {
        let server = |number| ServerSpecification {
            address: Ipv4Addr::from_bits(0x0a00_0000 + number),
            port: Port::new(80),
            weight: 32 * (1 + number % 4),
            limit: None,
        };
        let specification = ServiceSpecification {
            name: "web".to_owned(),
            listens: vec![Listen::at(VIP, Port::new(80), Protocol::Tcp)],
            scheduler: kind,
            hash,
            servers: (0..servers).map(server).collect(),
            sorry: Vec::new(),
            limit: None,
            when_full: nat::service::WhenFull::default(),
            one_packet: false,
            unserved: None,
            persistence: None,
            cuts: false,
        };
        let services = Registry::default().build(&[specification], KEY).expect("there is room");
        let (weights, loads) = (Weights::default(), Loads::default());
        let mut connections = Vec::new();
        for server in services.iter().flat_map(|service| &service.servers) {
            weights.set(server.id, server.weight);
            for _ in 0..CONNECTIONS {
                loads.opened(server.id, true);
                connections.push(server.id);
            }
        }
        let scheduler = Scheduler::new(kind, hash, 1);
        Picker { services, scheduler, weights, loads, connections, oldest: 0 }
    }

    /// Picks a server for a connection of each of these clients.
    pub fn pick(&mut self, clients: &[Client]) {
        let Picker { services, scheduler, weights, loads, connections, oldest } = self;
        let Some(service) = services.iter().next() else { return };
        for client in clients {
            let picked = scheduler.pick(client, &View::new(service, weights, loads));
            let Some(server) = picked.and_then(|at| service.servers.get(at)) else { continue };
            *oldest = if *oldest + 1 < connections.len() { *oldest + 1 } else { 0 };
            let Some(place) = connections.get_mut(*oldest) else { continue };
            loads.closed(*place, true);
            loads.opened(server.id, true);
            *place = server.id;
        }
    }
}

/// So many clients.
pub fn clients(count: u32) -> Vec<Client> {
    let client = |number| {
        Client::new(Ipv4Addr::from_bits(0xc900_0000 + number), Port::new(40_000), VIP, KEY)
    };
    (0..count).map(client).collect()
}

/// The Maglev table of so many servers, with so many places.
pub fn table(servers: u32, size: u32) {
    let member = |number| Member {
        address: Ipv4Addr::from_bits(0x0a00_0000 + number),
        port: Port::new(80),
        weight: 32 * (1 + number % 4),
    };
    let members: Vec<_> = (0..servers).map(member).collect();
    black_box(Maglev::new(&members, size, KEY));
}
