//! The fast path: what a plain frame says of its flow, and its rewriting in place.
//!
//! A plain frame is an untagged TCP or UDP packet over IPv4 without options and not
//! a fragment, with nothing wrong with it. [`read`] accepts these alone, with a few
//! comparisons and no copy; whatever it refuses is looked at again, in full, by
//! [`crate::parse`]. [`rewrite`] applies what a connection remembers.
//!
//! ```text
//!  0           6        12    14                34            42        54
//! | destination | source | type | IPv4, 20 bytes | ports, ...  | TCP ... |
//! ```

use std::net::Ipv4Addr;

use crate::bytes::{self, Field};
use crate::checksum::{self, Checksum, Delta, Sum};
use crate::{Address, FiveTuple, MacAddress, Port, Protocol, ipv4, tcp};

/// What the fast path needs of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flow<A> {
    /// Addresses, ports and protocol.
    pub tuple: FiveTuple<A>,
    /// The TCP flags; empty for UDP.
    pub tcp_flags: tcp::Flags,
    /// Bytes of the IP packet, header included.
    pub length: u16,
}

/// The frame is not a plain one; the slow path says what it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the frame is not an untagged, unfragmented TCP or UDP packet without IP options")]
pub struct NotPlain;

/// Ethernet, IPv4 without options, UDP: the bytes that every plain frame has.
const PLAIN: usize = 42;
/// Where a TCP header begins in a plain frame.
const TCP_OFFSET: usize = 34;
/// The same up to the end of a TCP header.
const PLAIN_TCP: usize = 54;

const MACS: Field<0, 8> = Field;
const REST_OF_SOURCE_MAC: Field<8, 4> = Field;
/// The Ethernet type, the IP version and header length, and the type of service.
const TYPE_VERSION: Field<12, 4> = Field;
const IP_HEADER: Field<14, 20> = Field;
const TOTAL_LENGTH: Field<16, 2> = Field;
/// The fragment word, the TTL and the protocol.
const FRAGMENT_TO_PROTOCOL: Field<20, 4> = Field;
const TTL: Field<22, 1> = Field;
const PROTOCOL: Field<23, 1> = Field;
const IP_CHECKSUM: Field<24, 2> = Field;
const SOURCE: Field<26, 4> = Field;
const DESTINATION: Field<30, 4> = Field;
const ADDRESSES: Field<26, 8> = Field;
const SOURCE_PORT: Field<34, 2> = Field;
const DESTINATION_PORT: Field<36, 2> = Field;
const PORTS: Field<34, 4> = Field;
const UDP_LENGTH: Field<38, 2> = Field;
const UDP_CHECKSUM: Field<40, 2> = Field;
/// The upper half of the acknowledgment number.
const TCP_ACKNOWLEDGMENT: Field<42, 2> = Field;
const TCP_DATA_OFFSET: Field<46, 1> = Field;
const TCP_FLAGS: Field<47, 1> = Field;
const TCP_CHECKSUM: Field<50, 2> = Field;

const ETHERNET: u16 = 14;
const IPV4_WITHOUT_OPTIONS: u32 = 0x0800_4500;
/// The protocol, and all of the fragment word but "don't fragment": reserved bit, more, offset.
const KIND: u32 = u32::from_ne_bytes([0xbf, 0xff, 0, 0xff]);
const TCP: u8 = Protocol::Tcp as u8;
const UDP: u8 = Protocol::Udp as u8;

/// Reads the flow of a plain frame: TTL above 1, lengths that fit, and the IP header
/// checksum right. Neither address is looked at: no connection has one that nobody can
/// have. The TCP or UDP checksum is the end host's to verify.
#[inline(always)]
pub fn read(frame: &[u8]) -> Result<Flow<Ipv4Addr>, NotPlain> {
    read_segment(frame, frame.len())
}

/// As [`read`], for a frame of `frame_length` bytes of which `segment` is the start:
/// a frame in several buffers. The headers must be in the first.
#[inline(always)]
pub fn read_segment(segment: &[u8], frame_length: usize) -> Result<Flow<Ipv4Addr>, NotPlain> {
    read_checked(segment, frame_length, false)
}

/// As [`read_segment`], for a frame of whose IP checksum somebody else may know that it is
/// right.
#[inline(always)]
pub fn read_checked(
    segment: &[u8],
    frame_length: usize,
    is_right: bool,
) -> Result<Flow<Ipv4Addr>, NotPlain> {
    let plain: &[u8; PLAIN] = segment.first_chunk().ok_or(NotPlain)?;
    let length = bytes::number(TOTAL_LENGTH.get(plain));
    let good = (u32::from_be_bytes(TYPE_VERSION.get(plain)) & !0xff == IPV4_WITHOUT_OPTIONS)
        & (bytes::byte(TTL.get(plain)) > 1)
        & (usize::from(length) + usize::from(ETHERNET) <= frame_length)
        & (is_right || checksum::header_verifies(&IP_HEADER.get(plain)));
    if !good {
        return Err(NotPlain);
    }
    // The fragment word and the protocol in one comparison.
    let kind = u32::from_ne_bytes(FRAGMENT_TO_PROTOCOL.get(plain)) & KIND;
    let (protocol, tcp_flags) = if kind == u32::from_ne_bytes([0, 0, 0, UDP]) {
        (Protocol::Udp, read_udp(plain, length)?)
    } else if kind == u32::from_ne_bytes([0, 0, 0, TCP]) {
        (Protocol::Tcp, read_tcp(segment, length)?)
    } else {
        return Err(NotPlain);
    };
    Ok(Flow {
        tuple: FiveTuple {
            source: Ipv4Addr::from(SOURCE.get(plain)),
            destination: Ipv4Addr::from(DESTINATION.get(plain)),
            source_port: Port::from_bytes(SOURCE_PORT.get(plain)),
            destination_port: Port::from_bytes(DESTINATION_PORT.get(plain)),
            protocol,
        },
        tcp_flags,
        length,
    })
}

/// The TCP segment of a frame that [`read`] accepted; one without flags for UDP.
#[inline]
pub fn segment(frame: &[u8]) -> tcp::Segment {
    let plain = frame.first_chunk::<PLAIN_TCP>();
    let tcp = plain.filter(|plain| bytes::byte(PROTOCOL.get(plain)) == TCP);
    let header = tcp.and_then(|plain| tcp::Header::at(plain, TCP_OFFSET));
    header.map_or(tcp::Segment::default(), |header| header.segment())
}

#[inline(always)]
fn read_tcp(segment: &[u8], length: u16) -> Result<tcp::Flags, NotPlain> {
    let plain: &[u8; PLAIN_TCP] = segment.first_chunk().ok_or(NotPlain)?;
    let header = u16::from(bytes::byte(TCP_DATA_OFFSET.get(plain)) >> 4) * 4;
    let fits = (header >= 20) & (header + 20 <= length);
    if fits { Ok(tcp::Flags::from_bits(bytes::byte(TCP_FLAGS.get(plain)))) } else { Err(NotPlain) }
}

#[inline(always)]
fn read_udp(plain: &[u8; PLAIN], length: u16) -> Result<tcp::Flags, NotPlain> {
    let datagram = bytes::number(UDP_LENGTH.get(plain));
    let fits = (datagram >= 8) & (u32::from(datagram) + 20 <= u32::from(length));
    if fits { Ok(tcp::Flags::EMPTY) } else { Err(NotPlain) }
}

/// What a connection does to the packets of one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Rewrite<A> {
    /// The new sender's address.
    pub source: A,
    /// The new receiver's address.
    pub destination: A,
    /// The new sender's port.
    pub source_port: Port,
    /// The new receiver's port.
    pub destination_port: Port,
    /// What that does to both checksums.
    pub deltas: Deltas,
}

/// What a rewrite adds to the checksums of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Deltas {
    /// To the IP header's: by the new addresses, and by the TTL less one.
    pub l3: Delta,
    /// To the TCP or UDP checksum: by the new addresses and ports; of an ICMP query by the
    /// identifier alone, since its checksum covers no pseudo header.
    pub l4: Delta,
}

impl Deltas {
    /// Of packets of flow `from` that become packets of flow `to`.
    #[inline]
    pub fn between<A: Address>(from: &FiveTuple<A>, to: &FiveTuple<A>) -> Self {
        let addresses = |tuple: &FiveTuple<A>| tuple.source.sum() + tuple.destination.sum();
        let ports = |tuple: &FiveTuple<A>| {
            Sum::of_u16(tuple.source_port.raw()) + Sum::of_u16(tuple.destination_port.raw())
        };
        let addresses = Delta::between(addresses(from), addresses(to));
        let ports = Delta::between(ports(from), ports(to));
        let is_icmp = from.protocol == Protocol::Icmp;
        let l4 = if is_icmp { ports } else { addresses.and(ports) };
        Deltas { l3: addresses.and(ipv4::TTL_DELTA), l4 }
    }

    /// Of the packets that come back: their TTL shrinks, too.
    #[inline]
    #[must_use]
    pub const fn back(self) -> Self {
        let addresses = self.l3.and(ipv4::TTL_DELTA.inverse());
        Deltas { l3: addresses.inverse().and(ipv4::TTL_DELTA), l4: self.l4.inverse() }
    }
}

impl<A: Address> Rewrite<A> {
    /// The rewrite that makes packets of flow `from` into packets of flow `to`.
    #[inline]
    pub fn between(from: &FiveTuple<A>, to: &FiveTuple<A>) -> Self {
        Rewrite {
            source: to.source,
            destination: to.destination,
            source_port: to.source_port,
            destination_port: to.destination_port,
            deltas: Deltas::between(from, to),
        }
    }
}

/// Both addresses of an Ethernet header as they stand in it: a store of eight bytes and
/// one of four.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EthernetAddresses {
    first: u64,
    second: u32,
}

impl EthernetAddresses {
    /// Frames from this station to that one.
    #[inline(always)]
    pub const fn new(source: MacAddress, destination: MacAddress) -> Self {
        let MacAddress([a, b, c, d, e, f]) = destination;
        let MacAddress([g, h, i, j, k, l]) = source;
        EthernetAddresses {
            first: u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
            second: u32::from_ne_bytes([i, j, k, l]),
        }
    }

    /// The header with these bits of its first eight bytes, in memory order, turned: so a
    /// table of receivers makes one out of a sender's header in one step.
    #[inline(always)]
    #[must_use]
    pub const fn turned(self, bits: u64) -> Self {
        EthernetAddresses { first: self.first ^ bits, ..self }
    }
}

/// Where [`rewrite`] has its words from. It asks for each just before it writes it, as a
/// processor has fewer registers than there are words.
pub trait Translation {
    /// The new sender's and receiver's addresses as they stand in a packet.
    fn addresses(&self) -> [u8; 8];
    /// The new sender's and receiver's ports as they stand in a packet.
    fn ports(&self) -> [u8; 4];
    /// What that does to both checksums.
    fn deltas(&self) -> Deltas;
    /// Told of the upper half of a TCP segment's acknowledgment number, as it stands in it.
    #[inline(always)]
    fn acknowledges(&mut self, _upper_half: [u8; 2]) {}
}

impl Translation for &Rewrite<Ipv4Addr> {
    #[inline(always)]
    fn addresses(&self) -> [u8; 8] {
        let source = u32::from_ne_bytes(self.source.octets());
        let destination = u32::from_ne_bytes(self.destination.octets());
        join(u64::from(source), u64::from(destination), 32).to_ne_bytes()
    }

    #[inline(always)]
    fn ports(&self) -> [u8; 4] {
        let (source, destination) = (self.source_port.raw(), self.destination_port.raw());
        (join(u64::from(source), u64::from(destination), 16) as u32).to_ne_bytes()
    }

    #[inline(always)]
    fn deltas(&self) -> Deltas {
        self.deltas
    }
}

/// Rewrites a frame that [`read`] accepted: both Ethernet addresses, the TTL less
/// one, addresses, ports and both checksums; a UDP checksum of zero stays zero.
/// False, with the frame as it was, if it is too short to be a plain one.
#[inline(always)]
pub fn rewrite(frame: &mut [u8], mut to: impl Translation, link: EthernetAddresses) -> bool {
    let Some(plain) = frame.first_chunk_mut::<PLAIN>() else { return false };
    if bytes::byte(PROTOCOL.get(plain)) == UDP {
        let checksum = Checksum::from_bytes(UDP_CHECKSUM.get(plain)).updated_udp(to.deltas().l4);
        UDP_CHECKSUM.set(plain, checksum.to_bytes());
    } else {
        let Some(plain) = frame.first_chunk_mut::<PLAIN_TCP>() else { return false };
        let checksum = Checksum::from_bytes(TCP_CHECKSUM.get(plain)).updated(to.deltas().l4);
        TCP_CHECKSUM.set(plain, checksum.to_bytes());
        to.acknowledges(TCP_ACKNOWLEDGMENT.get(plain));
    }
    let Some(plain) = frame.first_chunk_mut::<PLAIN>() else { return false };
    MACS.set(plain, link.first.to_ne_bytes());
    REST_OF_SOURCE_MAC.set(plain, link.second.to_ne_bytes());
    let ttl = bytes::byte(TTL.get(plain));
    TTL.set(plain, [ttl.wrapping_sub(1)]);
    let checksum = Checksum::from_bytes(IP_CHECKSUM.get(plain)).updated(to.deltas().l3);
    IP_CHECKSUM.set(plain, checksum.to_bytes());
    ADDRESSES.set(plain, to.addresses());
    PORTS.set(plain, to.ports());
    true
}

/// Two halves of a word, in memory order.
#[inline(always)]
const fn join(first: u64, second: u64, bits: u32) -> u64 {
    if cfg!(target_endian = "little") { first | second << bits } else { first << bits | second }
}
