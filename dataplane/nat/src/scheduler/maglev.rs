//! Maglev's table: clients to servers, evenly, and nearly the same when servers change
//! (Eisenbud et al., "Maglev: A fast and reliable software network load balancer", NSDI 2016,
//! section 3.4).
//!
//! Each server has an order of its own in which it wants the table's places, and servers take
//! places in turn until none is left. Here a server has turns in proportion to its weight,
//! evenly in time: the first at once and the one number k at (k + 1/2) / weight. So shares are
//! exact to a place, whatever the weights, and every server has a place.
//!
//! The order of the list does not matter, nor what the table was before: machines with the same
//! key and the same servers have the same table.

use wire::{Address, Port};

use super::ClientKey;
use super::siphash::{mix, scale};

/// A server for the table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Member<A> {
    /// Its address.
    pub address: A,
    /// Its port.
    pub port: Port,
    /// Its weight in the configuration, at least 1 here: a server that gets nothing for now
    /// keeps its places.
    pub weight: u32,
}

/// The table of one service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Maglev {
    /// The server's place in the list, for each place of the table.
    places: Box<[u16]>,
    digest: u64,
}

/// A server while the table is made.
struct Turn {
    at: u16,
    /// The place that it wants next, and how far the one after that is.
    place: u32,
    skip: u32,
    weight: u64,
    taken: u64,
    next: u16,
}

/// No server.
const NOBODY: u16 = u16::MAX;

impl Maglev {
    /// The table of these servers, of which there are fewer than 65,535, with so many places, a
    /// prime number.
    pub fn new<A: Address>(members: &[Member<A>], size: u32, key: ClientKey) -> Self {
        let mut turns = turns(members, size, key);
        let mut places = vec![NOBODY; size as usize].into_boxed_slice();
        take_turns(&mut turns, &mut places);
        let digest = digest(&places, members, key);
        Maglev { places, digest }
    }

    /// The place of a client's server in the list, by the client's hash. `None` if there is no
    /// server.
    #[inline(always)]
    pub fn choose(&self, hash: u64) -> Option<usize> {
        let at = *self.places.get(scale(hash, self.places.len() as u64) as usize)?;
        (at != NOBODY).then_some(at.into())
    }

    /// A number that two tables share if each place belongs to the same server, whatever the
    /// order of their lists.
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// The servers of all places, by their places in the list.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|&at| at.into())
    }
}

/// The servers in an order that does not depend on the list's.
fn turns<A: Address>(members: &[Member<A>], size: u32, key: ClientKey) -> Vec<Turn> {
    let mut turns: Vec<_> = (0..NOBODY)
        .zip(members)
        .map(|(at, member)| {
            let [offset, skip] = key.table_hashes(member.address, member.port);
            let place = scale(offset, size.into()) as u32;
            let step = 1 + scale(skip, u64::from(size) - 1) as u32;
            let weight = u64::from(member.weight.max(1));
            (offset, Turn { at, place, skip: step, weight, taken: 0, next: NOBODY })
        })
        .collect();
    turns.sort_by_key(|&(offset, _)| offset);
    turns.into_iter().map(|(_, turn)| turn).collect()
}

/// Lets servers take places until none is left. Time is divided into rounds, in each of which the
/// heaviest has one turn; the servers of a round are a list.
fn take_turns(turns: &mut [Turn], places: &mut [u16]) {
    let heaviest = turns.iter().map(|turn| turn.weight).max().unwrap_or(1);
    // The heaviest takes its share and no more before the table is full.
    let mut rounds = vec![NOBODY; places.len() + 2];
    for (number, turn) in (0..NOBODY).zip(turns.iter_mut()).rev() {
        turn.next = core::mem::replace(&mut rounds[0], number);
    }
    let size = places.len() as u32;
    let mut free = places.len();
    for round in 0..rounds.len() {
        let mut number = rounds[round];
        while let Some(turn) = turns.get_mut(usize::from(number)) {
            if free == 0 {
                return;
            }
            free -= 1;
            loop {
                let place = turn.place;
                let after = place + turn.skip;
                turn.place = if after >= size { after - size } else { after };
                if let Some(free @ &mut NOBODY) = places.get_mut(place as usize) {
                    *free = turn.at;
                    break;
                }
            }
            turn.taken += 1;
            let due = (2 * turn.taken + 1) * heaviest / (2 * turn.weight);
            let this = core::mem::replace(&mut number, turn.next);
            if let Some(list) = rounds.get_mut(due.max(round as u64 + 1) as usize) {
                turn.next = core::mem::replace(list, this);
            }
        }
    }
}

fn digest<A: Address>(places: &[u16], members: &[Member<A>], key: ClientKey) -> u64 {
    let names: Vec<_> = members.iter().map(|one| key.seed(one.address, one.port)).collect();
    places.iter().fold(places.len() as u64, |digest, &at| {
        mix(digest ^ names.get(usize::from(at)).copied().unwrap_or(0))
    })
}
