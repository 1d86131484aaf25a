//! Fragments: the later ones go the way of the first, in whatever order they come.
//!
//! Only the first fragment has ports. Its translation is remembered for those that
//! follow; those that come before it are held. Both are bounded, per datagram and in
//! all, and everything is allocated at the start.
//!
//! A datagram is *decided* once its first fragment was seen. The decided ones make room
//! for newer datagrams, the oldest first, so that their number is no limit to how many
//! pass in a second. Those that wait for their first fragment take half of the places at
//! the most, and leave after a timeout; when there are too many the newcomer is refused.
//! So a flood of fragments without a first one stops neither datagrams in order, nor
//! those that wait already.
//!
//! Nothing is put together here. A first fragment may come twice: what was decided about it
//! stays known, so that the copy gets the same translation and identification (RFC 6864
//! section 4.3). Senders use identifications again, too, so this holds for as long as a
//! datagram is remembered, counted from the decision, and the caller looks whether the
//! translation is the same.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use ahash::RandomState;
use wire::Address;

use crate::Side;
use crate::time::{Instant, Seconds};

/// Fragments of one datagram that are held before its first comes: a datagram of
/// 64 KiB in frames of 1,500 bytes has 45.
pub const HELD_PER_DATAGRAM: usize = 48;

/// What the fragments of a datagram have in common (RFC 791), and where they come in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key<A> {
    /// Sender's address.
    pub source: A,
    /// Receiver's address.
    pub destination: A,
    /// Number of the IP protocol.
    pub protocol: u8,
    /// Identification of the datagram.
    pub identification: u32,
    /// The side on which they arrive.
    pub side: Side,
}

/// Why a fragment was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Too many datagrams at a time.
    Table,
    /// Too many fragments held, of this datagram or of all.
    Held,
}

/// What becomes of a later fragment.
#[derive(PartialEq, Eq, Debug)]
pub enum Later<V, P> {
    /// The first one has been seen: send it this way.
    Known(V, P),
    /// It is held until the first one comes.
    Held,
    /// There is no room.
    Refused(P, Refusal),
}

const NONE: u32 = u32::MAX;

struct Datagram<A, V> {
    key: Option<Key<A>>,
    verdict: Option<V>,
    since: Instant,
    /// When the verdict was new; of no meaning without one.
    decided: Instant,
    /// First of the chain of held fragments, and its length.
    held: u32,
    count: u16,
}

struct Cell<P> {
    packet: Option<P>,
    next: u32,
}

/// The held fragments of a datagram whose verdict is known now; see
/// [`Tracker::next_held`].
#[derive(Debug)]
pub struct Held(u32);

/// The datagrams on their way through one worker. `P` is a packet, `V` what was decided
/// about its first fragment.
pub struct Tracker<A, P, V> {
    datagrams: Vec<Datagram<A, V>>,
    by_key: HashMap<Key<A>, u32, RandomState>,
    free: Vec<u32>,
    cells: Vec<Cell<P>>,
    free_cells: u32,
    timeout: Seconds,
    /// Datagrams that wait for their first fragment.
    undecided: usize,
    /// Where the next look for old datagrams begins.
    hand: usize,
    /// Where the next look for a decided datagram to push out begins.
    oldest: usize,
}

/// Places that a search for a decided datagram looks at.
const SEARCH: usize = 64;

impl<A: Address, P, V: Copy + PartialEq> Tracker<A, P, V> {
    /// Room for so many datagrams and held fragments; each datagram is forgotten after
    /// `timeout`.
    pub fn new(datagrams: usize, held: usize, timeout: Seconds) -> Self {
        let epoch = Instant::from_millis(0);
        let empty = || Datagram {
            key: None,
            verdict: None,
            since: epoch,
            decided: epoch,
            held: NONE,
            count: 0,
        };
        Tracker {
            datagrams: (0..datagrams).map(|_| empty()).collect(),
            // A map at half its room never grows, whatever comes and goes.
            by_key: HashMap::with_capacity_and_hasher(datagrams * 2, RandomState::new()),
            free: (0..datagrams as u32).rev().collect(),
            cells: (1..=held as u32)
                .map(|n| Cell { packet: None, next: if n == held as u32 { NONE } else { n } })
                .collect(),
            free_cells: if held == 0 { NONE } else { 0 },
            timeout,
            undecided: 0,
            hand: 0,
            oldest: 0,
        }
    }

    /// Forgets datagrams after another time from now on.
    pub fn set_timeout(&mut self, timeout: Seconds) {
        self.timeout = timeout;
    }

    /// Datagrams on their way.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// True when none is.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The place of a datagram, a new one if it is not known.
    fn datagram(&mut self, key: Key<A>, now: Instant) -> Option<u32> {
        if let Some(&at) = self.by_key.get(&key) {
            return Some(at);
        }
        let at = self.free.pop().or_else(|| self.push_out())?;
        if let Some(datagram) = self.datagrams.get_mut(at as usize) {
            *datagram = Datagram {
                key: Some(key),
                verdict: None,
                since: now,
                decided: now,
                held: NONE,
                count: 0,
            };
        }
        self.by_key.insert(key, at);
        self.undecided += 1;
        Some(at)
    }

    /// Frees the place of the oldest decided datagram. Places are given out in the order
    /// in which they are pushed out, so the search nearly always ends where it begins.
    fn push_out(&mut self) -> Option<u32> {
        for _ in 0..SEARCH.min(self.datagrams.len()) {
            let at = self.oldest;
            self.oldest = (self.oldest + 1) % self.datagrams.len();
            let datagram = self.datagrams.get_mut(at)?;
            if datagram.verdict.is_some() {
                let key = datagram.key.take()?;
                self.by_key.remove(&key);
                return Some(at as u32);
            }
        }
        None
    }

    /// What was decided about the first fragment of a datagram that is on its way.
    pub fn decided(&self, key: &Key<A>, now: Instant) -> Option<V> {
        let datagram = self.datagrams.get(*self.by_key.get(key)? as usize)?;
        datagram.verdict.filter(|_| now.since(datagram.decided) < self.timeout.millis())
    }

    /// Remembers what was decided about a first fragment, and gives out the fragments
    /// that came before it, in the order in which they came.
    ///
    /// # Errors
    ///
    /// [`Refusal::Table`]: later fragments will not find their way.
    pub fn first(&mut self, key: Key<A>, now: Instant, verdict: V) -> Result<Held, Refusal> {
        let at = self.datagram(key, now).ok_or(Refusal::Table)?;
        let Some(datagram) = self.datagrams.get_mut(at as usize) else {
            return Err(Refusal::Table);
        };
        let before = datagram.verdict.replace(verdict);
        if before.is_none() {
            self.undecided -= 1;
        }
        if before != Some(verdict) {
            datagram.decided = now;
        }
        datagram.since = now;
        datagram.count = 0;
        let held = core::mem::replace(&mut datagram.held, NONE);
        Ok(Held(self.reversed(held)))
    }

    /// Chains grow at their head; this turns one round.
    fn reversed(&mut self, mut chain: u32) -> u32 {
        let mut turned = NONE;
        while let Some(cell) = self.cells.get_mut(chain as usize) {
            (chain, cell.next, turned) = (cell.next, turned, chain);
        }
        turned
    }

    /// The next of the held fragments.
    pub fn next_held(&mut self, held: &mut Held) -> Option<P> {
        let at = held.0;
        let cell = self.cells.get_mut(at as usize)?;
        held.0 = cell.next;
        cell.next = self.free_cells;
        self.free_cells = at;
        cell.packet.take()
    }

    /// Takes a fragment that is not the first.
    pub fn later(&mut self, key: Key<A>, packet: P, now: Instant) -> Later<V, P> {
        let crowded = self.undecided >= self.datagrams.len().div_ceil(2);
        if crowded && !self.by_key.contains_key(&key) {
            return Later::Refused(packet, Refusal::Table);
        }
        let Some(at) = self.datagram(key, now) else {
            return Later::Refused(packet, Refusal::Table);
        };
        let Some(datagram) = self.datagrams.get_mut(at as usize) else {
            return Later::Refused(packet, Refusal::Table);
        };
        if let Some(verdict) = datagram.verdict {
            return Later::Known(verdict, packet);
        }
        let cell = self.cells.get_mut(self.free_cells as usize);
        match cell.filter(|_| usize::from(datagram.count) < HELD_PER_DATAGRAM) {
            Some(cell) => {
                let number = self.free_cells;
                self.free_cells = cell.next;
                cell.packet = Some(packet);
                cell.next = datagram.held;
                datagram.held = number;
                datagram.count += 1;
                Later::Held
            }
            None => Later::Refused(packet, Refusal::Held),
        }
    }

    /// Looks at `budget` places for datagrams whose time is over, and gives the
    /// fragments held for them to `expired`.
    pub fn expire(&mut self, now: Instant, budget: usize, mut expired: impl FnMut(P)) {
        if self.by_key.is_empty() {
            return;
        }
        for _ in 0..budget.min(self.datagrams.len()) {
            let at = self.hand;
            self.hand = (self.hand + 1) % self.datagrams.len();
            let Some(datagram) = self.datagrams.get_mut(at) else { return };
            let Some(key) = datagram.key else { continue };
            if now.since(datagram.since) < self.timeout.millis() {
                continue;
            }
            datagram.key = None;
            if datagram.verdict.is_none() {
                self.undecided -= 1;
            }
            let mut held = Held(core::mem::replace(&mut datagram.held, NONE));
            self.by_key.remove(&key);
            self.free.push(at as u32);
            while let Some(packet) = self.next_held(&mut held) {
                expired(packet);
            }
        }
    }

    /// A number from a key that only this tracker could make; for tests of the hash.
    #[cfg(test)]
    fn hash(&self, key: &Key<A>) -> u64 {
        self.by_key.hasher().hash_one(key)
    }
}
