//! IPv4 headers (RFC 791).
//!
//! ```text
//!  0                   1                   2                   3
//! |version|  IHL  |      TOS      |         total length          |
//! |        identification         |0|D|M|     fragment offset     |
//! |      TTL      |   protocol    |        header checksum        |
//! |                            source                             |
//! |                          destination                          |
//! |                       options, 0 to 40 bytes                  |
//! ```

pub mod options;
mod special_purpose;

use core::ops::{Deref, DerefMut};
use std::net::Ipv4Addr;

use crate::bytes::{self, Field};
use crate::checksum::{Checksum, Delta, Sum};

pub use special_purpose::{is_forwardable, is_martian_destination, is_martian_source};

/// Bytes of a header without options.
pub const HEADER_LENGTH: usize = 20;
/// Bytes of the longest header.
pub const MAXIMUM_HEADER: usize = 60;

const VERSION_IHL: Field<0, 1> = Field;
const TYPE_OF_SERVICE: Field<1, 1> = Field;
const TOTAL_LENGTH: Field<2, 2> = Field;
const IDENTIFICATION: Field<4, 2> = Field;
const FRAGMENT: Field<6, 2> = Field;
const TTL: Field<8, 1> = Field;
const PROTOCOL: Field<9, 1> = Field;
const CHECKSUM: Field<10, 2> = Field;
const SOURCE: Field<12, 4> = Field;
const DESTINATION: Field<16, 4> = Field;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

/// What taking one from the time to live adds to the header checksum: its word is
/// the time to live and the protocol.
pub(crate) const TTL_DELTA: Delta = Delta::between(
    Sum::of_u16(u16::from_ne_bytes([1, 0])),
    Sum::of_u16(u16::from_ne_bytes([0, 0])),
);

/// Why bytes are not an IPv4 packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Fewer bytes than the header has.
    #[error("the frame ends within its IPv4 header")]
    Truncated,
    /// The version is not 4.
    #[error("the IP version is not 4, although the Ethernet type says IPv4")]
    BadVersion,
    /// The header length is under 20 bytes.
    #[error("the IPv4 header length is under 20 bytes")]
    BadHeaderLength,
    /// The total length is under the header's or beyond the frame.
    #[error("the IPv4 total length is shorter than the header or longer than the frame")]
    BadTotalLength,
    /// The header checksum is wrong.
    #[error("the IPv4 header checksum is wrong")]
    BadChecksum,
}

/// A header without its options.
#[derive(Clone, Copy, Debug)]
pub struct Header<B>(B);

impl<'a> Header<&'a [u8; HEADER_LENGTH]> {
    /// The header at an offset of a frame; nothing but its presence is checked.
    #[inline(always)]
    pub fn at(frame: &'a [u8], offset: usize) -> Option<Self> {
        bytes::chunk(frame, offset).map(Header)
    }
}

impl<'a> Header<&'a mut [u8; HEADER_LENGTH]> {
    /// The header at an offset of a frame, to write; nothing but its presence is
    /// checked.
    #[inline(always)]
    pub fn at_mut(frame: &'a mut [u8], offset: usize) -> Option<Self> {
        bytes::chunk_mut(frame, offset).map(Header)
    }
}

impl<B: Deref<Target = [u8; HEADER_LENGTH]>> Header<B> {
    /// The IP version.
    #[inline(always)]
    pub fn version(&self) -> u8 {
        bytes::byte(VERSION_IHL.get(&self.0)) >> 4
    }

    /// Bytes of the header with its options, as the header says.
    #[inline(always)]
    pub fn header_length(&self) -> usize {
        usize::from(bytes::byte(VERSION_IHL.get(&self.0)) & 0x0f) * 4
    }

    /// Type of service: DSCP and ECN.
    #[inline(always)]
    pub fn type_of_service(&self) -> u8 {
        bytes::byte(TYPE_OF_SERVICE.get(&self.0))
    }

    /// Bytes of header and payload, as the header says.
    #[inline(always)]
    pub fn total_length(&self) -> u16 {
        bytes::number(TOTAL_LENGTH.get(&self.0))
    }

    /// What the fragments of one datagram have in common.
    #[inline(always)]
    pub fn identification(&self) -> u16 {
        bytes::number(IDENTIFICATION.get(&self.0))
    }

    /// True if a router must not fragment the packet.
    #[inline(always)]
    pub fn dont_fragment(&self) -> bool {
        bytes::number(FRAGMENT.get(&self.0)) & DONT_FRAGMENT != 0
    }

    /// True for all fragments but the last.
    #[inline(always)]
    pub fn more_fragments(&self) -> bool {
        bytes::number(FRAGMENT.get(&self.0)) & MORE_FRAGMENTS != 0
    }

    /// Where in the datagram's payload this packet's starts, in bytes.
    #[inline(always)]
    pub fn fragment_offset(&self) -> u16 {
        (bytes::number(FRAGMENT.get(&self.0)) & OFFSET_MASK) * 8
    }

    /// Time to live, in hops.
    #[inline(always)]
    pub fn ttl(&self) -> u8 {
        bytes::byte(TTL.get(&self.0))
    }

    /// Number of the payload's protocol.
    #[inline(always)]
    pub fn protocol(&self) -> u8 {
        bytes::byte(PROTOCOL.get(&self.0))
    }

    /// The header checksum as it stands.
    #[inline(always)]
    pub fn checksum(&self) -> Checksum {
        Checksum::from_bytes(CHECKSUM.get(&self.0))
    }

    /// Sender's address.
    #[inline(always)]
    pub fn source(&self) -> Ipv4Addr {
        Ipv4Addr::from(SOURCE.get(&self.0))
    }

    /// Receiver's address.
    #[inline(always)]
    pub fn destination(&self) -> Ipv4Addr {
        Ipv4Addr::from(DESTINATION.get(&self.0))
    }

    /// The sum of these 20 bytes.
    #[inline(always)]
    pub fn sum(&self) -> Sum {
        Sum::of_header(&self.0)
    }
}

impl<B: DerefMut<Target = [u8; HEADER_LENGTH]>> Header<B> {
    /// Writes version 4 and the header length in bytes, a multiple of four.
    #[inline(always)]
    pub fn set_header_length(&mut self, length: usize) {
        VERSION_IHL.set(&mut self.0, [0x40 | (length / 4) as u8 & 0x0f]);
    }

    /// Writes the type of service.
    #[inline(always)]
    pub fn set_type_of_service(&mut self, value: u8) {
        TYPE_OF_SERVICE.set(&mut self.0, [value]);
    }

    /// Writes the total length.
    #[inline(always)]
    pub fn set_total_length(&mut self, length: u16) {
        TOTAL_LENGTH.set(&mut self.0, length.to_be_bytes());
    }

    /// Writes the identification.
    #[inline(always)]
    pub fn set_identification(&mut self, value: u16) {
        IDENTIFICATION.set(&mut self.0, value.to_be_bytes());
    }

    /// Writes both flags and the fragment offset in bytes, a multiple of eight.
    #[inline(always)]
    pub fn set_fragment(&mut self, dont_fragment: bool, more: bool, offset: u16) {
        let flags = if dont_fragment { DONT_FRAGMENT } else { 0 };
        let more = if more { MORE_FRAGMENTS } else { 0 };
        FRAGMENT.set(&mut self.0, (flags | more | (offset / 8)).to_be_bytes());
    }

    /// Writes the time to live.
    #[inline(always)]
    pub fn set_ttl(&mut self, ttl: u8) {
        TTL.set(&mut self.0, [ttl]);
    }

    /// Writes the payload's protocol.
    #[inline(always)]
    pub fn set_protocol(&mut self, number: u8) {
        PROTOCOL.set(&mut self.0, [number]);
    }

    /// Writes the header checksum.
    #[inline(always)]
    pub fn set_checksum(&mut self, checksum: Checksum) {
        CHECKSUM.set(&mut self.0, checksum.to_bytes());
    }

    /// Writes the sender's address.
    #[inline(always)]
    pub fn set_source(&mut self, address: Ipv4Addr) {
        SOURCE.set(&mut self.0, address.octets());
    }

    /// Writes the receiver's address.
    #[inline(always)]
    pub fn set_destination(&mut self, address: Ipv4Addr) {
        DESTINATION.set(&mut self.0, address.octets());
    }

    /// Takes one from the time to live and updates the checksum. A packet whose
    /// time to live is 0 already is left as it is, and the answer is false.
    #[inline(always)]
    pub fn decrement_ttl(&mut self) -> bool {
        let Some(ttl) = self.ttl().checked_sub(1) else { return false };
        self.set_ttl(ttl);
        self.set_checksum(self.checksum().updated(TTL_DELTA));
        true
    }
}

/// Computes the checksum of a header, options included, and writes it. False if the
/// bytes are too few.
pub fn fill_checksum(header: &mut [u8]) -> bool {
    let Some(mut fixed) = Header::at_mut(header, 0) else { return false };
    fixed.set_checksum(Checksum::default());
    let checksum = Sum::of_bytes(header).checksum();
    if let Some(mut fixed) = Header::at_mut(header, 0) {
        fixed.set_checksum(checksum);
    }
    true
}

/// A packet in its parts.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The header without options.
    pub header: Header<&'a [u8; HEADER_LENGTH]>,
    /// The options, 0 to 40 bytes.
    pub options: &'a [u8],
    /// What follows the header, without padding of the link.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Checks version, lengths and header checksum, and takes the packet apart.
    pub fn new_checked(bytes: &'a [u8]) -> Result<Self, Error> {
        let packet = Self::new_quoted(bytes)?;
        if !(packet.header.sum() + Sum::of_bytes(packet.options)).verifies() {
            return Err(Error::BadChecksum);
        }
        let header_length = HEADER_LENGTH + packet.options.len();
        let payload = usize::from(packet.header.total_length())
            .checked_sub(header_length)
            .and_then(|length| packet.payload.get(..length))
            .ok_or(Error::BadTotalLength)?;
        Ok(Packet { payload, ..packet })
    }

    /// Takes apart a packet quoted in an ICMP error, which may be cut short: neither
    /// its total length nor its checksum is looked at, and the payload is all there
    /// is.
    pub fn new_quoted(bytes: &'a [u8]) -> Result<Self, Error> {
        let header = Header::at(bytes, 0).ok_or(Error::Truncated)?;
        if header.version() != 4 {
            return Err(Error::BadVersion);
        }
        let options =
            header.header_length().checked_sub(HEADER_LENGTH).ok_or(Error::BadHeaderLength)?;
        let (options, payload) = bytes
            .get(HEADER_LENGTH..)
            .and_then(|rest| rest.split_at_checked(options))
            .ok_or(Error::Truncated)?;
        Ok(Packet { header, options, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of a packet with 4 bytes of payload.
    fn packet() -> Vec<u8> {
        let mut bytes = vec![0; 24];
        let mut header = Header::at_mut(&mut bytes, 0).unwrap();
        header.set_header_length(20);
        header.set_total_length(24);
        header.set_identification(0x1234);
        header.set_fragment(true, false, 0);
        header.set_ttl(64);
        header.set_protocol(17);
        header.set_source(Ipv4Addr::new(198, 51, 100, 100));
        header.set_destination(Ipv4Addr::new(198, 51, 100, 10));
        assert!(fill_checksum(&mut bytes[..20]));
        bytes
    }

    #[test]
    fn a_packet_is_taken_apart() {
        let bytes = [packet(), vec![0; 9]].concat();
        let packet = Packet::new_checked(&bytes).unwrap();
        assert_eq!((packet.options.len(), packet.payload.len()), (0, 4));
        assert_eq!(packet.header.identification(), 0x1234);
        assert!(packet.header.dont_fragment() && !packet.header.more_fragments());
    }

    #[test]
    fn the_fragment_offset_is_in_bytes() {
        let mut bytes = packet();
        Header::at_mut(&mut bytes, 0).unwrap().set_fragment(false, true, 65528);
        let header = Header::at(&bytes, 0).unwrap();
        assert_eq!((header.fragment_offset(), header.more_fragments()), (65528, true));
        assert!(!header.dont_fragment());
    }

    #[test]
    fn each_defect_has_its_error() {
        let broken = |at: usize, value: u8, sum: bool| {
            let mut bytes = packet();
            bytes[at] = value;
            if sum {
                fill_checksum(&mut bytes[..20]);
            }
            Packet::new_checked(&bytes).map(|_| ()).unwrap_err()
        };
        assert_eq!(broken(0, 0x65, true), Error::BadVersion);
        assert_eq!(broken(0, 0x44, true), Error::BadHeaderLength);
        assert_eq!(broken(0, 0x47, true), Error::Truncated);
        assert_eq!(broken(3, 19, true), Error::BadTotalLength);
        assert_eq!(broken(3, 25, true), Error::BadTotalLength);
        assert_eq!(broken(8, 63, false), Error::BadChecksum);
        assert_eq!(Packet::new_checked(&packet()[..19]).map(|_| ()), Err(Error::Truncated));
    }

    #[test]
    fn every_hop_leaves_a_right_checksum_and_the_last_takes_nothing() {
        let mut bytes = packet();
        Header::at_mut(&mut bytes, 0).unwrap().set_ttl(255);
        fill_checksum(&mut bytes[..20]);
        for left in (0..255).rev() {
            assert!(Header::at_mut(&mut bytes, 0).unwrap().decrement_ttl());
            assert_eq!(Packet::new_checked(&bytes).unwrap().header.ttl(), left);
        }
        let last = bytes.clone();
        assert!(!Header::at_mut(&mut bytes, 0).unwrap().decrement_ttl());
        assert_eq!(bytes, last);
    }
}
