//! What is wrong with what the peer says, though it lives: sentences for the log and the
//! status, each with the remedy.

use core::time::Duration;

use config::Digests;
use failover::Instant;

use super::key_warnings::KeyWarnings;
use crate::events::{Draft, EventKind, Events};
use crate::heartbeat::{HeartbeatPayload, Timers};

/// What is wrong now; each a sentence without its full stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings {
    events: Events,
    timers: Option<String>,
    name: Option<String>,
    incompatible: Option<String>,
    configuration: Option<String>,
    differing: Differing,
    pub(super) keys: KeyWarnings,
}

/// The sections of the configuration that differ from the peer's.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Differing {
    sections: Vec<&'static str>,
    /// When the first of them was found.
    since: Option<Instant>,
}

/// A difference is told when it has lasted for so long: both machines are reloaded one after the
/// other.
const RELOADING: Duration = Duration::from_secs(10);

impl Warnings {
    pub(super) fn new(events: Events) -> Self {
        Warnings { keys: KeyWarnings::new(events.clone()), events, ..Warnings::default() }
    }

    pub(super) fn all(&self) -> Vec<String> {
        let all = [
            &self.name,
            &self.incompatible,
            &self.timers,
            &self.configuration,
            self.keys.current(),
        ];
        all.into_iter().flatten().cloned().collect()
    }

    /// Takes note of what is wrong with a heartbeat that is understood. `name` and `timers` are
    /// this machine's.
    pub(super) fn compare(&mut self, name: &str, timers: Timers, payload: &HeartbeatPayload) {
        let name = same_name(name, &payload.heartbeat.identity.name);
        let timers = timer_difference(timers, payload.timers);
        tell(
            &self.events,
            &mut self.name,
            name,
            "the peer has another node.name than this machine now",
        );
        let gone = "the peer has the same timers as this machine now";
        tell(&self.events, &mut self.timers, timers, gone);
    }

    /// Takes note of which sections of the configuration differ from the peer's.
    pub(super) fn compare_digests(&mut self, own: Digests, peers: Digests, now: Instant) {
        let sections = own.differing(&peers).unwrap_or_default();
        let since = match self.differing.since {
            Some(since) if !sections.is_empty() => since,
            _ => now,
        };
        let is_told = !sections.is_empty() && now.since(since) >= RELOADING;
        self.differing.since = (!sections.is_empty()).then_some(since);
        let found = is_told.then(|| difference(&sections));
        self.differing.sections = sections;
        let gone = "the peer has the same configuration as this machine now";
        tell(&self.events, &mut self.configuration, found, gone);
    }

    /// The sections of the configuration that differ from the peer's for some time.
    pub(super) fn differing(&self) -> Vec<&'static str> {
        match self.configuration {
            Some(_) => self.differing.sections.clone(),
            None => Vec::new(),
        }
    }

    /// Takes note of why the peer is not understood, if that is so. When only some of its messages
    /// are not understood, the warning stays all the while.
    pub(super) fn note_incompatible(&mut self, trouble: Option<String>) {
        let what =
            |trouble| format!("the peer runs, but its heartbeats are not understood: {trouble}");
        let gone = "the peer is understood again, or silent";
        tell(&self.events, &mut self.incompatible, trouble.map(what), gone);
    }
}

/// That the peer has this machine's name.
#[must_use]
pub(super) fn same_name(own: &str, peers: &str) -> Option<String> {
    (own == peers).then(|| {
        format!(
            "the peer has the same node.name \"{own}\" as this machine: give one of the two \
             machines another name in its configuration, and restart its tandem-control"
        )
    })
}

/// That sections differ, as a sentence without its full stop.
fn difference(sections: &[&str]) -> String {
    format!(
        "the peer has another configuration than this machine, in: {}; a takeover would change what \
         clients get: make the files equal in these, and reload both (tandem diff FILE compares a \
         copy of the peer's file with what is in force here)",
        sections.join(", ")
    )
}

/// That the timers differ, as a sentence without its full stop; none if they do not.
#[must_use]
pub(super) fn timer_difference(own: Timers, peers: Timers) -> Option<String> {
    if own == peers {
        return None;
    }
    let danger = if own.lease >= peers.dead || peers.lease >= own.dead {
        "a lease is longer than the other machine's dead interval: a takeover waits for the end of \
         the lease, and both may be active if a machine takes over that never heard the other"
    } else {
        "a takeover may come too early or too late"
    };
    Some(format!(
        "the peer has other timers (peer.dead {} ms, peer.lease {} ms) than this machine (peer.dead \
         {} ms, peer.lease {} ms), and {danger}; give both machines the same, in \
         the order described in docs/operations.md",
        peers.dead, peers.lease, own.dead, own.lease
    ))
}

/// Tells when a warning comes, changes or goes, and not with each heartbeat.
pub(super) fn tell(
    events: &Events,
    before: &mut Option<String>,
    found: Option<String>,
    gone: &str,
) {
    if *before == found {
        return;
    }
    events.emit(match &found {
        Some(what) => Draft::new(EventKind::PeerWarning, what),
        None => Draft::new(EventKind::PeerWarningOver, gone),
    });
    *before = found;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_and_what_to_do_is_said_in_one_sentence() {
        assert_eq!(same_name("a", "b"), None);
        let what = same_name("a", "a").unwrap();
        assert!(what.contains("the peer has the same node.name \"a\" as this machine"), "{what}");
        assert!(what.contains("give one of the two machines another name"), "{what}");
    }

    #[test]
    fn a_configuration_that_differs_is_told_when_it_lasts() {
        let mut warnings = Warnings::default();
        let own = Digests { schema: 1, sections: [1; 5] };
        let peers = Digests { sections: [1, 2, 1, 1, 1], ..own };
        let at = |seconds: u64| Instant(seconds * 1_000_000);
        warnings.compare_digests(own, peers, at(100));
        warnings.compare_digests(own, peers, at(109));
        assert_eq!((warnings.all(), warnings.differing()), (vec![], vec![]));
        warnings.compare_digests(own, peers, at(110));
        assert!(warnings.all()[0].contains("in: masquerade; a takeover"), "{warnings:?}");
        assert_eq!(warnings.differing(), ["masquerade"]);
        // Another one does not begin anew, and what is equal again does.
        warnings.compare_digests(own, Digests { sections: [2; 5], ..own }, at(111));
        assert_eq!(warnings.differing().len(), 5);
        warnings.compare_digests(own, own, at(112));
        assert_eq!((warnings.all(), warnings.differing()), (vec![], vec![]));
        warnings.compare_digests(own, peers, at(113));
        assert_eq!(warnings.differing(), [""; 0]);
        // Releases with other keys cannot be compared.
        warnings.compare_digests(own, Digests { schema: 2, ..peers }, at(200));
        assert_eq!(warnings.differing(), [""; 0]);
    }

    #[test]
    fn both_values_the_danger_and_the_remedy_are_said() {
        let timers = |dead, lease| Timers { dead, lease };
        let usual = timers(150, 120);
        assert_eq!(timer_difference(usual, usual), None);
        let harmless = timer_difference(usual, timers(200, 120)).unwrap();
        assert!(harmless.contains("(peer.dead 200 ms, peer.lease 120 ms)"), "{harmless}");
        assert!(harmless.contains("(peer.dead 150 ms, peer.lease 120 ms)"), "{harmless}");
        assert!(harmless.contains("give both machines the same"), "{harmless}");
        assert!(!harmless.contains("both may be active"), "{harmless}");
        for (own, peers) in [(usual, timers(1000, 800)), (timers(1000, 800), usual)] {
            let what = timer_difference(own, peers).unwrap();
            assert!(what.contains("both may be active"), "{what}");
        }
    }
}
