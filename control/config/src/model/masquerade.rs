//! Source NAT of connections that private hosts open.

use core::fmt;
use std::net::Ipv4Addr;

use wire::Cidr;

/// One rule: whose connections leave under which address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Masquerade {
    /// The private networks that the rule is for; host bits are zero.
    pub source: Vec<Cidr<Ipv4Addr>>,
    /// The public floating address that replaces their own.
    pub address: Ipv4Addr,
    /// The ports (and ICMP identifiers) that may be given out.
    pub ports: PortRange,
    /// The most connections that its hosts have together; none: as many as there is room for.
    pub most: Option<u32>,
    /// As many as they have room for whatever others take.
    pub reserved: u32,
}

/// Ports from the first to the last, both among them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PortRange {
    /// The first, at least 1.
    pub first: u16,
    /// The last, at least the first.
    pub last: u16,
}

impl Default for PortRange {
    fn default() -> Self {
        PortRange { first: 1024, last: 65_535 }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}
