//! Ethernet II frames, with the tags of IEEE 802.1Q and 802.1ad.
//!
//! ```text
//! | destination (6) | source (6) | [TPID (2) TCI (2)] x 0..2 | type (2) | payload
//! ```

use core::fmt;
use core::ops::{Deref, DerefMut};

use crate::MacAddress;
use crate::bytes::{self, Field};

/// Bytes of the header without tags.
pub const HEADER_LENGTH: usize = 14;
/// Bytes that a tag adds.
pub const TAG_LENGTH: usize = 4;
/// Tags that are read of a frame, at the most.
pub const MAXIMUM_TAGS: usize = 2;
/// Bytes of both addresses.
const ADDRESSES_LENGTH: usize = 12;
/// Bytes of the shortest frame, without the frame check sequence.
pub const MINIMUM_FRAME: usize = 60;

const DESTINATION: Field<0, 6> = Field;
const SOURCE: Field<6, 6> = Field;
const ETHER_TYPE: Field<12, 2> = Field;

/// What a frame carries (IEEE 802 numbers).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: EtherType = EtherType(0x0800);
    /// ARP.
    pub const ARP: EtherType = EtherType(0x0806);
    /// IPv6.
    pub const IPV6: EtherType = EtherType(0x86dd);
    /// The Link Layer Discovery Protocol (802.1AB).
    pub const LLDP: EtherType = EtherType(0x88cc);
    /// A customer tag (802.1Q).
    pub const VLAN: EtherType = EtherType(0x8100);
    /// A service tag (802.1ad).
    pub const SERVICE_VLAN: EtherType = EtherType(0x88a8);

    /// True for what announces a tag rather than a payload.
    #[inline(always)]
    pub fn is_tag(self) -> bool {
        self == Self::VLAN || self == Self::SERVICE_VLAN
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

impl fmt::Display for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The header up to the first tag or the type.
#[derive(Clone, Copy, Debug)]
pub struct Header<B>(B);

impl<'a> Header<&'a [u8; HEADER_LENGTH]> {
    /// The header at the start of a frame.
    #[inline(always)]
    pub fn new(frame: &'a [u8]) -> Option<Self> {
        frame.first_chunk().map(Header)
    }
}

impl<'a> Header<&'a mut [u8; HEADER_LENGTH]> {
    /// The header at the start of a frame, to write.
    #[inline(always)]
    pub fn new_mut(frame: &'a mut [u8]) -> Option<Self> {
        frame.first_chunk_mut().map(Header)
    }
}

impl<B: Deref<Target = [u8; HEADER_LENGTH]>> Header<B> {
    /// Receiver's address.
    #[inline(always)]
    pub fn destination(&self) -> MacAddress {
        MacAddress(DESTINATION.get(&self.0))
    }

    /// Sender's address.
    #[inline(always)]
    pub fn source(&self) -> MacAddress {
        MacAddress(SOURCE.get(&self.0))
    }

    /// Type of the payload, or of the first tag.
    #[inline(always)]
    pub fn ether_type(&self) -> EtherType {
        EtherType(bytes::number(ETHER_TYPE.get(&self.0)))
    }
}

impl<B: DerefMut<Target = [u8; HEADER_LENGTH]>> Header<B> {
    /// Writes the receiver's address.
    #[inline(always)]
    pub fn set_destination(&mut self, address: MacAddress) {
        DESTINATION.set(&mut self.0, address.0);
    }

    /// Writes the sender's address.
    #[inline(always)]
    pub fn set_source(&mut self, address: MacAddress) {
        SOURCE.set(&mut self.0, address.0);
    }

    /// Writes the type.
    #[inline(always)]
    pub fn set_ether_type(&mut self, ether_type: EtherType) {
        ETHER_TYPE.set(&mut self.0, ether_type.0.to_be_bytes());
    }
}

/// One VLAN tag: tag protocol identifier and tag control information.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag {
    /// Which kind of tag it is.
    pub protocol: EtherType,
    /// Priority, drop eligibility and VLAN together, as on the wire.
    pub control: u16,
}

impl Tag {
    /// The VLAN, 0 to 4095; 0 says that the tag carries a priority only.
    #[inline(always)]
    pub fn vlan(self) -> u16 {
        self.control & 0x0fff
    }

    /// The priority code point, 0 to 7.
    #[inline(always)]
    pub fn priority(self) -> u8 {
        (self.control >> 13) as u8
    }

    /// True if the frame may be dropped first under congestion.
    #[inline(always)]
    pub fn drop_eligible(self) -> bool {
        self.control & 0x1000 != 0
    }
}

/// The tags of a frame, outermost first; at most two are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tags {
    /// The tag next to the addresses.
    pub outer: Option<Tag>,
    /// The tag behind it.
    pub inner: Option<Tag>,
}

impl Tags {
    /// True for an untagged frame.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.outer.is_none()
    }
}

/// Takes the tags off a frame that carry a priority and no VLAN (IEEE 802.1Q section 6.7,
/// "priority-tagged"), up to the first tag with a VLAN: moves the addresses behind them.
/// Returns how many bytes are then to be cut off the frame's start.
pub fn strip_priority_tags(frame: &mut [u8]) -> usize {
    let mut stripped = 0;
    while stripped < MAXIMUM_TAGS * TAG_LENGTH {
        let tag = bytes::read(frame, ADDRESSES_LENGTH + stripped);
        let Some([a, b, c, d]) = tag else { break };
        let (protocol, control) = (EtherType(bytes::number([a, b])), bytes::number([c, d]));
        if !protocol.is_tag() || (Tag { protocol, control }).vlan() != 0 {
            break;
        }
        stripped += TAG_LENGTH;
    }
    if stripped > 0 {
        frame.copy_within(..ADDRESSES_LENGTH, stripped);
    }
    stripped
}

/// What the link layer says of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Receiver's address.
    pub destination: MacAddress,
    /// Sender's address.
    pub source: MacAddress,
    /// VLAN tags.
    pub tags: Tags,
    /// Type of the payload; itself a tag's where there are more than two.
    pub ether_type: EtherType,
    /// Where the payload starts.
    pub payload_offset: u16,
}

/// The frame ends within its Ethernet header or tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the frame ends within its Ethernet header or VLAN tags")]
pub struct Truncated;

impl Frame {
    /// Reads the header and up to two tags.
    pub fn parse(frame: &[u8]) -> Result<Self, Truncated> {
        let header = Header::new(frame).ok_or(Truncated)?;
        let mut read = Frame {
            destination: header.destination(),
            source: header.source(),
            tags: Tags::default(),
            ether_type: header.ether_type(),
            payload_offset: HEADER_LENGTH as u16,
        };
        for tag in [&mut read.tags.outer, &mut read.tags.inner] {
            if !read.ether_type.is_tag() {
                break;
            }
            let [a, b, c, d] =
                bytes::read(frame, usize::from(read.payload_offset)).ok_or(Truncated)?;
            *tag = Some(Tag { protocol: read.ether_type, control: bytes::number([a, b]) });
            read.ether_type = EtherType(bytes::number([c, d]));
            read.payload_offset += TAG_LENGTH as u16;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

    fn frame(rest: &[u8]) -> Vec<u8> {
        [&ADDRESSES, rest].concat()
    }

    #[test]
    fn two_tags_are_read_and_a_third_is_the_payload() {
        let bytes = frame(&[0x88, 0xa8, 0xb0, 0x64, 0x81, 0, 0, 7, 0x81, 0, 0, 9, 8, 0]);
        let read = Frame::parse(&bytes).unwrap();
        let (outer, inner) = (read.tags.outer.unwrap(), read.tags.inner.unwrap());
        assert_eq!((outer.protocol, outer.vlan()), (EtherType::SERVICE_VLAN, 100));
        assert_eq!((outer.priority(), outer.drop_eligible()), (5, true));
        assert_eq!((inner.protocol, inner.vlan()), (EtherType::VLAN, 7));
        assert_eq!((read.ether_type, read.payload_offset), (EtherType::VLAN, 22));
    }

    #[test]
    fn a_frame_that_ends_within_a_tag_is_truncated() {
        let bytes = frame(&[0x81, 0, 0, 7, 8, 0]);
        assert_eq!(Frame::parse(&bytes).unwrap().payload_offset, 18);
        for length in 0..bytes.len() {
            assert_eq!(Frame::parse(&bytes[..length]), Err(Truncated), "{length} bytes");
        }
    }

    #[test]
    fn tags_without_a_vlan_are_stripped_up_to_one_with_a_vlan() {
        let packet = [8, 0, 0x45];
        let tags: [(&[u8], usize); 6] = [
            (&[], 0),
            (&[0x81, 0, 0xa0, 0], 4),
            (&[0x88, 0xa8, 0, 0, 0x81, 0, 0x10, 0], 8),
            (&[0x81, 0, 0, 5], 0),
            (&[0x81, 0, 0, 0, 0x81, 0, 0, 5], 4),
            (&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 0], 0),
        ];
        for (tags, expected) in tags {
            let mut bytes = frame(&[tags, &packet].concat());
            assert_eq!(strip_priority_tags(&mut bytes), expected, "{tags:02x?}");
            let left = frame(&[&tags[expected..], &packet].concat());
            assert_eq!(bytes[expected..], left, "{tags:02x?}");
        }
    }

    #[test]
    fn a_frame_that_ends_within_its_tags_is_stripped_of_whole_ones() {
        let whole = frame(&[0x81, 0, 0, 0, 0x88, 0xa8, 0, 0, 8, 0]);
        for length in 0..whole.len() {
            let mut bytes = whole[..length].to_vec();
            let stripped = strip_priority_tags(&mut bytes);
            assert!(stripped <= length.saturating_sub(12), "{length} bytes");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = [0; HEADER_LENGTH];
        let mut header = Header::new_mut(&mut bytes).unwrap();
        header.set_destination(MacAddress([1, 2, 3, 4, 5, 6]));
        header.set_source(MacAddress([7, 8, 9, 10, 11, 12]));
        header.set_ether_type(EtherType::ARP);
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 6]);
        let header = Header::new(&bytes).unwrap();
        assert_eq!(header.destination(), MacAddress([1, 2, 3, 4, 5, 6]));
        assert_eq!(header.source(), MacAddress([7, 8, 9, 10, 11, 12]));
        assert_eq!(header.ether_type(), EtherType::ARP);
    }
}
