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
        let sum = sum_of_header(header);
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

/// The 20 bytes that every IPv4 header has as words of 64 bits, carries brought round.
#[inline(always)]
fn sum_of_header(header: &[u8; 20]) -> u64 {
    const A: Field<0, 8> = Field;
    const B: Field<8, 8> = Field;
    const C: Field<16, 4> = Field;
    let (a, b) = (u64::from_ne_bytes(A.get(header)), u64::from_ne_bytes(B.get(header)));
    let c = u64::from(u32::from_ne_bytes(C.get(header)));
    let (sum, carry) = a.overflowing_add(b);
    let (sum, last) = sum.overflowing_add(c + u64::from(carry));
    sum + u64::from(last)
}

/// True if the 20 bytes that every IPv4 header has sum to all ones, as those of a header
/// without options do. They must not all be zero.
///
/// Folding keeps a sum what it is modulo 0xffff, so all that matters is whether 0xffff divides
/// it. Of an odd number's multiples that is told by one product with its inverse modulo 2^64:
/// those alone come to no more than their quotient can be.
#[inline(always)]
pub(crate) fn header_verifies(header: &[u8; 20]) -> bool {
    const LARGEST_QUOTIENT: u64 = u64::MAX / 0xffff;
    const INVERSE: u64 = LARGEST_QUOTIENT.wrapping_neg();
    const { assert!(INVERSE.wrapping_mul(0xffff) == 1) };
    sum_of_header(header).wrapping_mul(INVERSE) <= LARGEST_QUOTIENT
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

    /// The field after a rewrite: HC' = ~(~HC + delta) (RFC 1624, equation 3), which is
    /// HC - delta, with the borrow brought round.
    #[inline(always)]
    #[must_use]
    pub const fn updated(self, delta: Delta) -> Self {
        let (difference, borrow) = self.0.overflowing_sub(delta.0);
        Checksum(difference.wrapping_sub(borrow as u16))
    }

    /// A UDP checksum after a rewrite: zero means that the sender made none and
    /// stays so; a computed zero is sent as all ones (RFC 768).
    #[inline(always)]
    #[must_use]
    pub const fn updated_udp(self, delta: Delta) -> Self {
        if self.0 == 0 {
            return self;
        }
        // As a sum, HC + ~delta, it is the same but for zero, which a sum that has begun
        // with another number never is: all ones stand in its place.
        let (sum, carry) = self.0.overflowing_add(!delta.0);
        Checksum(sum.wrapping_add(carry as u16))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 1071 as it is written: words in network order, carries brought round.
    fn naive(bytes: &[u8]) -> u16 {
        let mut sum: u32 = 0;
        for word in bytes.chunks(2) {
            sum += u32::from(word[0]) << 8 | word.get(1).copied().map_or(0, u32::from);
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    fn number(checksum: Checksum) -> u16 {
        u16::from_be_bytes(checksum.to_bytes())
    }

    /// Words at the edge of the ones' complement more often than others.
    fn word() -> impl Strategy<Value = u16> {
        prop_oneof![any::<u16>(), Just(0), Just(0xffff), Just(0xfffe), Just(1), Just(0xff00)]
    }

    #[test]
    fn the_example_of_the_rfc_sums_up() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(u16::from_be(Sum::of_bytes(&bytes).fold()), 0xddf2);
        assert_eq!(number(Sum::of_bytes(&bytes).checksum()), 0x220d);
    }

    #[test]
    fn the_incremental_example_of_rfc_1624_gives_no_negative_zero() {
        // Section 4: 0x5555 becomes 0x3285 under checksum 0xdd2f; the equation of RFC
        // 1141 would give 0xffff.
        let (old, new) = (Sum::of_u16(0x5555_u16.to_be()), Sum::of_u16(0x3285_u16.to_be()));
        let field = Checksum::from_bytes([0xdd, 0x2f]).updated(Delta::between(old, new));
        assert_eq!(number(field), 0x0000);
    }

    #[test]
    fn an_odd_last_byte_is_padded_behind() {
        for length in 0..9 {
            let bytes: Vec<u8> = (0xf7..=0xff).take(length).collect();
            assert_eq!(number(Sum::of_bytes(&bytes).checksum()), naive(&bytes), "{length} bytes");
        }
    }

    #[test]
    fn a_missing_udp_checksum_stays_missing_and_a_computed_zero_is_sent_as_ones() {
        let delta = Delta::between(Sum::of_u16(1), Sum::of_u16(2));
        assert_eq!(Checksum::default().updated_udp(delta), Checksum::default());
        // ~HC + delta = 0xffff: the new field computes to zero.
        let field = Checksum(!0xfffe_u16);
        let delta = Delta::between(Sum::ZERO, Sum::of_u16(1));
        assert_eq!(field.updated(delta), Checksum(0));
        assert_eq!(field.updated_udp(delta), Checksum(0xffff));
        assert_eq!(Sum::of_u16(0xffff).udp_checksum(), Checksum(0xffff));
        assert_eq!(Sum::of_u16(0xffff).checksum(), Checksum(0));
    }

    #[test]
    fn the_widest_sums_fold_right() {
        for (sum, folded) in [
            (0, 0),
            (0xffff, 0xffff),
            (0x1_0000, 1),
            (0x1_fffe, 0xffff),
            (0x1_ffff, 1),
            (0xffff_ffff, 0xffff),
            (0x1_0000_0000, 1),
            (0x1_ffff_ffff, 1),
            (u64::MAX, 0xffff),
        ] {
            assert_eq!(Sum(sum).fold(), folded, "{sum:#x}");
        }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_rfc(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(number(Sum::of_bytes(&bytes).checksum()), naive(&bytes));
        }

        #[test]
        fn a_header_sums_as_its_bytes(
            random: [u8; 20], ones in prop::array::uniform20(any::<bool>()),
        ) {
            let mut header = random;
            header.iter_mut().zip(ones).filter(|(_, one)| *one).for_each(|(byte, _)| *byte = 0xff);
            prop_assert_eq!(Sum::of_header(&[0xff; 20]).fold(), 0xffff);
            prop_assert_eq!(Sum::of_header(&header).fold(), Sum::of_bytes(&header).fold());
        }

        #[test]
        fn a_header_verifies_as_its_sum(random: [u8; 20], edge in 0..3_u16, repairs: bool) {
            let mut header = random;
            header[0] |= 0x40;
            if repairs {
                header[10..12].fill(0);
                let field = Sum::of_bytes(&header).checksum().0.wrapping_add(edge).wrapping_sub(1);
                header[10..12].copy_from_slice(&field.to_ne_bytes());
            }
            prop_assert_eq!(header_verifies(&header), Sum::of_bytes(&header).verifies());
        }

        #[test]
        fn updates_are_those_of_the_equation(field in word(), delta in word()) {
            let by_equation = !fold(u32::from(!field) + u32::from(delta));
            let (field, delta) = (Checksum(field), Delta(delta));
            prop_assert_eq!(field.updated(delta), Checksum(by_equation));
            let udp = match (field.0, by_equation) {
                (0, _) => 0,
                (_, 0) => 0xffff,
                (_, other) => other,
            };
            prop_assert_eq!(field.updated_udp(delta), Checksum(udp));
        }

        #[test]
        fn a_range_with_its_checksum_verifies(mut bytes in prop::collection::vec(any::<u8>(), 2..99)) {
            bytes[..2].fill(0);
            let checksum = Sum::of_bytes(&bytes).checksum().to_bytes();
            bytes[..2].copy_from_slice(&checksum);
            prop_assert!(Sum::of_bytes(&bytes).verifies());
            bytes[1] ^= 1;
            prop_assert!(!Sum::of_bytes(&bytes).verifies());
        }

        #[test]
        fn an_update_gives_what_a_recomputation_gives(
            words in prop::collection::vec(word(), 2..20), new in word(), at: prop::sample::Index,
        ) {
            // A first word that is not zero, as every header has one.
            let mut words = words;
            words[0] |= 0x4500;
            let sum = |words: &[u16]| words.iter().fold(Sum::ZERO, |s, w| s + Sum::of_u16(*w));
            let before = sum(&words).checksum();
            let at = 1 + at.index(words.len() - 1);
            let delta = Delta::between(Sum::of_u16(words[at]), Sum::of_u16(new));
            words[at] = new;
            prop_assert_eq!(before.updated(delta), sum(&words).checksum());
            prop_assert_eq!(before.updated(delta).updated(delta.inverse()), before);
        }

        #[test]
        fn two_updates_are_one_of_both(field in word(), a in word(), b in word()) {
            let (a, b) = (Delta(a), Delta(b));
            let one_by_one = Checksum(field).updated(a).updated(b);
            prop_assert_eq!(Checksum(field).updated(a.and(b)), one_by_one);
        }
    }
}
