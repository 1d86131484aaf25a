//! Neighbours that the configuration names, with their Ethernet addresses.

use std::net::Ipv4Addr;

use nat::{Instant, Side};
use wire::MacAddress;

use super::{ReachabilityState, Resolver};

/// Neighbours that were not known before room was made for them.
#[must_use]
#[derive(PartialEq, Eq, Debug)]
pub struct Reserved(Vec<(Side, Ipv4Addr)>);

impl<P> Resolver<P> {
    /// Makes room for the neighbours of a configuration that is not in use yet. Until then they
    /// are neighbours that have not been asked for.
    ///
    /// # Errors
    ///
    /// Those for which there is no room; nothing has changed then.
    pub fn reserve(
        &mut self,
        wanted: &[(Side, Ipv4Addr, MacAddress)],
        now: Instant,
    ) -> Result<Reserved, Vec<(Side, Ipv4Addr)>> {
        let (mut reserved, mut without) = (Vec::new(), Vec::new());
        for &(side, address, _) in wanted {
            if self.entries.contains_key(&(side, address)) {
                continue;
            }
            match self.entry(side, address, now) {
                Some(_) => reserved.push((side, address)),
                None => without.push((side, address)),
            }
        }
        if without.is_empty() {
            return Ok(Reserved(reserved));
        }
        self.give_back(Reserved(reserved));
        Err(without)
    }

    /// Forgets those for whom room was made, but for any that a packet has asked for meanwhile.
    pub fn give_back(&mut self, Reserved(neighbours): Reserved) {
        for key in neighbours {
            let is_untouched = self.entries.get(&key).is_some_and(|entry| {
                entry.state == ReachabilityState::Failed && entry.asked == Instant::from_millis(0)
            });
            if !is_untouched {
                continue;
            }
            if let Some(entry) = self.entries.remove(&key) {
                // A worker may have found the slot.
                self.table.retire(entry.hop);
                self.retired.push(entry.hop);
            }
        }
    }

    /// Sets the neighbours that the configuration names; others that it named before go
    /// back to being asked. False if the table has no room for all.
    pub fn set_static(&mut self, wanted: &[(Side, Ipv4Addr, MacAddress)], now: Instant) -> bool {
        for ((side, address), entry) in &mut self.entries {
            let named = wanted.iter().any(|(s, a, _)| s == side && a == address);
            if entry.state == ReachabilityState::Static && !named {
                entry.state = ReachabilityState::Probe;
                entry.attempts = 0;
            }
        }
        let mut all = true;
        for &(side, address, mac) in wanted {
            let Some(entry) = self.entry(side, address, now) else {
                all = false;
                continue;
            };
            entry.state = ReachabilityState::Static;
            entry.mac = Some(mac);
            let hop = entry.hop;
            self.table.publish(hop, Some(mac));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Resolution;
    use super::*;
    use crate::neighbour::NeighbourTable;
    use crate::neighbour::table::SLOTS;

    const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);
    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 11]);
    const NOW: Instant = Instant::from_millis(1000);

    fn resolver() -> Resolver<u32> {
        Resolver::new(Arc::new(NeighbourTable::default()))
    }

    const MORE: u32 = SLOTS as u32 + 800;

    /// More than there are slots.
    fn too_many() -> Vec<(Side, Ipv4Addr, MacAddress)> {
        (0..MORE).map(|n| (Side::Private, Ipv4Addr::from_bits(0x0a01_0000 + n), MAC)).collect()
    }

    #[test]
    fn all_are_given_room_or_none() {
        let mut resolver = resolver();
        resolver.learn(Side::Private, HOST, MAC, true, NOW);
        let without = resolver.reserve(&too_many(), NOW).unwrap_err();
        assert!(without.len() >= 800 && without.len() < MORE as usize, "{}", without.len());
        let known: Vec<_> = resolver.list(NOW).iter().map(|line| line.address).collect();
        assert_eq!(known, [HOST]);
        // The slots are free again once workers have seen that.
        resolver.tick(NOW, [false; 2], |_| {});
        let few = too_many().split_off(MORE as usize - 100);
        assert_eq!(resolver.reserve(&few, NOW).map(|Reserved(all)| all.len()), Ok(100));
    }

    #[test]
    fn one_that_was_known_before_stays_when_room_is_given_back() {
        let mut resolver = resolver();
        resolver.learn(Side::Private, HOST, MAC, true, NOW);
        let other = Ipv4Addr::new(10, 0, 0, 12);
        let wanted = [(Side::Private, HOST, MAC), (Side::Private, other, MAC)];
        let reserved = resolver.reserve(&wanted, NOW).unwrap();
        assert_eq!(reserved, Reserved(vec![(Side::Private, other)]));
        assert_eq!(resolver.list(NOW).len(), 2);
        resolver.give_back(reserved);
        assert_eq!(resolver.usable(Side::Private), [(HOST, MAC)]);
        assert_eq!(resolver.list(NOW).len(), 1);
    }

    #[test]
    fn one_that_a_packet_waits_for_stays() {
        let mut resolver = resolver();
        let reserved = resolver.reserve(&[(Side::Private, HOST, MAC)], NOW).unwrap();
        assert!(matches!(resolver.resolve(Side::Private, HOST, 1, NOW), Resolution::Wait(Some(_))));
        resolver.give_back(reserved);
        assert_eq!(resolver.learn(Side::Private, HOST, MAC, false, NOW), [1]);
    }
}
