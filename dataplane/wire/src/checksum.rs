//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
//!
//! Three types, so that one is never taken for another: a [`Sum`] is a running
//! ones' complement sum, a [`Checksum`] is the complemented field as it stands in a
//! header, and a [`Delta`] is what a rewrite adds to every checksum over the
//! rewritten words. Sums are taken over words in memory order; RFC 1071 section 2
//! (B) shows that the result is the same in any byte order.

use core::ops::Add;

use crate::Address;
use crate::bytes::Field;

/// A 32-bit ones' complement sum folded to 16; zero only if it is zero.
#[inline(always)]
const fn fold(sum: u32) -> u16 {
    (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16
}

/// A running ones' complement sum, not folded yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Sum = Sum(0);

    /// The sum of one 16-bit word in memory order.
    #[inline(always)]
    pub const fn of_u16(word: u16) -> Self {
        Sum(word as u64)
    }

    /// The sum of four bytes in memory order.
    #[inline(always)]
    pub const fn of_u32(word: u32) -> Self {
        Sum(word as u64)
    }

    /// The sum of eight bytes in memory order.
    #[inline(always)]
    pub const fn of_u64(word: u64) -> Self {
        Sum((word & 0xffff_ffff) + (word >> 32))
    }

    /// The sum of the 20 bytes that every IPv4 header has.
    #[inline(always)]
    pub(crate) fn of_header(header: &[u8; 20]) -> Self {
        const A: Field<0, 8> = Field;
        const B: Field<8, 8> = Field;
        const C: Field<16, 4> = Field;
        let (a, b) = (u64::from_ne_bytes(A.get(header)), u64::from_ne_bytes(B.get(header)));
        let c = u64::from(u32::from_ne_bytes(C.get(header)));
        let (sum, carry) = a.overflowing_add(b);
        let (sum, last) = sum.overflowing_add(c + u64::from(carry));
        let sum = sum + u64::from(last);
        // One fold, so that other sums can be added.
        Sum(sum.wrapping_add(sum.rotate_left(32)) >> 32)
    }

    /// The sum of bytes that start at an even offset of the checksummed range; an
    /// odd last byte is padded with zero (RFC 1071).
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut sum: u64 = 0;
        let mut left = bytes;
        while let Some((word, rest)) = left.split_first_chunk() {
            sum += u64::from(u32::from_ne_bytes(*word));
            left = rest;
        }
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(left) {
            *to = *from;
        }
        Sum(sum + u64::from(u32::from_ne_bytes(last)))
    }

    /// The sum folded to 16 bits.
    #[inline(always)]
    pub const fn fold(self) -> u16 {
        // Added to itself with its halves exchanged, a word has in its upper half the
        // sum of both with the carry brought round.
        let sum = (self.0.wrapping_add(self.0.rotate_left(32)) >> 32) as u32;
        fold(sum)
    }

    /// The header field that makes the range sum to all ones.
    #[inline(always)]
    pub const fn checksum(self) -> Checksum {
        Checksum(!self.fold())
    }

    /// As [`Sum::checksum`] for UDP: a computed zero is sent as all ones, since zero
    /// says that there is none (RFC 768).
    #[inline(always)]
    pub const fn udp_checksum(self) -> Checksum {
        match !self.fold() {
            0 => Checksum(0xffff),
            field => Checksum(field),
        }
    }

    /// True for the sum of a range whose checksum, within it, is right.
    #[inline(always)]
    pub const fn verifies(self) -> bool {
        self.fold() == 0xffff
    }
}

impl Add for Sum {
    type Output = Sum;

    #[inline(always)]
    fn add(self, other: Sum) -> Sum {
        // Each part comes from at most 64 KiB of 32-bit words: far from overflow.
        Sum(self.0 + other.0)
    }
}

/// The sum of the pseudo header that TCP and UDP checksums cover besides the segment
/// of `length` bytes (RFC 9293 section 3.1, RFC 8200 section 8.1).
#[inline]
pub fn pseudo_header<A: Address>(source: A, destination: A, protocol: u8, length: u16) -> Sum {
    source.sum()
        + destination.sum()
        + Sum::of_u16(u16::from(protocol).to_be())
        + Sum::of_u16(length.to_be())
}

/// A checksum field as it stands in a header, in memory order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checksum(u16);

impl Checksum {
    /// The field from its two bytes.
    #[inline(always)]
    pub const fn from_bytes(bytes: [u8; 2]) -> Self {
        Checksum(u16::from_ne_bytes(bytes))
    }

    /// The field's two bytes.
    #[inline(always)]
    pub const fn to_bytes(self) -> [u8; 2] {
        self.0.to_ne_bytes()
    }

    /// The field after a rewrite: HC' = ~(~HC + delta) (RFC 1624, equation 3).
    #[inline(always)]
    #[must_use]
    pub const fn updated(self, delta: Delta) -> Self {
        Checksum(!fold((!self.0) as u32 + delta.0 as u32))
    }

    /// The field after two rewrites.
    #[inline(always)]
    #[must_use]
    pub const fn updated_twice(self, first: Delta, second: Delta) -> Self {
        Checksum(!fold((!self.0) as u32 + first.0 as u32 + second.0 as u32))
    }

    /// A UDP checksum after a rewrite: zero means that the sender made none and
    /// stays so; a computed zero is sent as all ones (RFC 768).
    #[inline(always)]
    #[must_use]
    pub const fn updated_udp(self, delta: Delta) -> Self {
        if self.0 == 0 {
            return self;
        }
        match self.updated(delta).0 {
            0 => Checksum(0xffff),
            field => Checksum(field),
        }
    }
}

/// What a rewrite adds, in ones' complement, to each sum over the rewritten words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Delta(u16);

impl Delta {
    /// The delta of a rewrite that changes nothing.
    pub const ZERO: Delta = Delta(0);

    /// The delta of replacing words that sum to `old` by words that sum to `new`.
    #[inline(always)]
    pub const fn between(old: Sum, new: Sum) -> Self {
        Delta(fold(new.fold() as u32 + (!old.fold()) as u32))
    }

    /// The delta of the rewrite undone.
    #[inline(always)]
    #[must_use]
    pub const fn inverse(self) -> Self {
        Delta(!self.0)
    }

    /// The delta of both rewrites.
    #[inline(always)]
    #[must_use]
    pub const fn and(self, other: Delta) -> Self {
        Delta(fold(self.0 as u32 + other.0 as u32))
    }
}
