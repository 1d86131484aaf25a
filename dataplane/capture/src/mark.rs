//! What a packet carries on its way while a capture runs.

/// Joins a packet that leaves to the copy that was made when it arrived. It travels in two words
/// beside the packet, from worker to worker too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The capture, so that what an earlier one has left in a buffer means nothing.
    pub(crate) capture: u32,
    /// The packet was selected when it arrived.
    pub(crate) is_selected: bool,
    /// The number of the packet.
    pub(crate) number: u32,
}

impl Mark {
    /// The mark in two words; `None` where there is none.
    pub fn from_words([capture, number]: [u32; 2]) -> Option<Self> {
        let is_selected = capture & 1 != 0;
        (capture > 1).then_some(Mark { capture: capture >> 1, is_selected, number })
    }

    /// The two words.
    pub fn words(self) -> [u32; 2] {
        [self.capture << 1 | u32::from(self.is_selected), self.number]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_is_no_mark() {
        for is_selected in [false, true] {
            let mark = Mark { capture: 77, is_selected, number: u32::MAX };
            assert_eq!(Mark::from_words(mark.words()), Some(mark));
        }
        assert_eq!(Mark::from_words([0, 5]), None);
        assert_eq!(Mark::from_words([1, 5]), None);
    }
}
