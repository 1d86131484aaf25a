//! The clients that failed at a server: one word, so that workers count together without a
//! lock.

use super::{CLIENTS, WINDOW};
use crate::time::{Instant, Stamp};

/// A hash of a client's address, never zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Client(u16);

impl Client {
    pub(super) fn new(hash: u64) -> Self {
        Client(((hash >> 48) as u16).max(1))
    }
}

/// Up to two clients, and when the first of them failed.
///
/// ```text
/// | first client (16) | second client (16) | time of the first (32) |
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Failures {
    clients: [u16; CLIENTS - 1],
    first: Stamp,
}

/// What one more failure makes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Too few clients yet.
    Counted(Failures),
    /// Enough.
    Suspect,
}

impl Failures {
    pub(super) fn from_bits(bits: u64) -> Self {
        let clients = [(bits >> 48) as u16, (bits >> 32) as u16];
        Failures { clients, first: Stamp::from_bits(bits as u32) }
    }

    pub(super) fn bits(self) -> u64 {
        let [first, second] = self.clients.map(u64::from);
        first << 48 | second << 32 | u64::from(self.first.bits())
    }

    /// One more failure, at a server that answered somebody last at `answered`.
    pub(super) fn with(self, Client(client): Client, answered: Instant, now: Instant) -> Next {
        let age = now.age(self.first);
        let first = now.millis().saturating_sub(u64::from(age));
        let [one, two] = self.clients;
        let is_over = one == 0 || age > WINDOW || answered.millis() > first;
        match self.clients {
            _ if is_over => Next::Counted(Failures { clients: [client, 0], first: now.stamp() }),
            _ if one == client || two == client => Next::Counted(self),
            [_, 0] => Next::Counted(Failures { clients: [one, client], ..self }),
            _ => Next::Suspect,
        }
    }
}
