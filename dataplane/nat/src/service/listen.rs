//! Where services listen.

use core::ops::RangeInclusive;

use wire::{Port, Protocol};

/// One port of an address, over one protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Endpoint<A> {
    /// The address.
    pub address: A,
    /// The port.
    pub port: Port,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// Where clients reach a service: a port, or all ports of a range. Look-ups by it go through
/// [`super::Services`] alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Listen<A> {
    /// A virtual IP.
    pub address: A,
    /// The port, or the first one.
    pub port: Port,
    /// The last port, which is the same without a range.
    pub last: Port,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl<A: Copy> Listen<A> {
    /// One port.
    pub const fn at(address: A, port: Port, protocol: Protocol) -> Self {
        Listen { address, port, last: port, protocol }
    }

    /// All its ports.
    pub fn ports(&self) -> RangeInclusive<u16> {
        self.port.number()..=self.last.number()
    }

    /// The only port; none of a range.
    pub(super) fn single(&self) -> Option<Endpoint<A>> {
        (self.port == self.last).then(|| self.first())
    }

    /// The first port, or the only one.
    pub const fn first(&self) -> Endpoint<A> {
        Endpoint { address: self.address, port: self.port, protocol: self.protocol }
    }

    /// True if every port of the other is one of these.
    pub fn covers(&self, other: &Listen<A>) -> bool
    where
        A: PartialEq,
    {
        (self.address, self.protocol) == (other.address, other.protocol)
            && self.port.number() <= other.port.number()
            && other.last.number() <= self.last.number()
    }
}
