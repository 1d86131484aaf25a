//! Floating addresses that a reload brings.
//!
//! Neighbours may still have such an address at the machine that had it before, so it is
//! announced as at a takeover. Addresses that were there before are left alone, and so is the
//! side without a new one.

use std::net::Ipv4Addr;

use nat::{Instant, Side};

use super::announce::{Audience, Schedule};

/// The new floating addresses, and when they are announced.
#[derive(Debug, Default)]
pub struct Additions {
    /// The configuration that was looked at last, and its floating addresses of both sides.
    known: Option<(u64, [Vec<Ipv4Addr>; 2])>,
    added: [Vec<Ipv4Addr>; 2],
    schedule: Schedule,
}

impl Additions {
    /// Takes the floating addresses of the configuration in use; true if it is another one than
    /// before. What is new in it is announced if this machine answers for floating addresses;
    /// a standby machine announces all of them when it takes over.
    pub fn look(
        &mut self,
        generation: u64,
        floating: [&[Ipv4Addr]; 2],
        answers: bool,
        now: Instant,
    ) -> bool {
        if self.known.as_ref().is_some_and(|(known, _)| *known == generation) {
            return false;
        }
        let before = self.known.replace((generation, floating.map(<[_]>::to_vec)));
        for side in Side::ALL.map(Side::index) {
            self.added[side].retain(|address| floating[side].contains(address));
        }
        // The start of the process announces what it starts with.
        let Some((_, before)) = before.filter(|_| answers) else { return true };
        for side in Side::ALL.map(Side::index) {
            let is_new = |address: &&Ipv4Addr| !before[side].contains(address);
            let mut new = floating[side].iter().filter(is_new).copied().peekable();
            if new.peek().is_some() {
                self.schedule.start(now);
            }
            self.added[side].extend(new);
        }
        true
    }

    /// The addresses of both sides that are to be announced now, if any are. The refresh of
    /// all addresses is for them, too, so their own schedule ends with its last step.
    pub fn due(&mut self, now: Instant) -> Option<(Audience, [Vec<Ipv4Addr>; 2])> {
        let audience = self.schedule.due(now)?;
        let addresses = self.added.clone();
        if self.schedule.is_refreshing() {
            self.stop();
        }
        Some((audience, addresses))
    }

    /// Announces nothing more of what was new.
    pub fn stop(&mut self) {
        self.schedule.stop();
        self.added = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
    const NEW: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);
    const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// One that knows the first configuration.
    fn started() -> Additions {
        let mut additions = Additions::default();
        assert!(additions.look(1, [&[VIP], &[GATEWAY]], true, at(0)));
        assert!(!additions.look(1, [&[VIP], &[GATEWAY]], true, at(1)));
        additions
    }

    /// Times and addresses of every announcement in a span of milliseconds.
    fn announced(
        additions: &mut Additions,
        span: core::ops::Range<u64>,
    ) -> Vec<(u64, [Vec<Ipv4Addr>; 2])> {
        span.filter_map(|millis| Some((millis, additions.due(at(millis))?.1))).collect()
    }

    #[test]
    fn a_new_address_is_announced_as_often_as_at_a_takeover_and_on_its_side_alone() {
        let mut additions = started();
        assert_eq!(announced(&mut additions, 0..100), []);
        additions.look(2, [&[VIP, NEW], &[GATEWAY]], true, at(100));
        let announced = announced(&mut additions, 100..200_000);
        let times: Vec<u64> = announced.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [100, 120, 200, 600, 2100, 5100]);
        assert!(announced.iter().all(|(_, addresses)| *addresses == [vec![NEW], vec![]]));
    }

    #[test]
    fn a_reload_without_a_new_address_announces_nothing() {
        let mut additions = started();
        additions.look(2, [&[VIP], &[GATEWAY]], true, at(100));
        additions.look(3, [&[], &[GATEWAY]], true, at(200));
        assert_eq!(announced(&mut additions, 100..10_000), []);
    }

    #[test]
    fn an_address_that_goes_again_is_announced_no_more() {
        let mut additions = started();
        additions.look(2, [&[VIP, NEW], &[GATEWAY]], true, at(100));
        assert_eq!(announced(&mut additions, 100..110).len(), 1);
        additions.look(3, [&[VIP], &[GATEWAY]], true, at(110));
        let later = announced(&mut additions, 110..10_000);
        assert!(later.iter().all(|(_, addresses)| addresses.iter().all(Vec::is_empty)));
    }

    #[test]
    fn a_standby_machine_announces_nothing_and_later_only_what_is_newer() {
        let mut additions = started();
        additions.look(2, [&[VIP, NEW], &[GATEWAY]], false, at(100));
        assert_eq!(announced(&mut additions, 100..10_000), []);
        let second = Ipv4Addr::new(10, 0, 0, 9);
        additions.look(3, [&[VIP, NEW], &[GATEWAY, second]], true, at(10_000));
        let first = announced(&mut additions, 10_000..10_001);
        assert_eq!(first, [(10_000, [vec![], vec![second]])]);
    }

    #[test]
    fn a_second_reload_begins_anew_with_both() {
        let mut additions = started();
        additions.look(2, [&[VIP, NEW], &[GATEWAY]], true, at(0));
        announced(&mut additions, 0..1000);
        additions.look(3, [&[VIP, NEW, Ipv4Addr::LOCALHOST], &[GATEWAY]], true, at(1000));
        let again = announced(&mut additions, 1000..1001);
        assert_eq!(again, [(1000, [vec![NEW, Ipv4Addr::LOCALHOST], vec![]])]);
    }
}
