//! An address with the length of its network's prefix.

use core::fmt;
use std::net::Ipv4Addr;

use crate::Address;

/// An address and its prefix length: `198.51.100.2/24`. Where a network is meant,
/// the bits after the prefix are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cidr<A> {
    /// The address, host bits included.
    pub address: A,
    /// Length of the prefix in bits, at most that of the address.
    pub prefix: u8,
}

impl<A: Address> fmt::Display for Cidr<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl<A: Address> Cidr<A> {
    /// True when the address is in this network.
    #[inline]
    pub fn contains(self, address: A) -> bool {
        self.address.shares_prefix(address, self.prefix)
    }
}

impl Cidr<Ipv4Addr> {
    /// The network of one address.
    pub const fn host(address: Ipv4Addr) -> Self {
        Cidr { address, prefix: 32 }
    }

    /// The prefix as a mask: 24 is 255.255.255.0.
    pub const fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.mask_bits())
    }

    const fn mask_bits(self) -> u32 {
        match u32::MAX.checked_shl(32 - self.prefix as u32) {
            Some(mask) => mask,
            None => 0,
        }
    }

    /// The network: the address with its host bits zero.
    #[must_use]
    pub const fn network(self) -> Self {
        let address = Ipv4Addr::from_bits(self.address.to_bits() & self.mask_bits());
        Cidr { address, prefix: self.prefix }
    }

    /// The address with its host bits one.
    pub const fn last(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() | !self.mask_bits())
    }

    /// The directed broadcast address; /31 and /32 have none (RFC 3021).
    pub const fn broadcast(self) -> Option<Ipv4Addr> {
        if self.prefix < 31 { Some(self.last()) } else { None }
    }

    /// True when every address of `other` is in this network.
    pub fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }

    /// True when the networks have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// True when a host may have this address: it is neither the network's own
    /// address nor its broadcast address.
    pub fn is_host(self) -> bool {
        self.prefix >= 31
            || (self.address != self.network().address && Some(self.address) != self.broadcast())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(address: [u8; 4], prefix: u8) -> Cidr<Ipv4Addr> {
        Cidr { address: address.into(), prefix }
    }

    #[test]
    fn masks_of_every_length() {
        assert_eq!(cidr([1, 2, 3, 4], 0).mask(), Ipv4Addr::UNSPECIFIED);
        assert_eq!(cidr([1, 2, 3, 4], 24).mask(), Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(cidr([1, 2, 3, 4], 32).mask(), Ipv4Addr::BROADCAST);
    }

    #[test]
    fn network_and_broadcast() {
        let home = cidr([10, 0, 0, 77], 26);
        assert_eq!(home.network(), cidr([10, 0, 0, 64], 26));
        assert_eq!(home.broadcast(), Some(Ipv4Addr::new(10, 0, 0, 127)));
        assert_eq!(cidr([10, 0, 0, 2], 31).broadcast(), None);
    }

    #[test]
    fn hosts_are_neither_network_nor_broadcast() {
        assert!(cidr([10, 0, 0, 1], 24).is_host());
        assert!(!cidr([10, 0, 0, 0], 24).is_host());
        assert!(!cidr([10, 0, 0, 255], 24).is_host());
        assert!(cidr([10, 0, 0, 0], 31).is_host());
    }

    #[test]
    fn covering_and_overlapping() {
        let wide = cidr([10, 0, 0, 0], 8);
        let narrow = cidr([10, 1, 0, 0], 16);
        assert!(wide.covers(narrow) && !narrow.covers(wide));
        assert!(wide.overlaps(narrow) && narrow.overlaps(wide));
        assert!(!narrow.overlaps(cidr([10, 2, 0, 0], 16)));
        assert!(cidr([0, 0, 0, 0], 0).covers(wide));
    }
}
