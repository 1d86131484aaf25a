//! Ports for masquerading (RFC 6056, RFC 4787 section 4.2).
//!
//! A port is free when the connection table has no connection with the reply's key;
//! nothing else keeps count. So what is left to decide here is in which order to try.

use wire::Port;

/// Ports tried before giving up: at 99 % of a range in use, one of 128 random tries
/// finds a free one in 72 % of cases; below 95 % practically always.
pub const ATTEMPTS: usize = 128;

/// A range of ports, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl Default for PortRange {
    fn default() -> Self {
        PortRange { first: 1024, last: u16::MAX }
    }
}

impl PortRange {
    /// From `first` to `last`; `None` if that is empty or begins with port 0.
    pub const fn new(first: u16, last: u16) -> Option<Self> {
        if first == 0 || first > last { None } else { Some(PortRange { first, last }) }
    }

    /// The first port.
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The last port.
    pub const fn last(self) -> u16 {
        self.last
    }

    /// How many ports it has.
    pub const fn size(self) -> u32 {
        (self.last - self.first) as u32 + 1
    }

    /// True for a port in the range.
    pub const fn contains(self, port: Port) -> bool {
        self.first <= port.number() && port.number() <= self.last
    }
}

/// The ports to try, best first: the one that the private host has, if it is in the
/// range; then from a random start in random steps, none twice.
#[derive(Clone, Debug)]
pub struct Candidates {
    range: PortRange,
    preferred: Option<Port>,
    skip: Option<Port>,
    at: u32,
    step: u32,
    left: usize,
}

impl Candidates {
    /// At most [`ATTEMPTS`] ports and the preferred one. `random` decides start and step.
    pub fn new(preferred: Port, range: PortRange, random: u64) -> Self {
        let preferred = range.contains(preferred).then_some(preferred);
        let size = range.size();
        let at = (((random & 0xffff_ffff) * u64::from(size)) >> 32) as u32;
        Candidates {
            range,
            preferred,
            skip: preferred,
            at,
            step: coprime((random >> 32) as u32 % size, size),
            left: ATTEMPTS.min(size as usize),
        }
    }
}

impl Iterator for Candidates {
    type Item = Port;

    fn next(&mut self) -> Option<Port> {
        if let Some(preferred) = self.preferred.take() {
            return Some(preferred);
        }
        loop {
            self.left = self.left.checked_sub(1)?;
            let port = Port::new(self.range.first + self.at as u16);
            self.at = (self.at + self.step) % self.range.size();
            if self.skip != Some(port) {
                return Some(port);
            }
        }
    }
}

/// The next number from `wish` on that has no divisor in common with `size`: steps of it
/// visit every place once.
fn coprime(wish: u32, size: u32) -> u32 {
    (wish.max(1)..).find(|&step| divisor(step, size) == 1).unwrap_or(1)
}

fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn none_twice_and_all_in_range(
            first in 1u16..=u16::MAX, length in 0u16..2000, preferred: u16, random: u64,
        ) {
            let range = PortRange::new(first, first.saturating_add(length)).unwrap();
            let preferred = Port::new(preferred);
            let ports: Vec<_> = Candidates::new(preferred, range, random).collect();
            let distinct: HashSet<_> = ports.iter().collect();
            prop_assert_eq!(distinct.len(), ports.len());
            prop_assert!(ports.iter().all(|&port| range.contains(port)));
            prop_assert_eq!(ports.first() == Some(&preferred), range.contains(preferred)
                || ports.first() == Some(&preferred));
            prop_assert!(ports.len() >= ATTEMPTS.min(range.size() as usize));
        }
    }

    #[test]
    fn a_small_range_is_tried_whole() {
        let range = PortRange::new(5000, 5099).unwrap();
        let ports: HashSet<_> = Candidates::new(Port::new(80), range, 0x1234_5678_9abc).collect();
        assert_eq!(ports.len(), 100);
    }

    #[test]
    fn starts_are_spread() {
        let mut random = crate::random::Random::from_seed(3);
        let mut quarters = [0; 4];
        for _ in 0..4000 {
            let first = Candidates::new(Port::ZERO, PortRange::default(), random.next_u64()).next();
            let place = u32::from(first.unwrap().number()) - 1024;
            quarters[(place * 4 / PortRange::default().size()) as usize] += 1;
        }
        assert!(quarters.iter().all(|&count| (850..1150).contains(&count)), "{quarters:?}");
    }

    #[test]
    fn empty_ranges_are_refused() {
        assert!(PortRange::new(0, 5).is_none());
        assert!(PortRange::new(6, 5).is_none());
    }
}
