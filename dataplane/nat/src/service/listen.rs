//! Where services listen.

use wire::{Port, Protocol};

/// An endpoint: where clients reach a service, or where a server serves. Look-ups by it go
/// through [`super::Services`] alone, so that ranges of ports have one place to be added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Listen<A> {
    /// The address: a virtual IP, for a service.
    pub address: A,
    /// The port.
    pub port: Port,
    /// TCP or UDP.
    pub protocol: Protocol,
}
