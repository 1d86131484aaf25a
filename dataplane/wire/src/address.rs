//! What the translation needs of an address, whatever its family.

use core::fmt::{Debug, Display};
use core::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum::Sum;

/// An IP address of one family. `Ipv4Addr` and `Ipv6Addr` hold their octets in
/// network order, so keys made of them are loaded from a packet as they stand.
pub trait Address:
    Copy + Eq + Ord + Hash + Debug + Display + Send + Sync + Into<IpAddr> + 'static
{
    /// The address of no host: 0.0.0.0 or `::`.
    const UNSPECIFIED: Self;

    /// Length of an address in bits: the longest prefix.
    const BITS: u8;

    /// The ones' complement sum of the address, as it enters a checksum.
    fn sum(self) -> Sum;

    /// The address's octets as they lie in memory, in two native words: all 128 bits of an
    /// IPv6 address, its first eight octets in the first word; an IPv4 address in the low
    /// half of the first word, and zero.
    fn words(self) -> (u64, u64);

    /// True when both addresses have the same first `length` bits (at most
    /// [`Address::BITS`]).
    fn shares_prefix(self, other: Self, length: u8) -> bool;

    /// The network that the first `length` bits (at most [`Address::BITS`]) say: all bits after
    /// them are zero.
    #[must_use]
    fn masked(self, length: u8) -> Self;

    /// True for an address from and to which packets may be forwarded (RFC 6890).
    fn is_forwardable(self) -> bool;
}

impl Address for Ipv4Addr {
    const UNSPECIFIED: Self = Ipv4Addr::UNSPECIFIED;
    const BITS: u8 = 32;

    #[inline(always)]
    fn sum(self) -> Sum {
        Sum::of_u32(u32::from_ne_bytes(self.octets()))
    }

    #[inline(always)]
    fn words(self) -> (u64, u64) {
        (u64::from(u32::from_ne_bytes(self.octets())), 0)
    }

    #[inline(always)]
    fn shares_prefix(self, other: Self, length: u8) -> bool {
        let different = self.to_bits() ^ other.to_bits();
        different.leading_zeros() >= u32::from(length)
    }

    #[inline(always)]
    fn masked(self, length: u8) -> Self {
        let others = u32::MAX.checked_shr(length.into()).unwrap_or(0);
        Ipv4Addr::from_bits(self.to_bits() & !others)
    }

    #[inline(always)]
    fn is_forwardable(self) -> bool {
        crate::ipv4::is_forwardable(self)
    }
}

impl Address for Ipv6Addr {
    const UNSPECIFIED: Self = Ipv6Addr::UNSPECIFIED;
    const BITS: u8 = 128;

    #[inline(always)]
    fn sum(self) -> Sum {
        let (high, low) = self.words();
        Sum::of_u64(high) + Sum::of_u64(low)
    }

    #[inline(always)]
    fn words(self) -> (u64, u64) {
        let bytes = u128::from_ne_bytes(self.octets());
        (bytes as u64, (bytes >> 64) as u64)
    }

    #[inline(always)]
    fn shares_prefix(self, other: Self, length: u8) -> bool {
        let different = self.to_bits() ^ other.to_bits();
        different.leading_zeros() >= u32::from(length)
    }

    #[inline(always)]
    fn masked(self, length: u8) -> Self {
        let others = u128::MAX.checked_shr(length.into()).unwrap_or(0);
        Ipv6Addr::from_bits(self.to_bits() & !others)
    }

    #[inline(always)]
    fn is_forwardable(self) -> bool {
        let is_of_one_host = !self.is_unspecified() && !self.is_loopback() && !self.is_multicast();
        is_of_one_host && !self.is_unicast_link_local()
    }
}
