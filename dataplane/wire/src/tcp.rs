//! TCP headers and options (RFC 9293).
//!
//! ```text
//! | source port (2) | destination port (2) | sequence number (4)      |
//! | acknowledgment number (4) | data offset, flags (2) | window (2)   |
//! | checksum (2) | urgent pointer (2) | options, 0 to 40 bytes        |
//! ```

mod flags;
mod options;

use core::ops::{Deref, DerefMut};

pub use flags::Flags;
pub use options::{Option as TcpOption, Options, clamp_mss};

use crate::Port;
use crate::bytes::{self, Field};
use crate::checksum::Checksum;

/// Bytes of a header without options.
pub const HEADER_LENGTH: usize = 20;

const SOURCE: Field<0, 2> = Field;
const DESTINATION: Field<2, 2> = Field;
const SEQUENCE: Field<4, 4> = Field;
const ACKNOWLEDGMENT: Field<8, 4> = Field;
const DATA_OFFSET: Field<12, 1> = Field;
const FLAGS: Field<13, 1> = Field;
const WINDOW: Field<14, 2> = Field;
const CHECKSUM: Field<16, 2> = Field;
/// Where the checksum starts.
pub(crate) const CHECKSUM_OFFSET: usize = 16;

/// What moves a connection from one state to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Segment {
    /// The flags.
    pub flags: Flags,
    /// The number of the first byte of the payload, or of the SYN or FIN.
    pub sequence: u32,
    /// The number of the byte that the sender expects next; of use with ACK only.
    pub acknowledgment: u32,
}

impl From<Flags> for Segment {
    /// A segment whose numbers are zero. A packet of another protocol is one without flags.
    #[inline(always)]
    fn from(flags: Flags) -> Self {
        Segment { flags, sequence: 0, acknowledgment: 0 }
    }
}

/// A header without its options.
#[derive(Clone, Copy, Debug)]
pub struct Header<B>(B);

impl<'a> Header<&'a [u8; HEADER_LENGTH]> {
    /// The header at an offset of a frame.
    #[inline(always)]
    pub fn at(frame: &'a [u8], offset: usize) -> core::option::Option<Self> {
        bytes::chunk(frame, offset).map(Header)
    }
}

impl<'a> Header<&'a mut [u8; HEADER_LENGTH]> {
    /// The header at an offset of a frame, to write.
    #[inline(always)]
    pub fn at_mut(frame: &'a mut [u8], offset: usize) -> core::option::Option<Self> {
        bytes::chunk_mut(frame, offset).map(Header)
    }
}

impl<B: Deref<Target = [u8; HEADER_LENGTH]>> Header<B> {
    /// Sender's port.
    #[inline(always)]
    pub fn source(&self) -> Port {
        Port::from_bytes(SOURCE.get(&self.0))
    }

    /// Receiver's port.
    #[inline(always)]
    pub fn destination(&self) -> Port {
        Port::from_bytes(DESTINATION.get(&self.0))
    }

    /// Number of the first byte of the payload, or of the SYN or FIN.
    #[inline(always)]
    pub fn sequence(&self) -> u32 {
        u32::from_be_bytes(SEQUENCE.get(&self.0))
    }

    /// Number of the byte that the sender expects next; of use with ACK only.
    #[inline(always)]
    pub fn acknowledgment(&self) -> u32 {
        u32::from_be_bytes(ACKNOWLEDGMENT.get(&self.0))
    }

    /// Bytes of the header with its options, as the header says.
    #[inline(always)]
    pub fn header_length(&self) -> usize {
        usize::from(bytes::byte(DATA_OFFSET.get(&self.0)) >> 4) * 4
    }

    /// The flags.
    #[inline(always)]
    pub fn flags(&self) -> Flags {
        Flags::from_bits(bytes::byte(FLAGS.get(&self.0)))
    }

    /// What the segment says to the other end.
    #[inline(always)]
    pub fn segment(&self) -> Segment {
        Segment {
            flags: self.flags(),
            sequence: self.sequence(),
            acknowledgment: self.acknowledgment(),
        }
    }

    /// The window, not scaled.
    #[inline(always)]
    pub fn window(&self) -> u16 {
        bytes::number(WINDOW.get(&self.0))
    }

    /// The checksum as it stands.
    #[inline(always)]
    pub fn checksum(&self) -> Checksum {
        Checksum::from_bytes(CHECKSUM.get(&self.0))
    }
}

impl<B: DerefMut<Target = [u8; HEADER_LENGTH]>> Header<B> {
    /// Writes the sender's port.
    #[inline(always)]
    pub fn set_source(&mut self, port: Port) {
        SOURCE.set(&mut self.0, port.to_bytes());
    }

    /// Writes the receiver's port.
    #[inline(always)]
    pub fn set_destination(&mut self, port: Port) {
        DESTINATION.set(&mut self.0, port.to_bytes());
    }

    /// Writes the number of the first byte.
    #[inline]
    pub fn set_sequence(&mut self, sequence: u32) {
        SEQUENCE.set(&mut self.0, sequence.to_be_bytes());
    }

    /// Writes the number of the byte that is expected next.
    #[inline]
    pub fn set_acknowledgment(&mut self, acknowledgment: u32) {
        ACKNOWLEDGMENT.set(&mut self.0, acknowledgment.to_be_bytes());
    }

    /// Writes the length of the header in bytes: a multiple of 4 from 20 to 60.
    #[inline]
    pub fn set_header_length(&mut self, bytes: usize) {
        DATA_OFFSET.set(&mut self.0, [((bytes / 4) as u8) << 4]);
    }

    /// Writes the flags.
    #[inline]
    pub fn set_flags(&mut self, flags: Flags) {
        FLAGS.set(&mut self.0, [flags.bits()]);
    }

    /// Writes the checksum.
    #[inline(always)]
    pub fn set_checksum(&mut self, checksum: Checksum) {
        CHECKSUM.set(&mut self.0, checksum.to_bytes());
    }
}
