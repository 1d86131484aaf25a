//! What is told of a connection: 32 bytes.
//!
//! ```text
//!   word 0   original: source and destination address
//!   word 1   reply: the same
//!   word 2   ports: original source and destination, reply source and destination
//!   word 3   from the lowest byte: what happened, kind, protocol, TCP state, flags; in the
//!            two highest bytes the exporter's worker, on this machine only
//! ```
//!
//! The bytes are those of the words, lowest first; addresses and ports stand in them as in
//! a packet, so that a worker copies its keys. An event tells everything about its
//! connection, so events can be repeated and need no history.

use std::net::Ipv4Addr;

use wire::{Address, FiveTuple, Port, Protocol};

use super::ring::Words;
use crate::record::{Key, Kind, Record};
use crate::tcp::State;

// Keys lie in memory as in a packet, and words as on the wire.
const _: () = assert!(cfg!(target_endian = "little"));

/// Bytes of an event on the wire.
pub const BYTES: usize = 32;

/// An address family whose connections can be told to another machine.
///
/// It is implemented for IPv4 only, as an event has room for the addresses of that family.
/// Connections need it, so there are none of another family before its events tell whole
/// addresses.
pub trait Replicated: Address {
    /// Source and destination of a key, whole, in one word of an event.
    fn addresses(key: &Key<Self>) -> u64;
}

impl Replicated for Ipv4Addr {
    #[inline(always)]
    fn addresses(key: &Key<Self>) -> u64 {
        key.addresses()
    }
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Change {
    /// The connection is there, in this state.
    Put = 1,
    /// It is there no more.
    Close = 2,
}

/// What is told of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// What happened.
    pub change: Change,
    /// The kind of translation.
    pub kind: Kind,
    /// The TCP state; `None`, `Unreplied` or `Replied` for other protocols.
    pub state: State,
    /// Told because everything is told, and not because something happened.
    pub bulk: bool,
    /// Packets of the original direction as they arrive.
    pub original: Key<Ipv4Addr>,
    /// Packets of the reply direction as they arrive.
    pub reply: Key<Ipv4Addr>,
}

/// Why 32 bytes are no event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EventError {
    /// A number that means nothing.
    #[error("the event has a {0} that there is not: {1}")]
    Unknown(&'static str, u8),
    /// Bits that are none of this version.
    #[error("the event has bits that mean nothing")]
    Spare,
    /// No connection of this kind has such keys.
    #[error("no {0} connection has these addresses and ports")]
    Keys(Kind),
    /// No connection of this protocol and kind has such a state.
    #[error("no {protocol} connection of kind {kind} is in state {}", state.name())]
    State {
        /// Of which kind.
        kind: Kind,
        /// Of which protocol.
        protocol: Protocol,
        /// In which state.
        state: State,
    },
}

const KIND: u32 = 8;
const PROTOCOL: u32 = 16;
const STATE: u32 = 24;
const FLAGS: u32 = 32;
const ORIGIN: u32 = 48;
const BULK: u64 = 1;
/// Kind, protocol and state: what a digest covers of the last word.
const DESCRIPTION: u64 = 0xffff_ff00;

impl Event {
    /// The words of an event about a record.
    #[inline]
    pub(crate) fn words_of<A: Replicated>(
        record: &Record<A>,
        change: Change,
        state: State,
        bulk: bool,
    ) -> Words {
        let description = u64::from(record.protocol().number()) << PROTOCOL
            | (record.kind() as u64) << KIND
            | (state.index() as u64) << STATE
            | u64::from(bulk) << FLAGS
            | change as u64;
        let [original, reply] = [&record.keys[0], &record.keys[1]];
        keys(original, reply, description)
    }

    /// The words of the event.
    pub fn words(&self) -> Words {
        let description = self.change as u64
            | (self.kind as u64) << KIND
            | u64::from(self.original.protocol().number()) << PROTOCOL
            | (self.state.index() as u64) << STATE
            | u64::from(self.bulk) << FLAGS;
        keys(&self.original, &self.reply, description)
    }

    /// The event of these words, whatever its origin.
    ///
    /// # Errors
    ///
    /// [`EventError`] when no worker could have written them.
    pub fn from_words(words: Words) -> Result<Event, EventError> {
        let [originals, replies, ports, last] = words;
        let [change, kind, protocol, state, flags, spare, ..] = last.to_le_bytes();
        if u64::from(flags) & !BULK != 0 || spare != 0 {
            return Err(EventError::Spare);
        }
        let change = change_of(change)?;
        let kind = kind_of(kind)?;
        let protocol =
            Protocol::from_number(protocol).ok_or(EventError::Unknown("protocol", protocol))?;
        let state =
            *State::ALL.get(usize::from(state)).ok_or(EventError::Unknown("state", state))?;
        let [from, to] = kind.sides();
        let original = Key::new(tuple(originals, ports, protocol), from);
        let reply = Key::new(tuple(replies, ports >> 32, protocol), to);
        let event =
            Event { change, kind, state, bulk: u64::from(flags) & BULK != 0, original, reply };
        event.check()
    }

    /// The event of its bytes on the wire.
    ///
    /// # Errors
    ///
    /// [`EventError`], as [`Event::from_words`].
    pub fn from_bytes(bytes: &[u8; BYTES]) -> Result<Event, EventError> {
        let words = to_words(bytes);
        if words[3] >> ORIGIN != 0 {
            return Err(EventError::Spare);
        }
        Event::from_words(words)
    }

    /// The remote end, which translation leaves alone; of a hairpin there is none.
    pub fn remote(&self) -> Option<Ipv4Addr> {
        match self.kind {
            Kind::Service => Some(self.original.tuple().source),
            Kind::Masquerade => Some(self.original.tuple().destination),
            Kind::Hairpin => None,
        }
    }

    fn check(self) -> Result<Event, EventError> {
        let (original, reply) = (self.original.tuple(), self.reply.tuple());
        let protocol = original.protocol;
        let fits = match self.kind {
            Kind::Service => {
                // The port may be another, where two services share a server.
                protocol != Protocol::Icmp && reply.destination == original.source
            }
            Kind::Masquerade => {
                (reply.source, reply.source_port)
                    == (original.destination, original.destination_port)
            }
            Kind::Hairpin => protocol != Protocol::Icmp && self.original != self.reply,
        };
        if !fits || is_nowhere(&original) || is_nowhere(&reply) {
            return Err(EventError::Keys(self.kind));
        }
        let possible = match protocol {
            Protocol::Tcp => self.state != State::Listen && self.state.awaits().is_none(),
            Protocol::Udp | Protocol::Icmp => {
                self.state == State::None || self.state.awaits().is_some()
            }
        };
        if !possible {
            return Err(EventError::State { kind: self.kind, protocol, state: self.state });
        }
        Ok(self)
    }
}

/// The bytes of an event's words on the wire; its origin stays here.
pub fn to_bytes(words: Words) -> [u8; BYTES] {
    let [first, second, third, last] = words;
    let mut bytes = [0; BYTES];
    let words = [first, second, third, last & ((1 << ORIGIN) - 1)];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The words of an event's bytes.
pub fn to_words(bytes: &[u8; BYTES]) -> Words {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    }
    words
}

/// The same event with the exporter's worker that it came from.
pub fn with_origin(words: Words, origin: u16) -> Words {
    let [first, second, third, last] = words;
    let cleared = last & ((1 << ORIGIN) - 1);
    [first, second, third, cleared | u64::from(origin) << ORIGIN]
}

/// The exporter's worker that an event came from.
pub(crate) fn origin(words: Words) -> u16 {
    (words[3] >> ORIGIN) as u16
}

/// A hash over keys, kind and state, the same on every machine: sums of it tell whether
/// two sets of connections are the same. It keeps accidents apart, not forgers: whoever
/// writes to the stream has been authenticated.
///
/// Two folded multiplications, as wyhash has them (Wang Yi).
#[inline]
pub(crate) fn digest(words: Words) -> u64 {
    let [first, second, third, last] = words;
    let keys = fold(first ^ 0xa076_1d64_78bd_642f, second ^ 0xe703_7ed1_a0b4_28db);
    fold(keys ^ third, (last & DESCRIPTION) ^ 0x8ebc_6af0_9c88_c6e3)
}

#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

fn change_of(number: u8) -> Result<Change, EventError> {
    match number {
        1 => Ok(Change::Put),
        2 => Ok(Change::Close),
        _ => Err(EventError::Unknown("change", number)),
    }
}

fn kind_of(number: u8) -> Result<Kind, EventError> {
    [Kind::Service, Kind::Masquerade, Kind::Hairpin]
        .into_iter()
        .find(|&kind| kind as u8 == number)
        .ok_or(EventError::Unknown("kind", number))
}

#[inline]
fn keys<A: Replicated>(original: &Key<A>, reply: &Key<A>, description: u64) -> Words {
    let ports = original.tail() & 0xffff_ffff | reply.tail() << 32;
    [A::addresses(original), A::addresses(reply), ports, description]
}

fn tuple(addresses: u64, ports: u64, protocol: Protocol) -> FiveTuple<Ipv4Addr> {
    FiveTuple {
        source: Ipv4Addr::from((addresses as u32).to_ne_bytes()),
        destination: Ipv4Addr::from(((addresses >> 32) as u32).to_ne_bytes()),
        source_port: Port::from_raw(ports as u16),
        destination_port: Port::from_raw((ports >> 16) as u16),
        protocol,
    }
}

/// The tuple of free records.
fn is_nowhere(tuple: &FiveTuple<Ipv4Addr>) -> bool {
    tuple.source.is_unspecified() && tuple.destination.is_unspecified()
}
