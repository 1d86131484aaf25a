//! Neighbours that are kept warm: the next hops of the configuration.
//!
//! A standby forwards nothing, so no packet asks for its neighbours; without this each of
//! them would cost the first packets after a takeover a round trip of ARP. The addresses
//! asked with are the machine's real ones, so nobody learns anything wrong from it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use nat::{Instant, Seconds, Side};
use wire::MacAddress;

use super::{Outcome, ReachabilityState, Request, Resolver};

/// A kept neighbour that does not answer is asked for again so much later.
const AGAIN: Seconds = Seconds(5);

impl<P> Resolver<P> {
    /// Keeps these neighbours from now on, and no others.
    pub fn keep(&mut self, neighbours: Vec<(Side, Ipv4Addr)>) {
        self.prober.keep(&neighbours);
        self.kept = neighbours;
    }

    /// Asks for those that are kept and not known.
    pub(super) fn ask_for_kept(&mut self, now: Instant, outcome: &mut impl FnMut(Outcome<P>)) {
        for at in 0..self.kept.len() {
            let Some(&(side, target)) = self.kept.get(at) else { break };
            let known = self.entries.contains_key(&(side, target));
            let table = Arc::clone(&self.table);
            let Some(entry) = self.entry(side, target, now) else { continue };
            table.want(entry.hop);
            let rested = now.since(entry.asked) >= AGAIN.millis();
            if entry.state == ReachabilityState::Failed && (!known || rested) {
                entry.state = ReachabilityState::Incomplete;
                entry.confirmed = now;
                entry.asked = now;
                entry.attempts = 1;
                outcome(Outcome::Ask(Request { side, target, to: None }));
            }
        }
    }

    /// The Ethernet address that a neighbour had last.
    pub fn last_mac(&self, side: Side, address: Ipv4Addr) -> Option<MacAddress> {
        self.entries.get(&(side, address))?.mac
    }

    /// Drops the packets that wait for a neighbour; returns how many there were.
    pub fn drop_waiting(&mut self) -> usize {
        for entry in self.entries.values_mut() {
            entry.waiting.clear();
        }
        core::mem::take(&mut self.waiting)
    }

    /// The neighbours of a side whose Ethernet address is usable, the kept ones first.
    pub fn usable(&self, side: Side) -> Vec<(Ipv4Addr, MacAddress)> {
        let mut found: Vec<_> = self
            .entries
            .iter()
            .filter(|((of, _), entry)| *of == side && entry.state.is_usable())
            .filter_map(|((_, address), entry)| Some((*address, entry.mac?)))
            .collect();
        found
            .sort_unstable_by_key(|&(address, _)| (!self.kept.contains(&(side, address)), address));
        found
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::neighbour::NeighbourTable;

    const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);
    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 11]);

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1000 + seconds * 1000)
    }

    fn keeper() -> Resolver<u32> {
        let mut resolver = Resolver::new(Arc::new(NeighbourTable::default()));
        resolver.keep(vec![(Side::Private, HOST)]);
        resolver
    }

    /// The seconds in which it was asked for.
    fn asked(resolver: &mut Resolver<u32>, seconds: core::ops::Range<u64>) -> Vec<u64> {
        let mut times = Vec::new();
        for second in seconds {
            resolver.tick(at(second), [false; 2], |outcome| {
                if let Outcome::Ask(_) = outcome {
                    times.push(second);
                }
            });
        }
        times
    }

    #[test]
    fn a_kept_neighbour_is_asked_for_without_a_packet_and_kept_fresh() {
        let mut resolver = keeper();
        assert_eq!(asked(&mut resolver, 0..1), [0]);
        resolver.learn(Side::Private, HOST, MAC, false, at(0));
        assert_eq!(resolver.usable(Side::Private), [(HOST, MAC)]);
        assert_eq!(resolver.usable(Side::Public), []);
        assert_eq!(asked(&mut resolver, 1..31), [30]);
    }

    #[test]
    fn one_that_does_not_answer_is_asked_for_now_and_then_for_ever() {
        let mut resolver = keeper();
        let times = asked(&mut resolver, 0..1000);
        assert_eq!(times.get(..6), Some(&[0, 1, 2, 7, 8, 9][..]));
        assert!(times.last().is_some_and(|&last| last > 990));
    }

    #[test]
    fn no_longer_kept_it_is_asked_for_no_more() {
        let mut resolver = keeper();
        asked(&mut resolver, 0..10);
        resolver.keep(Vec::new());
        assert!(asked(&mut resolver, 10..100).is_empty());
    }

    #[test]
    fn what_waited_can_be_dropped_and_the_neighbour_still_comes() {
        let mut resolver = keeper();
        resolver.resolve(Side::Private, HOST, 1, at(0));
        resolver.resolve(Side::Private, HOST, 2, at(0));
        assert_eq!(resolver.drop_waiting(), 2);
        assert_eq!(resolver.learn(Side::Private, HOST, MAC, false, at(0)).len(), 0);
        assert_eq!(resolver.usable(Side::Private).len(), 1);
    }
}
