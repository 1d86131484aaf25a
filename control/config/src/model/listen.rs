//! Where services listen.

use core::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

/// A virtual IP with a port, or with all ports of a range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Listen {
    /// The address.
    pub address: Ipv4Addr,
    /// The port, or the first one; at least 1.
    pub first: u16,
    /// The last port, which is the same without a range.
    pub last: u16,
}

impl Listen {
    /// True if a port is one of both.
    pub fn overlaps(&self, other: &Listen) -> bool {
        self.address == other.address && self.first <= other.last && other.first <= self.last
    }
}

impl From<SocketAddrV4> for Listen {
    fn from(socket: SocketAddrV4) -> Self {
        Listen { address: *socket.ip(), first: socket.port(), last: socket.port() }
    }
}

/// As it is written in the file.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.address, self.first)?;
        if self.last != self.first { write!(f, "-{}", self.last) } else { Ok(()) }
    }
}

/// The same: digests are made of it, and a peer of the release before has the digest of a socket's
/// address.
impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(first: u16, last: u16) -> Listen {
        Listen { address: Ipv4Addr::new(198, 51, 100, 10), first, last }
    }

    #[test]
    fn one_port_looks_like_a_socket_to_digests() {
        let socket = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 10), 80);
        assert_eq!(format!("{:?}", Listen::from(socket)), format!("{socket:?}"));
        assert_eq!(listen(50_000, 60_000).to_string(), "198.51.100.10:50000-60000");
    }

    #[test]
    fn ranges_that_share_a_port_overlap() {
        let range = listen(10, 20);
        for (first, last) in [(1, 10), (20, 30), (12, 13), (1, 30), (10, 20)] {
            assert!(range.overlaps(&listen(first, last)) && listen(first, last).overlaps(&range));
        }
        for (first, last) in [(1, 9), (21, 30)] {
            assert!(!range.overlaps(&listen(first, last)) && !listen(first, last).overlaps(&range));
        }
        let elsewhere = Listen { address: Ipv4Addr::new(198, 51, 100, 11), ..range };
        assert!(!range.overlaps(&elsewhere));
    }
}
