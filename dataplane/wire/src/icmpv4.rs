//! ICMP messages (RFC 792, RFC 1191).
//!
//! ```text
//! | type (1) | code (1) | checksum (2) | rest of header (4) | data
//! ```
//!
//! The rest of the header is identifier and sequence number of an echo, the next
//! hop's MTU of "fragmentation needed", the gateway of a redirect, the pointer of a
//! parameter problem. The data of an error quotes the packet that it is about.

use core::ops::{Deref, DerefMut};
use std::net::Ipv4Addr;

use crate::Port;
use crate::bytes::{self, Field};
use crate::checksum::Checksum;

/// Bytes of the header; the data follows.
pub const HEADER_LENGTH: usize = 8;
/// Bytes of its payload that a quoted packet must have at least (RFC 792).
pub const QUOTED_PAYLOAD: usize = 8;

const TYPE_CODE: Field<0, 2> = Field;
const CHECKSUM: Field<2, 2> = Field;
const REST: Field<4, 4> = Field;
const IDENTIFIER: Field<4, 2> = Field;
const SEQUENCE: Field<6, 2> = Field;

/// Codes of "destination unreachable".
pub mod unreachable {
    /// No route to the network.
    pub const NETWORK: u8 = 0;
    /// The host does not answer.
    pub const HOST: u8 = 1;
    /// No such protocol at the host.
    pub const PROTOCOL: u8 = 2;
    /// Nobody listens at the port.
    pub const PORT: u8 = 3;
    /// Too big for the next link, and may not be fragmented.
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    /// Forbidden by an administrator (RFC 1812 section 5.2.7.1).
    pub const PROHIBITED: u8 = 13;
}

/// Codes of "redirect".
pub mod redirect {
    /// There is a better way to this host.
    pub const HOST: u8 = 1;
}

/// Codes of "time exceeded".
pub mod exceeded {
    /// The time to live ran out on the way.
    pub const TRANSIT: u8 = 0;
    /// Fragments were missing for too long.
    pub const REASSEMBLY: u8 = 1;
}

const ECHO_REPLY: u8 = 0;
const DESTINATION_UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const REDIRECT: u8 = 5;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

/// An error about a packet, which it quotes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Error {
    /// Type 3 with a code of [`mod@unreachable`]; the MTU is zero unless the code says
    /// that fragmentation is needed and the router says for what.
    DestinationUnreachable {
        /// Why.
        code: u8,
        /// Bytes of the largest packet that the next link takes (RFC 1191).
        next_hop_mtu: u16,
    },
    /// Type 4, obsolete (RFC 6633).
    SourceQuench,
    /// Type 5.
    Redirect {
        /// For what: network, host, with or without type of service.
        code: u8,
        /// The better gateway.
        gateway: Ipv4Addr,
    },
    /// Type 11 with a code of [`exceeded`].
    TimeExceeded {
        /// Where.
        code: u8,
    },
    /// Type 12.
    ParameterProblem {
        /// 0 if the pointer says where.
        code: u8,
        /// The byte in the quoted packet.
        pointer: u8,
    },
}

impl Error {
    /// The type's number.
    pub const fn type_number(self) -> u8 {
        match self {
            Error::DestinationUnreachable { .. } => DESTINATION_UNREACHABLE,
            Error::SourceQuench => SOURCE_QUENCH,
            Error::Redirect { .. } => REDIRECT,
            Error::TimeExceeded { .. } => TIME_EXCEEDED,
            Error::ParameterProblem { .. } => PARAMETER_PROBLEM,
        }
    }

    /// The code.
    pub const fn code(self) -> u8 {
        match self {
            Error::SourceQuench => 0,
            Error::DestinationUnreachable { code, .. }
            | Error::Redirect { code, .. }
            | Error::TimeExceeded { code }
            | Error::ParameterProblem { code, .. } => code,
        }
    }

    fn rest(self) -> [u8; 4] {
        match self {
            Error::DestinationUnreachable { next_hop_mtu, .. } => {
                let [a, b] = next_hop_mtu.to_be_bytes();
                [0, 0, a, b]
            }
            Error::Redirect { gateway, .. } => gateway.octets(),
            Error::ParameterProblem { pointer, .. } => [pointer, 0, 0, 0],
            Error::SourceQuench | Error::TimeExceeded { .. } => [0; 4],
        }
    }
}

/// True for the types that are errors: about these, and from these, no error is
/// made (RFC 1812 section 4.3.2.7).
pub const fn is_error(type_number: u8) -> bool {
    matches!(
        type_number,
        DESTINATION_UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM
    )
}

/// What a message says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Message {
    /// Ping.
    EchoRequest {
        /// Tells pings of one host apart, as a port does.
        identifier: Port,
        /// Tells packets of one ping apart.
        sequence: u16,
    },
    /// Its answer.
    EchoReply {
        /// As in the request.
        identifier: Port,
        /// As in the request.
        sequence: u16,
    },
    /// An error about a packet.
    Error(Error),
    /// Anything else.
    Other {
        /// The type's number.
        type_number: u8,
        /// The code.
        code: u8,
    },
}

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
    /// What the message says.
    pub fn message(&self) -> Message {
        let [type_number, code] = TYPE_CODE.get(&self.0);
        let [pointer, _, mtu @ ..] = REST.get(&self.0);
        let identifier = self.identifier();
        let sequence = bytes::number(SEQUENCE.get(&self.0));
        Message::Error(match type_number {
            ECHO_REQUEST => return Message::EchoRequest { identifier, sequence },
            ECHO_REPLY => return Message::EchoReply { identifier, sequence },
            DESTINATION_UNREACHABLE => {
                Error::DestinationUnreachable { code, next_hop_mtu: bytes::number(mtu) }
            }
            SOURCE_QUENCH => Error::SourceQuench,
            REDIRECT => Error::Redirect { code, gateway: Ipv4Addr::from(REST.get(&self.0)) },
            TIME_EXCEEDED => Error::TimeExceeded { code },
            PARAMETER_PROBLEM => Error::ParameterProblem { code, pointer },
            _ => return Message::Other { type_number, code },
        })
    }

    /// The identifier of a query.
    #[inline(always)]
    pub fn identifier(&self) -> Port {
        Port::from_bytes(IDENTIFIER.get(&self.0))
    }

    /// The checksum as it stands; it covers header and data, and no pseudo header.
    #[inline(always)]
    pub fn checksum(&self) -> Checksum {
        Checksum::from_bytes(CHECKSUM.get(&self.0))
    }

    /// Type and code as one word, for checksums.
    #[inline(always)]
    pub(crate) fn type_code(&self) -> u16 {
        u16::from_ne_bytes(TYPE_CODE.get(&self.0))
    }
}

impl<B: DerefMut<Target = [u8; HEADER_LENGTH]>> Header<B> {
    /// Writes the identifier of a query.
    #[inline(always)]
    pub fn set_identifier(&mut self, identifier: Port) {
        IDENTIFIER.set(&mut self.0, identifier.to_bytes());
    }

    /// Writes the checksum.
    #[inline(always)]
    pub fn set_checksum(&mut self, checksum: Checksum) {
        CHECKSUM.set(&mut self.0, checksum.to_bytes());
    }

    /// Writes type, code and rest of an error; the checksum is left to be filled.
    pub fn set_error(&mut self, error: Error) {
        TYPE_CODE.set(&mut self.0, [error.type_number(), error.code()]);
        REST.set(&mut self.0, error.rest());
    }

    /// Writes type, code and rest of an echo request; the checksum is left to be filled.
    pub fn set_echo_request(&mut self, identifier: Port, sequence: u16) {
        TYPE_CODE.set(&mut self.0, [ECHO_REQUEST, 0]);
        IDENTIFIER.set(&mut self.0, identifier.to_bytes());
        SEQUENCE.set(&mut self.0, sequence.to_be_bytes());
    }

    /// Makes an echo request into its reply; the checksum is left as it is.
    #[inline(always)]
    pub(crate) fn set_echo_reply(&mut self) {
        TYPE_CODE.set(&mut self.0, [ECHO_REPLY, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_read_as_it_was_written() {
        for error in [
            Error::DestinationUnreachable { code: unreachable::PORT, next_hop_mtu: 0 },
            Error::DestinationUnreachable {
                code: unreachable::FRAGMENTATION_NEEDED,
                next_hop_mtu: 1400,
            },
            Error::SourceQuench,
            Error::Redirect { code: 1, gateway: Ipv4Addr::new(10, 0, 0, 1) },
            Error::TimeExceeded { code: exceeded::REASSEMBLY },
            Error::ParameterProblem { code: 0, pointer: 20 },
        ] {
            let mut bytes = [0xaa; HEADER_LENGTH];
            Header::at_mut(&mut bytes, 0).unwrap().set_error(error);
            assert!(is_error(bytes[0]));
            assert_eq!(Header::at(&bytes, 0).unwrap().message(), Message::Error(error));
        }
    }

    #[test]
    fn the_mtu_stands_where_rfc_1191_puts_it() {
        let mut bytes = [0; HEADER_LENGTH];
        let error = Error::DestinationUnreachable { code: 4, next_hop_mtu: 1400 };
        Header::at_mut(&mut bytes, 0).unwrap().set_error(error);
        assert_eq!(bytes, [3, 4, 0, 0, 0, 0, 5, 0x78]);
    }

    #[test]
    fn echoes_and_others_are_no_errors() {
        let message = |bytes: [u8; 8]| Header::at(&bytes, 0).unwrap().message();
        let (identifier, sequence) = (Port::new(0x0102), 0x0304);
        assert_eq!(
            message([8, 0, 0, 0, 1, 2, 3, 4]),
            Message::EchoRequest { identifier, sequence }
        );
        assert_eq!(message([0, 0, 0, 0, 1, 2, 3, 4]), Message::EchoReply { identifier, sequence });
        assert_eq!(message([13, 1, 0, 0, 0, 0, 0, 0]), Message::Other { type_number: 13, code: 1 });
        assert!(![0, 8, 13, 14].into_iter().any(is_error));
    }
}
