//! Fragmentation of IPv4 packets (RFC 791 section 3.2).

use crate::ipv4;
use crate::parse::{Ipv4, Packet};

/// A part of a packet's payload that makes one fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Where it starts in the payload of the packet at hand, in bytes.
    pub start: u16,
    /// Its bytes, a multiple of eight but for the last.
    pub length: u16,
    /// Where it belongs in the datagram's payload, in bytes; differs from `start` if
    /// the packet at hand is a fragment itself.
    pub offset: u16,
    /// True if others follow, also of other fragments of the datagram.
    pub more: bool,
}

/// The pieces of a packet, first to last.
#[derive(Clone, Copy, Debug)]
pub struct Pieces {
    start: u16,
    end: u16,
    /// Bytes of each piece but the last; a multiple of eight, and not zero.
    step: u16,
    offset: u16,
    more: bool,
}

/// The pieces that a packet is to be cut into so that each fits a link's MTU in
/// bytes. None if it may not be fragmented, or if the MTU holds no eight bytes
/// besides the header.
pub fn pieces(packet: &Ipv4, mtu: u16) -> Option<Pieces> {
    let step = mtu.checked_sub(packet.header_length)? & !7;
    if step == 0 || packet.dont_fragment {
        return None;
    }
    let fragment = packet.fragment;
    Some(Pieces {
        start: 0,
        end: packet.payload_length(),
        step,
        offset: fragment.map_or(0, |fragment| fragment.offset),
        more: fragment.is_some_and(|fragment| fragment.more),
    })
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let left = self.end.checked_sub(self.start).filter(|left| *left > 0)?;
        let length = left.min(self.step);
        let piece = Piece {
            start: self.start,
            length,
            offset: self.offset.checked_add(self.start)?,
            more: self.more || left > length,
        };
        self.start += length;
        Some(piece)
    }
}

/// Writes the fragment that one piece of a frame makes: the link header with tags as
/// it is, the IPv4 header with its options (behind the first, with those alone that
/// are to be copied), the piece. Returns the fragment's length in bytes; None if the
/// output is too small or the frame is not the packet's.
pub fn fragment(frame: &[u8], packet: &Packet, piece: Piece, output: &mut [u8]) -> Option<usize> {
    let ip = packet.ipv4()?;
    let (l3, l4) = (usize::from(ip.l3_offset), usize::from(ip.l4_offset()));
    let link = frame.get(..l3)?;
    let payload_start = l4 + usize::from(piece.start);
    let payload = frame.get(payload_start..payload_start + usize::from(piece.length))?;
    output.get_mut(..l3)?.copy_from_slice(link);
    let ip_output = output.get_mut(l3..)?;
    let header_length = header(frame.get(l3..l4)?, piece, ip_output)?;
    let end = header_length + payload.len();
    ip_output.get_mut(header_length..end)?.copy_from_slice(payload);
    Some(l3 + end)
}

/// Writes a fragment's header, and returns its length.
fn header(original: &[u8], piece: Piece, output: &mut [u8]) -> Option<usize> {
    let fixed: &[u8; ipv4::HEADER_LENGTH] = original.first_chunk()?;
    *output.first_chunk_mut()? = *fixed;
    let options = original.get(ipv4::HEADER_LENGTH..)?;
    let room = output.get_mut(ipv4::HEADER_LENGTH..)?;
    let options = if piece.offset == 0 {
        room.get_mut(..options.len())?.copy_from_slice(options);
        options.len()
    } else {
        copied_options(options, room)?
    };
    let length = ipv4::HEADER_LENGTH + options;
    let header = output.get_mut(..length)?;
    let mut fields = ipv4::Header::at_mut(header, 0)?;
    fields.set_header_length(length);
    fields.set_total_length(u16::try_from(length).ok()?.checked_add(piece.length)?);
    fields.set_fragment(false, piece.more, piece.offset);
    ipv4::fill_checksum(header).then_some(length)
}

/// Copies the options whose first bit says so (RFC 791 section 3.1), padded to whole
/// words, and returns their bytes. What follows a malformed one is left out.
fn copied_options(mut options: &[u8], output: &mut [u8]) -> Option<usize> {
    const COPIED: u8 = 0x80;
    let mut written = 0;
    while let [kind, rest @ ..] = options {
        let option = match (kind, rest) {
            (0, _) => break,
            (1, _) => {
                options = rest;
                continue;
            }
            (_, [length, ..]) if *length >= 2 => options.split_at_checked(usize::from(*length)),
            _ => None,
        };
        let Some((option, rest)) = option else { break };
        if kind & COPIED != 0 {
            output.get_mut(written..written + option.len())?.copy_from_slice(option);
            written += option.len();
        }
        options = rest;
    }
    let padded = written.next_multiple_of(4);
    output.get_mut(written..padded)?.fill(0);
    Some(padded)
}
