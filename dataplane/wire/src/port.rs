//! Transport ports, and what stands in their place for ICMP.

use core::fmt;

/// A TCP or UDP port, or the identifier of an ICMP query; held as its two bytes
/// stand in the packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct Port(u16);

impl Port {
    /// The port that no packet carries: fills the place of a port an ICMP query lacks.
    pub const ZERO: Port = Port(0);

    /// The port with this number.
    #[inline(always)]
    pub const fn new(number: u16) -> Self {
        Port(number.to_be())
    }

    /// The port's number.
    #[inline(always)]
    pub const fn number(self) -> u16 {
        u16::from_be(self.0)
    }

    /// The port from its two bytes in a packet.
    #[inline(always)]
    pub const fn from_bytes(bytes: [u8; 2]) -> Self {
        Port(u16::from_ne_bytes(bytes))
    }

    /// The port's two bytes in a packet.
    #[inline(always)]
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0.to_ne_bytes()
    }

    /// The port that [`Port::raw`] is of.
    #[inline(always)]
    pub const fn from_raw(raw: u16) -> Self {
        Port(raw)
    }

    /// The bytes as one word in memory order, for hashes and checksums.
    #[inline(always)]
    pub const fn raw(self) -> u16 {
        self.0
    }
}

impl PartialOrd for Port {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Port {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.number().cmp(&other.number())
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}
