//! What one source of connections may take.

use std::net::Ipv4Addr;

use wire::Cidr;

/// Limits of clients, of networks of clients, and of private hosts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceLimits {
    /// Sources that take as much as they like.
    pub allow: Vec<Cidr<Ipv4Addr>>,
    /// What one client address may take of all services.
    pub client: Quota,
    /// What the clients of one network may take of all services together.
    pub network: Quota,
    /// The length of such a network's prefix, 8 to 32 bits.
    pub prefix: u8,
    /// What the connections of one private host's own may take.
    pub host: Quota,
}

impl SourceLimits {
    /// The most networks that take as much as they like.
    pub const MOST_ALLOWED: usize = 256;

    /// What is counted from the start on: nothing can be counted afterwards.
    pub(crate) fn counted(&self) -> String {
        let sections = [("client", self.client), ("network", self.network), ("host", self.host)];
        let given = sections.iter().filter(|(_, quota)| *quota != Quota::default());
        let names: Vec<_> = given
            .map(|(name, _)| match *name {
                "network" => format!("network of /{}", self.prefix),
                name => name.to_owned(),
            })
            .collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    }
}

impl Default for SourceLimits {
    fn default() -> Self {
        let none = Quota::default();
        SourceLimits { allow: Vec::new(), client: none, network: none, prefix: 24, host: none }
    }
}

/// The most that a source may take; none: as much as it likes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quota {
    /// Connections at once.
    pub connections: Option<u32>,
    /// Of these, connections whose ends have not answered each other.
    pub half_open: Option<u32>,
    /// New connections in a second.
    pub new_per_second: Option<u32>,
}
