//! The real servers of the dataplane that pretends: what it is told of them stays, as in the real
//! one, until it is restarted.

use std::net::SocketAddr;

use api::{
    ConnectionLimit, Failure, FailureKind, Response, ServerChange, ServerState, ServerStatus,
    ServiceStatus, Services, SetServers,
};

/// A server and what was said of it.
#[derive(Clone)]
struct Server {
    service: &'static str,
    address: SocketAddr,
    weight: u16,
    draining: bool,
    down: bool,
    connections: u64,
}

/// All of them.
pub(crate) struct Pool {
    servers: Vec<Server>,
    /// How many changes of servers were made.
    pub(crate) changes: u64,
}

/// As the configuration of the machines has them.
const SERVERS: [(&str, &str); 3] =
    [("web", "10.0.0.11:80"), ("web", "10.0.0.12:80"), ("dns", "10.0.0.11:53")];

/// That of the DNS service and of its server.
const LIMIT: ConnectionLimit =
    ConnectionLimit { most: 100, resume_below: 75, counted: 0, full: false };

impl Default for Pool {
    fn default() -> Self {
        let server = |&(service, address): &(&'static str, &str)| {
            let address = address.parse().unwrap();
            Server { service, address, weight: 1, draining: false, down: false, connections: 0 }
        };
        Pool { servers: SERVERS.iter().map(server).collect(), changes: 0 }
    }
}

impl Pool {
    fn find(&mut self, service: &str, address: SocketAddr) -> Option<&mut Server> {
        self.servers.iter_mut().find(|one| one.service == service && one.address == address)
    }

    /// Gives a server so many connections.
    pub(crate) fn connect(&mut self, service: &str, address: &str, connections: u64) {
        self.find(service, address.parse().unwrap()).unwrap().connections = connections;
    }

    /// The weight that counts: 0 for what gets no new connection.
    pub(crate) fn weight(&mut self, service: &str, address: &str) -> u16 {
        let server = self.find(service, address.parse().unwrap()).unwrap();
        if server.draining || server.down { 0 } else { server.weight }
    }

    pub(crate) fn set(&mut self, changes: &SetServers) -> Response {
        for ServerChange { service, server, .. } in &changes.servers {
            if self.find(service, *server).is_none() {
                let message = "not every server is in the configuration; nothing was changed";
                return Failure::new(FailureKind::NotFound, message).into();
            }
        }
        for change in &changes.servers {
            self.changes += 1;
            let Some(server) = self.find(&change.service, change.server) else { continue };
            server.weight = change.weight.unwrap_or(server.weight);
            server.draining = change.draining.unwrap_or(server.draining);
            server.down = change.down.unwrap_or(server.down);
        }
        Response::Services(self.services())
    }

    pub(crate) fn services(&self) -> Services {
        let status = |one: &Server| ServerStatus {
            address: one.address,
            weight: one.weight,
            state: match one {
                Server { down: true, .. } => ServerState::Down,
                Server { draining: true, .. } | Server { weight: 0, .. } => ServerState::Draining,
                _ => ServerState::Up,
            },
            connections_active: one.connections,
            limit: (one.service == "dns").then_some(LIMIT),
            ..ServerStatus::default()
        };
        let service = |name: &str| ServiceStatus {
            name: name.to_owned(),
            listen: "198.51.100.10:80".parse().unwrap(),
            protocol: "tcp".to_owned(),
            scheduler: "wlc".to_owned(),
            servers: self.servers.iter().filter(|one| one.service == name).map(status).collect(),
            persistent_clients: (name == "web").then_some(0),
            limit: (name == "dns").then_some(LIMIT),
            ..ServiceStatus::default()
        };
        Services { services: vec![service("web"), service("dns")], ..Services::default() }
    }
}
