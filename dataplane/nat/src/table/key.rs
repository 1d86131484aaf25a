//! What a packet is looked up by.

use core::hash::{Hash, Hasher};

use wire::{Address, FiveTuple, Port, Protocol};

use crate::Side;

/// A five-tuple and the side on which it arrives. The side is part of the key, so
/// that a packet which forges the other side's addresses meets no connection.
///
/// The fields stand in the order of the IPv4 header and the ports behind it: a key is
/// loaded, compared and hashed as three words.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Key<A> {
    source: A,
    destination: A,
    source_port: Port,
    destination_port: Port,
    protocol: Protocol,
    side: Side,
}

impl<A: Address> PartialEq for Key<A> {
    /// All fields at once: a compiler that sees them one by one branches on each.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        (self.source == other.source)
            & (self.destination == other.destination)
            & (self.tail() == other.tail())
    }
}

impl<A: Address> Eq for Key<A> {}

impl<A: Address> Hash for Key<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tuple().hash(state);
        self.side.hash(state);
    }
}

impl<A: Address> Key<A> {
    /// The key of a packet with this tuple that arrives on `side`.
    #[inline(always)]
    pub const fn new(tuple: FiveTuple<A>, side: Side) -> Self {
        let FiveTuple { source, destination, source_port, destination_port, protocol } = tuple;
        Key { source, destination, source_port, destination_port, protocol, side }
    }

    /// The tuple without the side.
    #[inline(always)]
    pub const fn tuple(&self) -> FiveTuple<A> {
        FiveTuple {
            source: self.source,
            destination: self.destination,
            source_port: self.source_port,
            destination_port: self.destination_port,
            protocol: self.protocol,
        }
    }

    /// Where such packets arrive.
    #[inline(always)]
    pub const fn side(&self) -> Side {
        self.side
    }

    /// Protocol of the flow.
    #[inline(always)]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Ports, protocol and side in one word.
    #[inline(always)]
    pub(super) const fn tail(&self) -> u64 {
        (self.source_port.raw() as u64)
            | (self.destination_port.raw() as u64) << 16
            | (self.protocol as u64) << 32
            | (self.side as u64) << 40
    }

    /// The addresses in two words; the second is zero for IPv4.
    #[inline(always)]
    pub(super) fn head(&self) -> (u64, u64) {
        let (source_low, source_high) = self.source.words();
        let (destination_low, destination_high) = self.destination.words();
        // 32-bit halves side by side for IPv4; for IPv6 all 256 bits take part.
        (
            source_low | destination_low.rotate_left(32),
            source_high ^ destination_high.rotate_left(32),
        )
    }
}
