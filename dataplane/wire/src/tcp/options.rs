//! The options of a TCP header, and the clamp of the largest segment.

use super::{CHECKSUM_OFFSET, HEADER_LENGTH, Header};
use crate::bytes;
use crate::checksum::{Delta, Sum};

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;

/// One option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Option<'a> {
    /// The largest segment that the sender takes, in bytes of payload.
    MaximumSegmentSize(u16),
    /// The sender's windows are to be shifted left by this.
    WindowScale(u8),
    /// Anything else.
    Other {
        /// The option's kind.
        kind: u8,
        /// Its data, without kind and length.
        data: &'a [u8],
    },
}

/// Walks the options; padding is passed over. The walk ends at the end-of-options
/// mark, and at the first option that does not fit.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    options: &'a [u8],
    /// Where the next option is looked for, from the start of the options.
    position: usize,
}

impl<'a> Options<'a> {
    /// The options of a segment that starts with its TCP header; none if the header
    /// says that it is longer than the segment.
    pub fn of_segment(segment: &'a [u8]) -> Self {
        let options = Header::at(segment, 0)
            .and_then(|header| segment.get(HEADER_LENGTH..header.header_length()))
            .unwrap_or_default();
        Options { options, position: 0 }
    }

    /// The next option's kind, the offset of its data from the start of the options,
    /// and its data.
    fn next_raw(&mut self) -> core::option::Option<(u8, usize, &'a [u8])> {
        loop {
            let rest = self.options.get(self.position..)?;
            match *rest {
                [NO_OPERATION, ..] => self.position += 1,
                [] | [END, ..] | [_] => return None,
                [kind, length, ..] => {
                    let data = rest.get(2..usize::from(length))?;
                    let at = self.position + 2;
                    self.position = at + data.len();
                    return Some((kind, at, data));
                }
            }
        }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Option<'a>;

    fn next(&mut self) -> core::option::Option<Option<'a>> {
        let (kind, _, data) = self.next_raw()?;
        Some(match (kind, data) {
            (MAXIMUM_SEGMENT_SIZE, &[a, b]) => Option::MaximumSegmentSize(bytes::number([a, b])),
            (WINDOW_SCALE, &[shift]) => Option::WindowScale(shift),
            _ => Option::Other { kind, data },
        })
    }
}

/// Where the value of the maximum segment size stands in a segment.
fn mss_offset(segment: &[u8]) -> core::option::Option<usize> {
    let mut options = Options::of_segment(segment);
    loop {
        let (kind, at, data) = options.next_raw()?;
        if kind == MAXIMUM_SEGMENT_SIZE && data.len() == 2 {
            return Some(HEADER_LENGTH + at);
        }
    }
}

/// Lowers the maximum segment size that a SYN offers to `maximum`, and updates the
/// checksum. The segment starts with its TCP header. True if something was changed:
/// not for other segments, and not where the option is missing or low enough.
pub fn clamp_mss(segment: &mut [u8], maximum: u16) -> bool {
    let is_syn =
        Header::at(segment, 0).is_some_and(|tcp| tcp.flags().intersects(super::Flags::SYN));
    if !is_syn {
        return false;
    }
    let Some(at) = mss_offset(segment) else { return false };
    let Some(field) = bytes::chunk_mut::<2>(segment, at) else { return false };
    let (old, new) = (*field, maximum.to_be_bytes());
    if bytes::number(old) <= maximum {
        return false;
    }
    *field = new;
    update(segment, at, old, new)
}

/// Updates the checksum after two bytes at `at` changed. At an odd offset they stand
/// in the other halves of their words.
fn update(segment: &mut [u8], at: usize, old: [u8; 2], new: [u8; 2]) -> bool {
    let word = |field: [u8; 2]| {
        let word = u16::from_ne_bytes(field);
        Sum::of_u16(if at % 2 == 0 { word } else { word.swap_bytes() })
    };
    let delta = Delta::between(word(old), word(new));
    debug_assert!(at >= CHECKSUM_OFFSET + 2);
    let Some(mut tcp) = Header::at_mut(segment, 0) else { return false };
    tcp.set_checksum(tcp.checksum().updated(delta));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment with these options, whose number of bytes is a multiple of four.
    fn segment(flags: u8, options: &[u8]) -> Vec<u8> {
        let mut segment = vec![0; HEADER_LENGTH];
        segment[12] = (((HEADER_LENGTH + options.len()) / 4) << 4) as u8;
        segment[13] = flags;
        segment.extend_from_slice(options);
        segment
    }

    fn read(options: &[u8]) -> Vec<String> {
        Options::of_segment(&segment(2, options)).map(|option| format!("{option:?}")).collect()
    }

    #[test]
    fn the_options_of_a_linux_syn_are_read() {
        let segment = segment(2, &[2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7, 0, 0]);
        let read: Vec<_> = Options::of_segment(&segment).collect();
        let permitted = Option::Other { kind: 4, data: &[] };
        assert_eq!(read, [Option::MaximumSegmentSize(1460), permitted, Option::WindowScale(7)]);
    }

    #[test]
    fn malformed_options_end_the_walk() {
        assert_eq!(read(&[1, 1, 1, 1]).len(), 0, "padding alone");
        assert_eq!(read(&[0, 2, 4, 1]).len(), 0, "the end comes first");
        assert_eq!(read(&[2, 0, 5, 5]).len(), 0, "a length that does not move on");
        assert_eq!(read(&[2, 1, 5, 5]).len(), 0, "a length within itself");
        assert_eq!(read(&[2, 9, 5, 5]).len(), 0, "a length beyond the header");
        assert_eq!(read(&[1, 1, 1, 2]).len(), 0, "no length");
        assert_eq!(read(&[2, 3, 5, 1]), ["Other { kind: 2, data: [5] }"], "no MSS of one byte");
    }

    #[test]
    fn options_beyond_the_segment_are_not_read() {
        let mut segment = segment(2, &[2, 4, 5, 0xb4]);
        segment[12] = 0xf0;
        assert_eq!(Options::of_segment(&segment).count(), 0);
        segment[12] = 0x40;
        assert_eq!(Options::of_segment(&segment).count(), 0);
    }

    #[test]
    fn only_a_syn_that_offers_more_is_clamped() {
        let mss = [2, 4, 5, 0xb4];
        let mut syn = segment(2, &mss);
        assert!(!clamp_mss(&mut syn, 1460), "low enough");
        assert!(clamp_mss(&mut syn, 1400));
        assert_eq!(syn[20..], [2, 4, 5, 0x78]);
        let mut syn_ack = segment(0x12, &mss);
        assert!(clamp_mss(&mut syn_ack, 1400));
        let mut ack = segment(0x10, &mss);
        assert!(!clamp_mss(&mut ack, 1400), "options of other segments mean nothing");
        assert!(!clamp_mss(&mut segment(2, &[]), 1400), "no option");
        assert!(!clamp_mss(&mut syn[..19], 100), "no segment");
    }
}
