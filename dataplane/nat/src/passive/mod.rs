//! Passive checks: what clients' connections tell about real servers.
//!
//! ```text
//!   SYN goes to a server  --> a reset or ICMP unreachable about it comes back  --> failed
//!                         --> nothing comes back for a second (openings)       --> failed
//!                         --> SYN and ACK come back                            --> answered
//!
//!   trusted --- three distinct clients failed within 10 s, and the server answered nobody
//!      ^        in between ---> suspect: avoided for new connections (service::Weights)
//!      |                           |
//!      |                           '--- the holder lets one connection try it after 10 s,
//!      |                                20 s, 40 s, ... (holder)
//!      '--- control says so after a check of its own, or the server answers a SYN that was
//!           sent after it became suspect
//! ```
//!
//! A suspect is avoided and never down: the active check decides that. Nothing of this is done
//! for a packet of an open connection. Workers see different clients and must count together;
//! what they share ([`Suspects`]) is written only when a client fails. When a server last
//! answered, each worker writes for itself, once for each connection that opens.

mod failures;
mod holder;
mod observer;
mod openings;
#[cfg(test)]
mod tests;

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

use ahash::RandomState;
use wire::Address;

pub use holder::Holder;
pub use observer::Observer;

use crate::memory;
use crate::service::{Cause, MAXIMUM_SERVERS, ServerId, Weights};
use crate::time::Instant;
use failures::{Client, Failures, Next};

/// So many distinct clients make a server suspect.
const CLIENTS: usize = 3;
/// They fail within so many milliseconds.
const WINDOW: u32 = 10_000;

/// A time for each server, in milliseconds.
#[derive(Debug)]
struct Times(Box<[AtomicU64]>);

impl Default for Times {
    fn default() -> Self {
        Times(memory::zeroed(MAXIMUM_SERVERS))
    }
}

impl Times {
    #[inline(always)]
    fn set(&self, server: ServerId, at: Instant) {
        if let Some(place) = self.0.get(server.index()) {
            place.store(at.millis(), Relaxed);
        }
    }

    fn get(&self, server: ServerId) -> Instant {
        Instant::from_millis(self.0.get(server.index()).map_or(0, |place| place.load(Relaxed)))
    }
}

/// What all workers together know of failing servers.
#[derive(Debug)]
pub struct Suspects {
    weights: Arc<Weights>,
    /// The clients that failed lately at each server, as [`Failures`].
    failures: Box<[AtomicU64]>,
    /// When a server became suspect.
    began: Times,
    /// When each worker saw a server answer a SYN last.
    answered: Box<[Times]>,
    /// Nobody outside can choose addresses that look like one client, or like three.
    clients: RandomState,
}

impl Suspects {
    /// For the servers with these weights and this many workers.
    pub fn new(weights: Arc<Weights>, workers: usize) -> Self {
        Suspects {
            weights,
            failures: memory::zeroed(MAXIMUM_SERVERS),
            began: Times::default(),
            answered: (0..workers).map(|_| Times::default()).collect(),
            clients: RandomState::new(),
        }
    }

    /// The weights and flags of the servers.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// When the server became suspect last.
    pub fn began(&self, server: ServerId) -> Instant {
        self.began.get(server)
    }

    fn client<A: Address>(&self, address: A) -> Client {
        Client::new(self.clients.hash_one(address.words()))
    }

    /// When any worker saw the server answer last.
    fn last_answer(&self, server: ServerId) -> Instant {
        let answers = self.answered.iter().map(|times| times.get(server));
        answers.max().unwrap_or_default()
    }

    /// A client's connection, which was asked for at `asked`, failed at the server. True if that
    /// makes the server suspect.
    fn failed(
        &self,
        server: ServerId,
        client: Client,
        cause: Cause,
        asked: Instant,
        now: Instant,
    ) -> bool {
        let Some(word) = self.failures.get(server.index()) else { return false };
        let answered = self.last_answer(server);
        if answered > asked || self.weights.state(server).is_suspect() {
            return false;
        }
        let mut seen = word.load(Relaxed);
        loop {
            let next = Failures::from_bits(seen).with(client, answered, now);
            let (bits, is_third) = match next {
                Next::Counted(failures) => (failures.bits(), false),
                Next::Suspect => (0, true),
            };
            match word.compare_exchange_weak(seen, bits, Relaxed, Relaxed) {
                // In this order: whoever sees the flag sees since when.
                Ok(_) if is_third => {
                    self.began.set(server, now);
                    return self.weights.suspect(server, cause);
                }
                Ok(_) => return false,
                Err(other) => seen = other,
            }
        }
    }

    /// The server answered a SYN that was sent at `asked`, on this worker.
    #[inline]
    fn answered(&self, worker: usize, server: ServerId, asked: Instant, now: Instant) {
        let Some(times) = self.answered.get(worker) else { return };
        times.set(server, now);
        if self.weights.state(server).is_suspect() {
            self.redeem(server, asked);
        }
    }

    #[cold]
    fn redeem(&self, server: ServerId, asked: Instant) {
        if asked >= self.began.get(server) {
            self.weights.trust(server);
        }
    }
}
