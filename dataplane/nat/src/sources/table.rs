//! What each client of one worker has: a table with linear probing, made once.
//!
//! A client is in it while it has a connection, so it needs no more room than there are
//! connections. An entry that goes leaves no mark: those behind it move up.
//!
//! What a client has opened in the last second outlives its last connection, or whoever closes each one
//! before the next would open as many as he likes: a cache has the clients that have left.

use ahash::RandomState;
use wire::Address;

use super::Count;
use crate::time::Instant;

/// A thousandth of a connection: what tokens are counted in.
const CONNECTION: u32 = 1000;
/// The most clients that have left and are remembered.
const DEPARTED: usize = 1 << 14;

#[derive(Clone, Copy, Debug)]
struct Entry<A> {
    /// [`Address::UNSPECIFIED`] marks a free one: no packet comes from there.
    client: A,
    connections: u32,
    half_open: u32,
    /// What it may still open, in thousandths of a connection, at the time `at` in milliseconds.
    tokens: u32,
    at: u32,
}

impl<A: Address> Entry<A> {
    const FREE: Self = Entry {
        client: A::UNSPECIFIED,
        connections: 0,
        half_open: 0,
        // As much as any rate gives.
        tokens: u32::MAX,
        at: 0,
    };

    /// Its tokens by now, at so many connections a second; no more than those of one second.
    fn tokens(&self, rate: u32, now: Instant) -> u32 {
        let passed = (now.millis() as u32).wrapping_sub(self.at);
        let most = u64::from(rate) * u64::from(CONNECTION);
        (u64::from(self.tokens) + u64::from(passed) * u64::from(rate)).min(most) as u32
    }
}

pub(super) struct Table<A> {
    entries: Vec<Entry<A>>,
    /// Clients without a connection that were limited in what they open, by their hash.
    departed: Vec<Entry<A>>,
    hasher: RandomState,
}

impl<A: Address> Table<A> {
    /// Room for so many clients.
    pub(super) fn with_room_for(clients: usize) -> Self {
        // A fifth stays free, so that searches end soon.
        let entries = if clients == 0 { 0 } else { clients + clients / 4 + 1 };
        let departed = entries.min(DEPARTED);
        let free = |count| vec![Entry::FREE; count];
        let hasher = RandomState::new();
        Table { entries: free(entries), departed: free(departed), hasher }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.entries.as_slice()) + size_of_val(self.departed.as_slice())
    }

    /// The place of a client among so many.
    fn place(&self, client: A, places: usize) -> usize {
        let hash = self.hasher.hash_one(client);
        ((u128::from(hash) * places as u128) >> 64) as usize
    }

    /// Where the search for a client begins.
    fn home(&self, client: A) -> usize {
        self.place(client, self.entries.len())
    }

    /// What is remembered of a client that has left.
    fn departed(&self, client: A) -> Option<&Entry<A>> {
        let entry = self.departed.get(self.place(client, self.departed.len()));
        entry.filter(|entry| entry.client == client)
    }

    /// Remembers a client that leaves, in the place of whoever was there. Nobody outside can choose
    /// addresses that meet.
    fn remember(&mut self, entry: Entry<A>) {
        let is_limited = entry.tokens != Entry::<A>::FREE.tokens;
        let at = self.place(entry.client, self.departed.len());
        if let Some(place) = self.departed.get_mut(at).filter(|_| is_limited) {
            *place = entry;
        }
    }

    fn next(&self, at: usize) -> usize {
        if at + 1 < self.entries.len() { at + 1 } else { 0 }
    }

    /// The place of a client, or the free one where it belongs.
    fn find(&self, client: A) -> Option<usize> {
        let mut at = self.home(client);
        for _ in 0..self.entries.len() {
            let entry = self.entries.get(at)?;
            if entry.client == client || entry.client == A::UNSPECIFIED {
                return Some(at);
            }
            at = self.next(at);
        }
        None
    }

    fn get(&self, client: A) -> Option<&Entry<A>> {
        self.entries.get(self.find(client)?).filter(|entry| entry.client == client)
    }

    pub(super) fn count(&self, client: A, rate: Option<u32>, now: Instant) -> Count {
        let known = self.get(client).or_else(|| self.departed(client));
        let Some(entry) = known else { return Count::default() };
        Count {
            connections: entry.connections,
            half_open: entry.half_open,
            is_too_fast: rate.is_some_and(|rate| entry.tokens(rate, now) < CONNECTION),
        }
    }

    pub(super) fn opened(
        &mut self,
        client: A,
        is_half_open: bool,
        rate: Option<u32>,
        now: Instant,
    ) {
        let at = self.find(client);
        let before = self.departed(client).copied();
        let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) else { return };
        if let Some(before) = before.filter(|_| entry.client != client) {
            *entry = before;
        }
        entry.client = client;
        entry.connections += 1;
        entry.half_open += u32::from(is_half_open);
        if let Some(rate) = rate {
            entry.tokens = entry.tokens(rate, now).saturating_sub(CONNECTION);
            entry.at = now.millis() as u32;
        }
    }

    pub(super) fn changed(&mut self, client: A, is_half_open: bool) {
        let at = self.find(client);
        let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) else { return };
        entry.half_open = match is_half_open {
            true => entry.half_open + 1,
            false => entry.half_open.saturating_sub(1),
        };
    }

    pub(super) fn closed(&mut self, client: A, was_half_open: bool) {
        let Some(at) = self.find(client) else { return };
        let Some(entry) = self.entries.get_mut(at).filter(|entry| entry.client == client) else {
            return;
        };
        entry.connections = entry.connections.saturating_sub(1);
        entry.half_open = entry.half_open.saturating_sub(u32::from(was_half_open));
        if entry.connections == 0 {
            let left = *entry;
            self.remember(left);
            self.remove(at);
        }
    }

    /// Frees a place, and moves those up that a search would not find any more.
    fn remove(&mut self, mut hole: usize) {
        let mut at = self.next(hole);
        loop {
            let Some(entry) = self.entries.get(at).copied() else { return };
            if entry.client == A::UNSPECIFIED {
                break;
            }
            let home = self.home(entry.client);
            // It stays if its search begins behind the hole, up to itself.
            let stays = match hole <= at {
                true => hole < home && home <= at,
                false => hole < home || home <= at,
            };
            if !stays {
                if let Some(to) = self.entries.get_mut(hole) {
                    *to = entry;
                }
                hole = at;
            }
            at = self.next(at);
            if at == hole {
                break;
            }
        }
        if let Some(entry) = self.entries.get_mut(hole) {
            *entry = Entry::FREE;
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.client != A::UNSPECIFIED).count()
    }
}
