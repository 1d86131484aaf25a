//! The five-tuple that names a flow in one direction.

use core::fmt;
use std::net::IpAddr;

use crate::{Address, Port, Protocol};

/// One direction of a flow, as the packet says it. For an ICMP query the
/// identifier stands where the asking side's port would, and the other port is
/// zero, so that a reply is the reversed request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FiveTuple<A> {
    /// Sender's address.
    pub source: A,
    /// Receiver's address.
    pub destination: A,
    /// Sender's port.
    pub source_port: Port,
    /// Receiver's port.
    pub destination_port: Port,
    /// Protocol of both.
    pub protocol: Protocol,
}

impl<A: Address> FiveTuple<A> {
    /// The same flow seen from its other end.
    #[inline(always)]
    #[must_use]
    pub fn reversed(self) -> Self {
        FiveTuple {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            protocol: self.protocol,
        }
    }
}

impl<A: Address> fmt::Display for FiveTuple<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |address: A, port| match address.into() {
            IpAddr::V4(ip) => format!("{ip}:{port}"),
            IpAddr::V6(ip) => format!("[{ip}]:{port}"),
        };
        write!(
            f,
            "{} {} > {}",
            self.protocol,
            end(self.source, self.source_port),
            end(self.destination, self.destination_port)
        )
    }
}
