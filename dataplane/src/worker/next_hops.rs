//! The slots of the neighbours that new connections went to last.
//!
//! A search in the neighbours' table takes as long as a third of opening a connection, and
//! a worker's new connections go to few neighbours. What is remembered holds as long as
//! what connections remember: until the worker's epoch advances.

use std::net::Ipv4Addr;

use nat::Side;
use nat::connection::NextHop;

use crate::neighbour::NeighbourTable;

/// Neighbours that are remembered: a power of two.
const PLACES: usize = 64;

/// By the last bits of their address.
pub(super) struct NextHopCache([(Side, Ipv4Addr, NextHop); PLACES]);

impl NextHopCache {
    /// None yet.
    pub(super) const EMPTY: NextHopCache =
        NextHopCache([(Side::Public, Ipv4Addr::UNSPECIFIED, NextHop::NONE); PLACES]);

    /// The slot of a neighbour, [`NextHop::NONE`] if it has none.
    pub(super) fn find(
        &mut self,
        table: &NeighbourTable,
        side: Side,
        address: Ipv4Addr,
    ) -> NextHop {
        let at = address.to_bits() as usize % PLACES;
        let NextHopCache(places) = self;
        let Some(place) = places.get_mut(at) else { return NextHop::NONE };
        let (known_side, known, hop) = *place;
        if (known_side, known) == (side, address) && hop != NextHop::NONE {
            return hop;
        }
        let hop = table.find(side, address).unwrap_or(NextHop::NONE);
        table.want(hop);
        *place = (side, address, hop);
        hop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_found_again_and_what_was_not_is_looked_for() {
        let table = NeighbourTable::default();
        let (one, other) = (Ipv4Addr::new(10, 0, 0, 11), Ipv4Addr::new(10, 0, 1, 11));
        let mut hops = NextHopCache::EMPTY;
        assert_eq!(hops.find(&table, Side::Private, one), NextHop::NONE);
        let slot = table.insert(Side::Private, one).unwrap();
        for _ in 0..2 {
            assert_eq!(hops.find(&table, Side::Private, one), slot);
            assert_eq!(hops.find(&table, Side::Public, one), NextHop::NONE);
        }
        let slots = [slot, table.insert(Side::Private, other).unwrap()];
        for _ in 0..2 {
            let found = [one, other].map(|address| hops.find(&table, Side::Private, address));
            assert_eq!(found, slots, "both have one place");
        }
    }
}
