//! What is at the ports of an address, where ports come in ranges.
//!
//! A look-up is one in a hash table and a search by halves in a short list, whatever the length of
//! a range. It comes after the exact look-up, which finds services of single ports without it.

use core::hash::Hash;
use core::ops::RangeInclusive;
use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;
use wire::{Port, Protocol};

/// Disjoint ranges of ports, by address and protocol.
#[derive(Clone, Debug)]
pub(super) struct Ranges<A, T>(HashMap<(A, Protocol), Box<[Range<T>]>, RandomState>);

#[derive(Clone, Copy, Debug)]
struct Range<T> {
    first: u16,
    last: u16,
    value: T,
}

/// Ranges of one address that do not overlap, by their first port.
type Disjoint<T> = BTreeMap<u16, Range<T>>;

impl<A, T> Default for Ranges<A, T> {
    fn default() -> Self {
        Ranges(HashMap::default())
    }
}

impl<A: Copy + Eq + Hash, T: Copy> Ranges<A, T> {
    /// Where ranges overlap, the first of these counts.
    pub(super) fn new(
        all: impl IntoIterator<Item = (A, Protocol, RangeInclusive<u16>, T)>,
    ) -> Self {
        let mut lists: HashMap<(A, Protocol), Disjoint<T>> = HashMap::new();
        for (address, protocol, ports, value) in all {
            add(lists.entry((address, protocol)).or_default(), ports, value);
        }
        let list = |(key, list): (_, Disjoint<T>)| (key, list.into_values().collect());
        Ranges(lists.into_iter().map(list).collect())
    }

    /// What is at this port.
    #[inline]
    pub(super) fn find(&self, address: A, port: Port, protocol: Protocol) -> Option<T> {
        if self.0.is_empty() {
            return None;
        }
        let (ranges, port) = (self.0.get(&(address, protocol))?, port.number());
        let at = ranges.partition_point(|range| range.last < port);
        ranges.get(at).filter(|range| range.first <= port).map(|range| range.value)
    }
}

/// Adds what of this range no other has.
fn add<T: Copy>(list: &mut Disjoint<T>, ports: RangeInclusive<u16>, value: T) {
    let (first, last) = (u32::from(*ports.start()), u32::from(*ports.end()));
    let before = list.range(..ports.start()).next_back().map(|(_, range)| range.last);
    let mut next = before.map_or(first, |before| first.max(u32::from(before) + 1));
    let end = |range: &Range<T>| (u32::from(range.first), u32::from(range.last));
    let mut taken: Vec<(u32, u32)> = list.range(ports).map(|(_, range)| end(range)).collect();
    taken.push((last + 1, last + 1));
    for (from, to) in taken {
        if next < from {
            // Both are ports, as `last` is.
            let (first, last) = (next as u16, (from - 1) as u16);
            list.insert(first, Range { first, last, value });
        }
        next = next.max(to + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const PROTOCOLS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

    proptest! {
        #[test]
        fn the_first_range_that_has_a_port_counts(
            all in vec((0u8..3, 0usize..2, 1u16..400, 0u16..120), 0..40),
            is_high: bool,
        ) {
            // Also at the end of all ports.
            let shift = if is_high { u16::MAX - 450 } else { 0 };
            let all: Vec<_> = all
                .into_iter()
                .map(|(address, protocol, first, more)| {
                    (address, PROTOCOLS[protocol], first + shift..=(first + shift).saturating_add(more))
                })
                .collect();
            let numbered = all.iter().cloned().zip(0u32..);
            let ranges = Ranges::new(
                numbered.map(|((address, protocol, ports), at)| (address, protocol, ports, at)),
            );
            for address in 0..3 {
                for protocol in PROTOCOLS {
                    for port in shift..shift.saturating_add(530) {
                        let expected = all.iter().position(|(other, its, ports)| {
                            (*other, *its) == (address, protocol) && ports.contains(&port)
                        });
                        let found = ranges.find(address, Port::new(port), protocol);
                        prop_assert_eq!(found.map(|at| at as usize), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn a_range_may_be_all_ports() {
        let ranges = Ranges::new([(1u8, Protocol::Udp, 1..=u16::MAX, 'a')]);
        for port in [1, 2, 40_000, u16::MAX] {
            assert_eq!(ranges.find(1, Port::new(port), Protocol::Udp), Some('a'));
        }
        assert_eq!(ranges.find(1, Port::new(0), Protocol::Udp), None);
        assert_eq!(ranges.find(1, Port::new(5), Protocol::Tcp), None);
        assert_eq!(ranges.find(2, Port::new(5), Protocol::Udp), None);
    }
}
