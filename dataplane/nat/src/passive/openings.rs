//! SYNs that went to servers and may not have been answered: a sample, in a ring of fixed size.
//!
//! A timer wheel with ticks of a second says too late that an answer is missing. Every SYN waits
//! for the same time, so a ring in the order of time does.

use super::failures::Client;
use crate::record::ConnectionId;
use crate::service::{MAXIMUM_SERVERS, ServerId};
use crate::time::Instant;

/// Openings of all servers that one worker waits for.
const ROOM: usize = 8192;
/// The same of one server: a flood at one takes no room from the others.
const PER_SERVER: u8 = 8;
/// A SYN that was not answered for so many milliseconds failed. Hosts send it again then
/// (RFC 6298 section 2).
const PATIENCE: u64 = 1000;
/// After a longer time without a look, answers may wait in queues: nothing is known then.
const PAUSE: u64 = 200;

/// A connection that a client asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) at: Instant,
    pub(super) id: ConnectionId,
    pub(super) server: ServerId,
    pub(super) client: Client,
}

/// The openings that one worker waits for.
#[derive(Debug, Default)]
pub(super) struct Openings {
    /// In the order of time, from `next` on, `len` of them.
    ring: Box<[Option<Opening>]>,
    next: usize,
    len: usize,
    /// How many of them are each server's.
    waiting: Box<[u8]>,
    looked: Instant,
}

impl Openings {
    pub(super) fn new() -> Self {
        Openings {
            ring: vec![None; ROOM].into(),
            waiting: vec![0; MAXIMUM_SERVERS].into(),
            ..Openings::default()
        }
    }

    /// Waits for the answer to a SYN, if there is room.
    #[inline]
    pub(super) fn push(&mut self, opening: Opening) {
        let Some(waiting) = self.waiting.get_mut(opening.server.index()) else { return };
        if *waiting >= PER_SERVER || self.len >= self.ring.len() {
            return;
        }
        let at = (self.next + self.len) % self.ring.len();
        if let Some(place) = self.ring.get_mut(at) {
            *place = Some(opening);
            *waiting += 1;
            self.len += 1;
        }
    }

    /// True if the oldest has waited for long enough, or the ring must be emptied. To be asked
    /// in each poll.
    #[inline(always)]
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let gap = now.since(self.looked);
        self.looked = now;
        if self.len == 0 {
            return false;
        }
        if gap > PAUSE {
            self.clear();
            return false;
        }
        self.ring
            .get(self.next)
            .is_some_and(|oldest| oldest.is_none_or(|oldest| now.since(oldest.at) >= PATIENCE))
    }

    #[cold]
    fn clear(&mut self) {
        while self.pop().is_some() {}
    }

    /// Takes the oldest out.
    pub(super) fn pop(&mut self) -> Option<Opening> {
        let opening = self.ring.get_mut(self.next)?.take()?;
        self.next = (self.next + 1) % self.ring.len();
        self.len = self.len.saturating_sub(1);
        if let Some(waiting) = self.waiting.get_mut(opening.server.index()) {
            *waiting = waiting.saturating_sub(1);
        }
        Some(opening)
    }
}
