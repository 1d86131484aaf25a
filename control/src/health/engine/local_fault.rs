//! Whether silence is the servers' fault, or that of the network on this machine's side.
//!
//! A broken link, switch or NIC silences every server at once, and the gateway and the peer with
//! them. Such failures are void: they count against no server. A server that answers anything,
//! a reset or a status 500 among it, is reached, so that always counts.

use core::time::Duration;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::time::Instant;

/// How long a control probe is believed: it is repeated several times meanwhile.
pub const BELIEVED: Duration = Duration::from_millis(600);
/// How often control probes are sent, and what an answer takes.
const ASKED_EVERY: Duration = Duration::from_millis(250);
/// How long failures may be void in a row. What is silent for longer is taken out, whoever's fault
/// it is: the servers may have died together with the peer.
pub const MOST: Duration = Duration::from_secs(60);
/// From so many servers on, more than half of them is enough; of fewer, it takes all.
const MANY: usize = 4;

impl Control {
    /// The last answer is no longer believed.
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= BELIEVED
    }
}

/// What is known of the network on the side of the servers.
#[derive(Debug, Default)]
pub struct LocalFaults {
    /// The last answer of a control probe: of the gateway, or of the peer. None: there is none to
    /// ask, or none has ever answered, so nothing is known.
    control: Option<Control>,
    /// Hosts that do not answer, and since when.
    silent: HashMap<Ipv4Addr, Instant>,
    /// Since when failures are void.
    void_since: Option<Instant>,
    /// Failures that were void so far.
    pub voided: u64,
}

/// The answers of those who are asked for control.
#[derive(Clone, Copy, Debug)]
struct Control {
    last: Instant,
    /// Since when they came without a gap.
    unbroken_since: Instant,
}

/// What a host's silence means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// It has failed.
    Counts,
    /// Nothing is known of it.
    Void,
}

impl LocalFaults {
    /// A control probe was answered.
    pub fn control_answers(&mut self, now: Instant) {
        let before = self.control.filter(|control| !control.is_over(now));
        let unbroken_since = before.map_or(now, |control| control.unbroken_since);
        self.control = Some(Control { last: now, unbroken_since });
        if now.saturating_duration_since(unbroken_since) >= BELIEVED {
            self.void_since = None;
        }
    }

    /// Nobody is asked any more.
    pub fn forget_control(&mut self) {
        self.control = None;
        self.void_since = None;
    }

    /// A host has answered something.
    pub fn answers(&mut self, host: Ipv4Addr) {
        self.silent.remove(&host);
    }

    /// A host is no longer asked.
    pub fn forget(&mut self, keep: impl Fn(Ipv4Addr) -> bool) {
        self.silent.retain(|host, _| keep(*host));
    }

    /// Since when failures are void, if they are.
    #[must_use]
    pub fn void_since(&self) -> Option<Instant> {
        self.void_since
    }

    /// A host has not answered a probe that began at `began`; `up` are the hosts that are up and
    /// asked.
    pub fn silence(
        &mut self,
        host: Ipv4Addr,
        began: Instant,
        interval: Duration,
        now: Instant,
        up: impl FnOnce() -> BTreeSet<Ipv4Addr>,
    ) -> Judgement {
        self.silent.entry(host).or_insert(began);
        let Some(control) = self.control else { return Judgement::Counts };
        let is_broken = control.is_over(now);
        // It has answered while the host was silent, or is to be asked again only now.
        let is_evidence =
            control.last >= began || now.saturating_duration_since(control.last) < ASKED_EVERY;
        if !is_broken && is_evidence && control.unbroken_since <= began {
            self.void_since = None;
            return Judgement::Counts;
        }
        // The others may be as silent, and have not been asked since. And what was sent while the
        // network was broken was lost, though it is whole by now.
        let is_early = now.saturating_duration_since(control.last) < BELIEVED + interval;
        if is_broken && !is_early && !self.are_together(&up()) {
            return Judgement::Counts;
        }
        let began_void = *self.void_since.get_or_insert(now);
        if now.saturating_duration_since(began_void) > MOST {
            return Judgement::Counts;
        }
        self.voided += 1;
        Judgement::Void
    }

    fn are_together(&self, up: &BTreeSet<Ipv4Addr>) -> bool {
        let asked = up.len();
        let silent = up.iter().filter(|host| self.silent.contains_key(host)).count();
        if asked >= MANY { silent * 2 > asked } else { silent == asked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);

    fn host(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, number)
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Judges the silence of the hosts below `silent` out of `all`, long after control fell silent.
    fn judge(silent: u8, all: u8, control: bool) -> Judgement {
        let start = Instant::now();
        let mut faults = LocalFaults::default();
        faults.control_answers(start);
        let now = start + millis(5000);
        if control {
            // From before the probe on, as often as it is asked.
            (0..12).rev().for_each(|n| faults.control_answers(now - millis(100 + 200 * n)));
        }
        let mut last = Judgement::Counts;
        for number in 0..silent {
            last = faults.silence(host(number), now - millis(1000), INTERVAL, now, || {
                (0..all).map(host).collect()
            });
        }
        last
    }

    #[test]
    fn silence_of_most_and_of_the_gateway_is_void() {
        assert_eq!(judge(3, 4, false), Judgement::Void);
        assert_eq!(judge(2, 4, false), Judgement::Counts);
        assert_eq!(judge(3, 4, true), Judgement::Counts, "the gateway answers");
        assert_eq!(judge(3, 3, false), Judgement::Void);
        assert_eq!(judge(2, 3, false), Judgement::Counts, "two of three are dead");
    }

    #[test]
    fn a_probe_that_began_when_control_was_last_heard_before_it_is_no_evidence() {
        let start = Instant::now();
        let mut faults = LocalFaults::default();
        (0..6).for_each(|n| faults.control_answers(start + millis(200 * n)));
        // The network breaks right behind the last answer, and a probe begins.
        let (last, began) = (start + millis(1000), start + millis(1010));
        let mut silence =
            |now| faults.silence(host(1), began, millis(500), now, || (1..4).map(host).collect());
        assert_eq!(silence(last + millis(100)), Judgement::Counts, "it had not to answer yet");
        assert_eq!(silence(last + millis(410)), Judgement::Void, "it had");
    }

    #[test]
    fn a_probe_that_began_in_the_outage_is_void_after_it() {
        let start = Instant::now();
        let mut faults = LocalFaults::default();
        faults.control_answers(start);
        let end = start + millis(10_000);
        (0..5).for_each(|n| faults.control_answers(end + millis(200 * n)));
        let now = end + millis(900);
        let mut silence =
            |began| faults.silence(host(1), began, INTERVAL, now, || (1..9).map(host).collect());
        assert_eq!(silence(end - millis(100)), Judgement::Void);
        assert_eq!(silence(end + millis(1)), Judgement::Counts);
    }

    #[test]
    fn each_outage_is_void_for_as_long_as_the_first() {
        let mut now = Instant::now();
        let mut faults = LocalFaults::default();
        for _ in 0..3 {
            for _ in 0..10 {
                faults.control_answers(now);
                now += millis(200);
            }
            assert_eq!(faults.void_since(), None, "the network answers");
            // An outage, in which all are asked every two seconds.
            for _ in 0..5 {
                now += millis(2000);
                let judged =
                    faults.silence(host(1), now - millis(1000), INTERVAL, now, || [host(1)].into());
                assert_eq!(judged, Judgement::Void);
            }
            assert!(faults.void_since().is_some());
            now += Duration::from_secs(3600);
        }
    }

    #[test]
    fn without_a_control_probe_all_counts() {
        let mut faults = LocalFaults::default();
        let now = Instant::now();
        let judged = faults.silence(host(1), now, INTERVAL, now, || [host(1)].into());
        assert_eq!(judged, Judgement::Counts);
    }

    #[test]
    fn the_first_interval_after_the_gateway_fell_silent_is_void() {
        let start = Instant::now();
        let mut faults = LocalFaults::default();
        faults.control_answers(start);
        let mut at = |millis_later| {
            let now = start + millis(millis_later);
            faults.silence(host(1), now, INTERVAL, now, || (1..9).map(host).collect())
        };
        assert_eq!(at(200), Judgement::Counts, "it has just answered");
        assert_eq!(at(700), Judgement::Void);
        assert_eq!(at(2500), Judgement::Void);
        assert_eq!(at(2700), Judgement::Counts, "one of eight");
    }

    #[test]
    fn silence_is_not_void_for_ever() {
        let start = Instant::now();
        let mut faults = LocalFaults::default();
        faults.control_answers(start);
        let mut at = |seconds| {
            let now = start + Duration::from_secs(seconds);
            faults.silence(host(1), now, INTERVAL, now, || [host(1)].into())
        };
        assert_eq!([at(10), at(60), at(71)], [Judgement::Void, Judgement::Void, Judgement::Counts]);
    }

    #[test]
    fn a_host_that_answers_is_not_silent() {
        let start = Instant::now();
        let mut faults = LocalFaults::default();
        faults.control_answers(start);
        let now = start + Duration::from_secs(10);
        let silence = |faults: &mut LocalFaults, number| {
            faults.silence(host(number), now, INTERVAL, now, || (1..=4).map(host).collect())
        };
        silence(&mut faults, 1);
        silence(&mut faults, 2);
        assert_eq!(silence(&mut faults, 3), Judgement::Void);
        faults.answers(host(1));
        assert_eq!(silence(&mut faults, 3), Judgement::Counts);
    }
}
