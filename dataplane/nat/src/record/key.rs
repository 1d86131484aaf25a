//! What a packet is looked up by.

use core::hash::{Hash, Hasher};
use std::net::Ipv4Addr;

use wire::{Address, FiveTuple, Port, Protocol};

use crate::Side;
use crate::service::ServerId;

/// A five-tuple and the side on which it arrives. The side is part of the key, so
/// that a packet which forges the other side's addresses meets no connection.
///
/// For IPv4 two words: the addresses, and everything else. So a key is loaded, compared
/// and hashed.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Key<A> {
    source: A,
    destination: A,
    /// From the lowest bit: 16 each of source and destination port as they are on the
    /// wire, 8 of the protocol's number, 7 of the side's, 17 that no packet's key has.
    tail: u64,
}

const DESTINATION_PORT: u32 = 16;
const PROTOCOL: u32 = 32;
const SIDE: u32 = 40;
const SERVER: u32 = 47;
const SIDE_MASK: u8 = (1 << (SERVER - SIDE)) - 1;

// A server's number and one.
const _: () = assert!(SERVER + ServerId::BITS == u64::BITS);

impl<A: Address> PartialEq for Key<A> {
    /// All fields at once: seen one by one, there would be a branch on each.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        (self.source == other.source)
            & (self.destination == other.destination)
            & (self.tail == other.tail)
    }
}

impl<A: Address> Eq for Key<A> {}

impl<A: Address> Hash for Key<A> {
    /// Gives the hasher every bit of the key. Nothing is folded before that:
    /// keys which became equal there would stay equal whatever the hasher's seed.
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [source, destination] = [self.source.words(), self.destination.words()];
        if size_of::<A>() == size_of::<Ipv4Addr>() {
            // Both addresses fit into a word, so that one write takes the whole key.
            let addresses = source.0 | destination.0 << 32;
            state.write_u128(u128::from(addresses) | u128::from(self.tail) << 64);
        } else {
            for (low, high) in [source, destination] {
                state.write_u128(u128::from(low) | u128::from(high) << 64);
            }
            state.write_u64(self.tail);
        }
    }
}

impl<A: Address> Key<A> {
    /// A key that no connection has: its protocol is none that is translated.
    pub const EMPTY: Key<A> = Key { source: A::UNSPECIFIED, destination: A::UNSPECIFIED, tail: 0 };

    /// The key of a packet with this tuple that arrives on `side`.
    #[inline(always)]
    pub const fn new(tuple: FiveTuple<A>, side: Side) -> Self {
        let FiveTuple { source, destination, source_port, destination_port, protocol } = tuple;
        let tail = (source_port.raw() as u64)
            | (destination_port.raw() as u64) << DESTINATION_PORT
            | (protocol.number() as u64) << PROTOCOL
            | (side.index() as u64) << SIDE;
        Key { source, destination, tail }
    }

    /// The tuple without the side.
    #[inline(always)]
    pub const fn tuple(&self) -> FiveTuple<A> {
        FiveTuple {
            source: self.source,
            destination: self.destination,
            source_port: Port::from_raw(self.tail as u16),
            destination_port: Port::from_raw((self.tail >> DESTINATION_PORT) as u16),
            protocol: self.protocol(),
        }
    }

    /// A key that no packet has, with the same tuple: for the client of a flow that only its
    /// server's packets are to meet. Each server has another one.
    #[must_use]
    pub(crate) const fn of_one_packet(self, server: ServerId) -> Self {
        let tail = self.tail | (server.index() as u64 + 1) << SERVER;
        Key { tail, ..self }
    }

    /// True for such a key.
    #[inline(always)]
    pub(crate) const fn is_of_one_packet(&self) -> bool {
        self.tail >> SERVER != 0
    }

    /// True if such packets arrive there.
    #[inline(always)]
    pub(crate) const fn is_of(&self, side: Side) -> bool {
        (self.tail >> SIDE) as u8 & SIDE_MASK == side as u8
    }

    /// Where such packets arrive.
    #[inline(always)]
    pub const fn side(&self) -> Side {
        if (self.tail >> SIDE) as u8 & SIDE_MASK == Side::Public as u8 {
            Side::Public
        } else {
            Side::Private
        }
    }

    /// Protocol of the flow.
    #[inline(always)]
    pub const fn protocol(&self) -> Protocol {
        const TCP: u8 = Protocol::Tcp.number();
        const UDP: u8 = Protocol::Udp.number();
        match (self.tail >> PROTOCOL) as u8 {
            TCP => Protocol::Tcp,
            UDP => Protocol::Udp,
            _ => Protocol::Icmp,
        }
    }

    /// True for [`Key::EMPTY`] alone.
    #[inline(always)]
    pub(crate) const fn is_nobody(&self) -> bool {
        self.tail == 0
    }

    /// Everything but the addresses.
    #[inline(always)]
    pub(crate) const fn tail(&self) -> u64 {
        self.tail
    }
}

impl Key<Ipv4Addr> {
    /// Source and destination as they lie in memory, in one word, the source's octets first.
    #[inline(always)]
    pub(crate) fn addresses(&self) -> u64 {
        self.source.words().0 | self.destination.words().0 << 32
    }

    /// Both addresses as they stand in a packet of the opposite flow.
    #[inline(always)]
    pub(crate) const fn reversed_addresses(&self) -> [u8; 8] {
        let ([a, b, c, d], [e, f, g, h]) = (self.source.octets(), self.destination.octets());
        // One load, exchanged in a register.
        u64::from_ne_bytes([a, b, c, d, e, f, g, h]).rotate_left(32).to_ne_bytes()
    }

    /// Both ports as they stand in a packet of the opposite flow.
    #[inline(always)]
    pub(crate) const fn reversed_ports(&self) -> [u8; 4] {
        let ports = self.tail as u32;
        if cfg!(target_endian = "little") { ports.rotate_left(16) } else { ports }.to_ne_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_opposite_flow_carries_is_the_reversed_tuple() {
        let tuple = FiveTuple {
            source: Ipv4Addr::new(198, 51, 100, 7),
            destination: Ipv4Addr::new(10, 1, 2, 3),
            source_port: Port::new(40_001),
            destination_port: Port::new(80),
            protocol: Protocol::Udp,
        };
        for side in Side::ALL {
            let key = Key::new(tuple, side);
            let reversed = tuple.reversed();
            let octets = [reversed.source.octets(), reversed.destination.octets()].concat();
            assert_eq!(key.reversed_addresses()[..], octets);
            let ports = [reversed.source_port.to_bytes(), reversed.destination_port.to_bytes()];
            assert_eq!(key.reversed_ports()[..], ports.concat());
            assert!(key.is_of(side) && !key.is_of(side.other()));
        }
    }
}
