//! Which numbers the servers of a service have, for a look at many of them at once.

use super::{Server, ServerId};

/// Numbers of servers in a word, a bit for each.
pub(super) const WORD: usize = u64::BITS as usize;

/// The servers of a service whose numbers share a word.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    word: usize,
    bits: u64,
    /// The place of each in the service.
    places: [u16; WORD],
}

/// The servers of a service by the words of their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Members(Box<[Group]>);

impl Members {
    pub(super) fn new<A>(servers: &[Server<A>]) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (place, server) in (0..).zip(servers) {
            let (word, bit) = word_and_bit(server.id);
            let known = groups.iter().position(|group| group.word == word);
            let at = known.unwrap_or_else(|| {
                groups.push(Group { word, bits: 0, places: [0; WORD] });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(at) {
                group.bits |= 1 << bit;
                group.places[bit] = place;
            }
        }
        Members(groups.into())
    }

    /// Calls `each` with the places of those servers whose bits `take` returns; it is given a
    /// word, and which bits of it are asked for.
    #[inline(always)]
    pub(super) fn each(&self, take: impl Fn(usize, u64) -> u64, mut each: impl FnMut(usize)) {
        for group in &self.0 {
            let mut bits = take(group.word, group.bits);
            while bits != 0 {
                each(group.places[bits.trailing_zeros() as usize % WORD].into());
                bits &= bits - 1;
            }
        }
    }
}

/// Where the bit of a server is.
#[inline(always)]
pub(super) const fn word_and_bit(server: ServerId) -> (usize, usize) {
    (server.index() / WORD, server.index() % WORD)
}
