//! Which connections are meant.

use core::fmt;
use core::str::FromStr;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Connection, ConnectionKind};

/// The states that connections are listed with.
pub const STATES: [&str; 14] = [
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "SYNACK",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "LISTEN",
    "UNREPLIED",
    "REPLIED",
    "ASSURED",
];

/// Selects connections; each part that is given must match.
///
/// A part that the reader does not know makes the message one that it does not understand, unlike
/// elsewhere: without it more connections would match than are meant.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// The name of the service that a connection belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// An address that one of a connection's four ends has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The network of the end that has opened the connection: a client, or a private host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpNet>,
    /// The real server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerAddress>,
    /// States of [`STATES`], one of which the connection is in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// The protocol: "tcp", "udp" or "icmp".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Which rule of the configuration translates the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ConnectionKind>,
    /// Seconds without a packet, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<u64>,
    /// Seconds without a packet, fewer than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_under: Option<u64>,
    /// Seconds since it was opened, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<u64>,
    /// Seconds since it was opened, fewer than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_under: Option<u64>,
}

impl Filter {
    /// True when every connection matches.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// True when the connection matches every part of the filter.
    pub fn matches(&self, connection: &Connection) -> bool {
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == text)
        };
        let in_time = |seconds: u64, from: Option<u64>, under: Option<u64>| {
            from.is_none_or(|from| seconds >= from) && under.is_none_or(|under| seconds < under)
        };
        (self.service.is_none() || self.service == connection.service)
            && self.address.is_none_or(|address| connection.has_end(address))
            && self.client.is_none_or(|network| network.contains(&connection.client()))
            && self.server.is_none_or(|server| server.is(connection.server()))
            && (self.states.is_empty() || self.states.contains(&connection.state))
            && is(&self.protocol, &connection.protocol)
            && self.kind.is_none_or(|kind| kind == connection.kind)
            && in_time(connection.idle_seconds, self.idle, self.idle_under)
            && in_time(connection.age_seconds, self.age, self.age_under)
    }
}

/// The parts in words, such as `service web, client 203.0.113.0/24`; `all` where there is none.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Option<u64>| time.map(|seconds| format!("{seconds} s"));
        let states = (!self.states.is_empty()).then(|| self.states.join(" or "));
        let parts = [
            ("service", self.service.clone()),
            ("address", self.address.map(|address| address.to_string())),
            ("client", self.client.map(|network| network.to_string())),
            ("server", self.server.map(|server| server.to_string())),
            ("state", states),
            ("protocol", self.protocol.clone()),
            ("kind", self.kind.map(|kind| kind.to_string())),
            ("idle for at least", seconds(self.idle)),
            ("idle for less than", seconds(self.idle_under)),
            ("open for at least", seconds(self.age)),
            ("open for less than", seconds(self.age_under)),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter_map(|(name, part)| part.map(|part| format!("{name} {part}")))
            .collect();
        f.write_str(if parts.is_empty() { "all" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// A real server, by its address and any port or one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerAddress {
    /// The address.
    pub address: IpAddr,
    /// The port; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl ServerAddress {
    fn is(self, server: Option<SocketAddr>) -> bool {
        server.is_some_and(|server| {
            server.ip() == self.address && self.port.is_none_or(|port| port == server.port())
        })
    }
}

impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Ok(ServerAddress { address: socket.ip(), port: Some(socket.port()) });
        }
        let address = text.parse().map_err(|_| {
            format!("{text:?} is no server: write its address, such as 10.0.0.11 or 10.0.0.11:80")
        })?;
        Ok(ServerAddress { address, port: None })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.address, port).fmt(f),
            None => self.address.fmt(f),
        }
    }
}
