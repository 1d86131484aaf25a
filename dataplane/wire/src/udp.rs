//! UDP headers (RFC 768).
//!
//! ```text
//! | source port (2) | destination port (2) | length (2) | checksum (2) |
//! ```

use core::ops::{Deref, DerefMut};

use crate::Port;
use crate::bytes::{self, Field};
use crate::checksum::Checksum;

/// Bytes of the header.
pub const HEADER_LENGTH: usize = 8;

const SOURCE: Field<0, 2> = Field;
const DESTINATION: Field<2, 2> = Field;
const LENGTH: Field<4, 2> = Field;
const CHECKSUM: Field<6, 2> = Field;

/// A header.
#[derive(Clone, Copy, Debug)]
pub struct Header<B>(B);

impl<'a> Header<&'a [u8; HEADER_LENGTH]> {
    /// The header at an offset of a frame.
    #[inline(always)]
    pub fn at(frame: &'a [u8], offset: usize) -> Option<Self> {
        bytes::chunk(frame, offset).map(Header)
    }
}

impl<'a> Header<&'a mut [u8; HEADER_LENGTH]> {
    /// The header at an offset of a frame, to write.
    #[inline(always)]
    pub fn at_mut(frame: &'a mut [u8], offset: usize) -> Option<Self> {
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

    /// Bytes of header and payload, as the header says.
    #[inline(always)]
    pub fn length(&self) -> u16 {
        bytes::number(LENGTH.get(&self.0))
    }

    /// The checksum as it stands; zero says that the sender made none.
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

    /// Writes the length of header and payload.
    #[inline(always)]
    pub fn set_length(&mut self, length: u16) {
        LENGTH.set(&mut self.0, length.to_be_bytes());
    }

    /// Writes the checksum as it is given.
    #[inline(always)]
    pub fn set_checksum(&mut self, checksum: Checksum) {
        CHECKSUM.set(&mut self.0, checksum.to_bytes());
    }
}
