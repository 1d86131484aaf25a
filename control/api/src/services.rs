//! Services and their real servers.

use core::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::message::Request;

/// Which services are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServicesPage {
    /// How many services, in the order of the configuration, are left out as known already.
    pub skip: usize,
}

/// One page of the services, in the order of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Services {
    /// One entry a service of the configuration.
    pub services: Vec<ServiceStatus>,
    /// What the next page leaves out; none: this was the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
    /// The generation of the configuration that has them. Pages of two are not of one list.
    pub generation: u64,
    /// How full the table of persistent clients is.
    pub persistence: PersistenceStatus,
}

/// The most requests for the pages of a list: it is asked for anew when the configuration changes
/// meanwhile.
pub const MOST_PAGES: usize = 256;

impl Services {
    /// What asks for the page behind these.
    #[must_use]
    pub fn next_request(&self) -> Request {
        match self.next {
            // A dataplane of an earlier release knows no other, and has no other page.
            None => Request::Services,
            Some(skip) => Request::ServicesPage(ServicesPage { skip }),
        }
    }

    /// Takes a page behind the ones that are here. True if it was the last one. One of another
    /// configuration begins the list anew.
    pub fn append(&mut self, page: Services) -> bool {
        let is_first = self.services.is_empty();
        if !is_first && page.generation != self.generation {
            *self = Services::default();
            return false;
        }
        let Services { services, next, generation, persistence } = page;
        self.services.extend(services);
        (self.next, self.generation, self.persistence) = (next, generation, persistence);
        next.is_none()
    }
}

/// The table of clients that keep their servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PersistenceStatus {
    /// Clients that are remembered now, of all services.
    pub clients: u64,
    /// Clients that there is room for.
    pub limit: u64,
    /// Clients that were forgotten before their time since the dataplane's start, to make room
    /// for others.
    pub evicted_total: u64,
}

/// A service with its counters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServiceStatus {
    /// The service's `name` in the configuration.
    pub name: String,
    /// The virtual IP address and port: the first, if there are several.
    pub listen: SocketAddr,
    /// The protocol: "tcp" or "udp"; the first, if there are several.
    pub protocol: String,
    /// Everywhere that clients reach the service.
    pub listens: Vec<Listen>,
    /// The name of the scheduler, such as "wlc".
    pub scheduler: String,
    /// A number of the Maglev table, the same wherever the table is; none without a table.
    pub table: Option<String>,
    /// How many clients keep their servers: those of the service's group, if other services share
    /// them. `None` for a service without persistence.
    pub persistent_clients: Option<u64>,
    /// Connections opened to the service since the dataplane's start.
    pub connections_total: u64,
    /// Packets received from clients since the start.
    pub packets_in: u64,
    /// Bytes received from clients since the start, IP headers included.
    pub bytes_in: u64,
    /// Packets sent to clients since the start.
    pub packets_out: u64,
    /// Bytes sent to clients since the start, IP headers included.
    pub bytes_out: u64,
    /// The real servers, in the order of the configuration.
    pub servers: Vec<ServerStatus>,
    /// The sorry servers, which serve when no server can. What passed through them is in the
    /// service's sums.
    pub sorry: Vec<ServerStatus>,
    /// True while new connections go to sorry servers whatever the servers are.
    pub sorry_only: bool,
    /// How many connections all servers together take; `None` without a limit.
    pub limit: Option<ConnectionLimit>,
}

/// A limit of connections, and how far it is reached. Connections count that open or are open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConnectionLimit {
    /// The most connections.
    pub most: u32,
    /// Once there were that many, none is added before there are fewer than this.
    pub resume_below: u32,
    /// The connections that count now.
    pub counted: u64,
    /// True while none is added.
    pub full: bool,
}

/// Where clients reach a service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Listen {
    /// Virtual address and port; the first port of a range.
    pub address: SocketAddr,
    /// The last port of a range; none without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_port: Option<u16>,
    /// "tcp" or "udp".
    pub protocol: String,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        self.last_port.map_or(Ok(()), |last| write!(f, "-{last}"))
    }
}

/// A server as the configuration names it: without the port, if it has none there.
pub fn server_name(server: &SocketAddr) -> String {
    if server.port() == 0 { server.ip().to_string() } else { server.to_string() }
}

impl ServiceStatus {
    /// Its addresses, and its protocols, each once and in their order, with this between them.
    pub fn listens_joined(&self, separator: &str) -> [String; 2] {
        let (address, protocol) = (self.listen, self.protocol.clone());
        let first = Listen { address, last_port: None, protocol };
        // A dataplane of an earlier version tells of one.
        let all = if self.listens.is_empty() { &[first][..] } else { &self.listens };
        let join = |of: fn(&Listen) -> String| {
            let mut distinct: Vec<String> = Vec::new();
            for word in all.iter().map(of) {
                if !distinct.contains(&word) {
                    distinct.push(word);
                }
            }
            distinct.join(separator)
        };
        [join(Listen::to_string), join(|one| one.protocol.clone())]
    }
}

/// A real server with its counters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServerStatus {
    /// The server's address and port; port 0 if it serves each client on the port that the client
    /// asked for.
    pub address: SocketAddr,
    /// The server's share of new connections now, 0 to 65,535: what tandem-control tells, in parts
    /// of the configured weight while one of the service is no whole number.
    pub weight: u16,
    /// Whether the server gets new connections.
    pub state: ServerState,
    /// Why it gets new connections only when no other server of the service can: clients
    /// failed at it, and nothing has shown since that it serves.
    pub suspect: Option<SuspectCause>,
    /// Whether the server's answers to clients come back through the gateway address; the active
    /// machine asks.
    pub return_path: ReturnPath,
    /// Connections to the server that open or are open.
    pub connections_active: u64,
    /// Those of them that are open: TCP connections that are established, and all flows of other
    /// protocols.
    pub connections_established: u64,
    /// Connections that one end has begun to close, or reset: they are remembered until nothing
    /// of them can come any more.
    pub connections_closing: u64,
    /// Connections opened to the server since the dataplane's start.
    pub connections_total: u64,
    /// Packets sent to the server since the start.
    pub packets_in: u64,
    /// Bytes sent to the server since the start, IP headers included.
    pub bytes_in: u64,
    /// Packets received from the server since the start.
    pub packets_out: u64,
    /// Bytes received from the server since the start, IP headers included.
    pub bytes_out: u64,
    /// How many connections it takes; `None` without a limit.
    pub limit: Option<ConnectionLimit>,
}

/// Whether a real server gets new connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerState {
    /// The server gets new connections, as far as its weight allows.
    #[default]
    Up,
    /// An operator drains the server: connections that exist go on, and no new one is opened.
    Draining,
    /// The server's health check has failed, and no new connection is opened.
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

/// Whether a real server's answers to clients come back through the gateway address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReturnPath {
    /// The server answers what comes from the virtual IP.
    Ok,
    /// The server does not: most likely its default route is not the gateway address.
    Missing,
    /// This machine is on standby, the server does not answer ARP, or the service wants no
    /// questions.
    #[default]
    #[serde(other)]
    Unknown,
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReturnPath::Unknown => "unknown",
            ReturnPath::Ok => "ok",
            ReturnPath::Missing => "missing",
        })
    }
}

/// What made a real server suspect.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SuspectCause {
    /// It answered SYNs with resets.
    Refused,
    /// It, or a router before it, answered with ICMP destination unreachable.
    Unreachable,
    /// It did not answer SYNs.
    Unanswered,
    /// A cause of a later release.
    #[serde(other)]
    Other,
}

impl fmt::Display for SuspectCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SuspectCause::Refused => "refused",
            SuspectCause::Unreachable => "unreachable",
            SuspectCause::Unanswered => "unanswered",
            SuspectCause::Other => "suspect",
        })
    }
}

/// Changes of servers: all of them are made, or none. They hold until the next change, over
/// every reload in which the server stays in the configuration, and not over a restart of the
/// dataplane.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SetServers {
    /// One entry for each server that changes; sorry servers are named like others.
    #[serde(default)]
    pub servers: Vec<ServerChange>,
    /// One entry for each service that changes.
    #[serde(default)]
    pub services: Vec<ServiceChange>,
}

/// What changes of one service; `None` stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceChange {
    /// The name of the service.
    pub service: String,
    /// Whether its new connections go to its sorry servers alone: to nobody, if it has none.
    /// Connections that exist stay where they are.
    #[serde(default)]
    pub sorry_only: Option<bool>,
}

impl ServiceChange {
    /// A change of this service that changes nothing yet.
    pub fn new(service: impl Into<String>) -> Self {
        ServiceChange { service: service.into(), sorry_only: None }
    }
}

/// The change of one server; a field that is `None` leaves things as they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerChange {
    /// The name of the service that the server belongs to.
    pub service: String,
    /// The server's address and port, as the configuration has them.
    pub server: SocketAddr,
    /// Whether an operator drains the server.
    #[serde(default)]
    pub draining: Option<bool>,
    /// Whether the server's health check has failed: its UDP flows move to another server at their next packet
    /// from the client, and its TCP connections are reset if the service says so.
    #[serde(default)]
    pub down: Option<bool>,
    /// False ends the suspicion that workers have of the server; true begins one.
    #[serde(default)]
    pub suspect: Option<bool>,
    /// The weight; it holds until the configuration gives the server another one than before.
    #[serde(default)]
    pub weight: Option<u16>,
    /// How many thousandths of the weight count where the scheduler compares it with the
    /// configuration's (mh), 1 to 1,000: all.
    #[serde(default)]
    pub part: Option<u16>,
    /// The most connections, instead of what the configuration says, of a server that has a limit
    /// or an agent, or is checked by a file there; 0: what the configuration says. It has no
    /// effect on others.
    #[serde(default)]
    pub max_connections: Option<u32>,
}

impl ServerChange {
    /// Makes a change of this server in which every field is `None`.
    pub fn new(service: impl Into<String>, server: SocketAddr) -> Self {
        ServerChange {
            service: service.into(),
            server,
            draining: None,
            down: None,
            suspect: None,
            weight: None,
            part: None,
            max_connections: None,
        }
    }
}

pub(crate) const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));

impl Default for ServiceStatus {
    fn default() -> Self {
        ServiceStatus {
            name: String::new(),
            listen: NOWHERE,
            protocol: String::new(),
            listens: Vec::new(),
            scheduler: String::new(),
            table: None,
            persistent_clients: None,
            connections_total: 0,
            packets_in: 0,
            bytes_in: 0,
            packets_out: 0,
            bytes_out: 0,
            servers: Vec::new(),
            sorry: Vec::new(),
            sorry_only: false,
            limit: None,
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Listen { address: NOWHERE, last_port: None, protocol: String::new() }
    }
}

impl Default for ServerStatus {
    fn default() -> Self {
        ServerStatus {
            address: NOWHERE,
            weight: 0,
            state: ServerState::Up,
            suspect: None,
            return_path: ReturnPath::Unknown,
            connections_active: 0,
            connections_established: 0,
            connections_closing: 0,
            connections_total: 0,
            packets_in: 0,
            bytes_in: 0,
            packets_out: 0,
            bytes_out: 0,
            limit: None,
        }
    }
}
