//! Whether a segment's sequence number is one that its receiver waits for.

/// Where an end's acknowledgments have come to: the upper half of the last one, in network
/// order.
///
/// What an end has acknowledged is what it expects next, so a segment from the other end that
/// its receiver will take begins there, or as far behind it as data is on its way. The upper
/// half alone tells so to within 64 kB: of 65,536 forged segments with numbers at random two
/// are let through ([`Acknowledged::expects`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Acknowledged(u16);

impl Acknowledged {
    /// Nothing is known. An end whose acknowledgments are just there is not known either.
    pub(crate) const UNKNOWN: Acknowledged = Acknowledged(u16::MAX);

    #[inline(always)]
    pub(crate) const fn of(acknowledgment: u32) -> Self {
        let [first, second, ..] = acknowledgment.to_be_bytes();
        Acknowledged::from_bytes([first, second])
    }

    /// From the first two bytes of the number as they stand in a segment.
    #[inline(always)]
    pub(crate) const fn from_bytes(bytes: [u8; 2]) -> Self {
        Acknowledged(u16::from_ne_bytes(bytes))
    }

    /// The first number that the end may wait for, if anything is known.
    pub(crate) fn first(self) -> Option<u32> {
        (self != Self::UNKNOWN).then(|| u32::from(u16::from_be(self.0)) << 16)
    }

    /// True if the end may take a segment that begins with this number: it is among the
    /// 64 kB that hold its last acknowledgment, or the 64 kB after them.
    pub(crate) fn expects(self, sequence: u32) -> bool {
        let ahead = ((sequence >> 16) as u16).wrapping_sub(u16::from_be(self.0));
        self != Self::UNKNOWN && ahead <= 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What a sender may have on its way when the window is not scaled is expected,
        /// wherever the numbers wrap.
        #[test]
        fn what_the_receiver_waits_for_is_expected(acknowledgment: u32, on_the_way in 0..=0x1_0000u32) {
            let acknowledged = Acknowledged::of(acknowledgment);
            prop_assume!(acknowledged != Acknowledged::UNKNOWN);
            prop_assert!(acknowledged.expects(acknowledgment.wrapping_add(on_the_way)));
        }

        #[test]
        fn what_is_far_off_is_not(acknowledgment: u32, off in 0x2_0000..=0xfffe_ffffu32) {
            prop_assert!(!Acknowledged::of(acknowledgment).expects(acknowledgment.wrapping_add(off)));
        }

        #[test]
        fn nothing_is_expected_of_an_unknown_end(sequence: u32) {
            prop_assert!(!Acknowledged::UNKNOWN.expects(sequence));
        }
    }

    #[test]
    fn of_all_numbers_one_in_thirty_two_thousand_is_expected() {
        let acknowledged = Acknowledged::of(0xfffe_1234);
        let expected = (0..=u16::MAX).filter(|&high| acknowledged.expects(u32::from(high) << 16));
        assert_eq!(expected.count(), 2);
    }
}
