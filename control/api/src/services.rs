//! Services and their real servers.

use core::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use serde::{Deserialize, Serialize};

/// Every service, in the order of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Services {
    /// The services.
    pub services: Vec<ServiceStatus>,
}

/// A service and what passed through it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// Virtual address and port.
    pub listen: SocketAddr,
    /// "tcp" or "udp".
    pub protocol: String,
    /// The scheduler's name: "wlc".
    pub scheduler: String,
    /// Connections made since the start.
    pub connections_total: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Bytes from clients, IP headers among them.
    pub bytes_in: u64,
    /// Packets to clients.
    pub packets_out: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// The real servers, in the order of the configuration.
    pub servers: Vec<ServerStatus>,
}

/// A real server and what passed to and from it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerStatus {
    /// Its address and port.
    pub address: SocketAddr,
    /// Its weight.
    pub weight: u16,
    /// Whether it gets new connections.
    pub state: ServerState,
    /// Connections now.
    pub connections_active: u64,
    /// Connections since the start.
    pub connections_total: u64,
    /// Packets to the server.
    pub packets_in: u64,
    /// Bytes to the server, IP headers among them.
    pub bytes_in: u64,
    /// Packets from the server.
    pub packets_out: u64,
    /// Bytes from the server.
    pub bytes_out: u64,
}

/// Whether a real server gets new connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerState {
    /// It does.
    #[default]
    Up,
    /// It keeps those it has and gets no new one.
    Draining,
    /// Its check failed.
    Down,
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ServerState::Up => "up",
            ServerState::Draining => "draining",
            ServerState::Down => "down",
        })
    }
}

/// Changes of servers: all of them are made, or none. They hold until the next change, over
/// every reload in which the server stays in the configuration, and not over a restart of the
/// dataplane.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SetServers {
    /// The changes.
    pub servers: Vec<ServerChange>,
}

/// What changes of one server; `None` stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerChange {
    /// The name of its service.
    pub service: String,
    /// Its address and port.
    pub server: SocketAddr,
    /// Whether an operator wants no new connection on it.
    #[serde(default)]
    pub draining: Option<bool>,
    /// Whether its check has failed.
    #[serde(default)]
    pub down: Option<bool>,
    /// Its weight, until the configuration gives it another one than before.
    #[serde(default)]
    pub weight: Option<u16>,
}

impl ServerChange {
    /// A change of this server that changes nothing yet.
    pub fn new(service: impl Into<String>, server: SocketAddr) -> Self {
        ServerChange { service: service.into(), server, draining: None, down: None, weight: None }
    }
}

const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));

impl Default for ServiceStatus {
    fn default() -> Self {
        ServiceStatus {
            name: String::new(),
            listen: NOWHERE,
            protocol: String::new(),
            scheduler: String::new(),
            connections_total: 0,
            packets_in: 0,
            bytes_in: 0,
            packets_out: 0,
            bytes_out: 0,
            servers: Vec::new(),
        }
    }
}

impl Default for ServerStatus {
    fn default() -> Self {
        ServerStatus {
            address: NOWHERE,
            weight: 0,
            state: ServerState::Up,
            connections_active: 0,
            connections_total: 0,
            packets_in: 0,
            bytes_in: 0,
            packets_out: 0,
            bytes_out: 0,
        }
    }
}
