//! What is wrong with the keys of the pair: a machine that still uses the old one, a change that was
//! not finished, a peer whose key this machine does not have.

use core::time::Duration;
use std::net::IpAddr;

use failover::Instant;

use super::warnings::tell;
use crate::events::Events;
use crate::key::{Fingerprint, KeyRing};

/// The machines take a new key into use one after the other.
const CHANGING: Duration = Duration::from_secs(10);
/// A change of the key takes a few seconds.
const UNFINISHED: Duration = Duration::from_secs(60);

/// What is known of the keys.
pub(super) struct KeyFindings<'k> {
    /// This machine's.
    pub(super) keys: &'k KeyRing,
    /// The key with which the peer's last heartbeat came.
    pub(super) peers: Option<Fingerprint>,
    /// Heartbeats come at present.
    pub(super) is_heard: bool,
    /// From where something comes at present that no key opens.
    pub(super) another: Option<IpAddr>,
}

/// What is wrong now; a sentence without its full stop.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyWarnings {
    events: Events,
    told: Option<String>,
    /// Since when the peer has used another key than this machine.
    other: Option<Instant>,
    /// Since when a second key has been accepted.
    second: Option<Instant>,
}

impl KeyWarnings {
    pub(super) fn new(events: Events) -> Self {
        KeyWarnings { events, ..KeyWarnings::default() }
    }

    pub(super) fn current(&self) -> &Option<String> {
        &self.told
    }

    /// Takes note of how it is now.
    pub(super) fn compare(&mut self, found: KeyFindings<'_>, now: Instant) {
        let used = found.keys.used_name();
        let peers = found.peers.filter(|peers| found.is_heard && *peers != used);
        let is_other = lasts(&mut self.other, peers.is_some(), CHANGING, now);
        let second = found.keys.accepted_name();
        let is_unfinished = lasts(&mut self.second, second.is_some(), UNFINISHED, now);
        let what = match (found.another, peers, second) {
            (Some(from), ..) if !found.is_heard => Some(format!(
                "heartbeats from {from} are sealed with a key that this machine does not have (it \
                 uses {used}): if that is the peer, copy the key file of the machine that is active \
                 to the other one, and type there: tandem key install FILE"
            )),
            (_, Some(peers), _) if is_other => Some(format!(
                "the peer uses the key {peers}, and this machine {used}: the change of the pair's key \
                 was not finished; type: tandem key rotate"
            )),
            (_, None, Some(second)) if is_unfinished => Some(format!(
                "this machine accepts the key {second} beside {used}, which it uses: the change of \
                 the pair's key was not finished; type: tandem key rotate"
            )),
            _ => None,
        };
        // Made with each turn, it must not be told with each.
        tell(&self.events, &mut self.told, what, "the pair has one key now");
    }
}

/// True for what has held for this time.
fn lasts(since: &mut Option<Instant>, holds: bool, time: Duration, now: Instant) -> bool {
    *since = holds.then(|| since.unwrap_or(now));
    since.is_some_and(|since| now.since(since) >= time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SharedKey;

    fn key(byte: u8) -> SharedKey {
        SharedKey::from_bytes(vec![byte; 32]).unwrap()
    }

    struct Watch(KeyWarnings);

    impl Watch {
        /// What is told after these seconds.
        fn at(
            &mut self,
            seconds: u64,
            keys: &KeyRing,
            peers: Option<u8>,
            another: bool,
        ) -> Option<String> {
            let found = KeyFindings {
                keys,
                peers: peers.map(|byte| key(byte).fingerprint()),
                is_heard: peers.is_some(),
                another: another.then_some(IpAddr::from([10, 0, 0, 3])),
            };
            self.0.compare(found, Instant(seconds * 1_000_000));
            self.0.current().clone()
        }
    }

    #[test]
    fn a_peer_that_stays_with_the_old_key_is_told_of() {
        let mut watch = Watch(KeyWarnings::default());
        let keys = KeyRing::new(key(2), Some(key(1)));
        assert_eq!(watch.at(0, &keys, Some(1), false), None);
        assert_eq!(watch.at(9, &keys, Some(1), false), None);
        let what = watch.at(10, &keys, Some(1), false).unwrap();
        assert!(
            what.contains(&format!("the peer uses the key {}", key(1).fingerprint())),
            "{what}"
        );
        assert!(what.contains("tandem key rotate"), "{what}");
        assert_eq!(watch.at(11, &keys, Some(2), false), None);
        // Then only the old one is left.
        let what = watch.at(60, &keys, Some(2), false).unwrap();
        assert!(what.contains("this machine accepts the key"), "{what}");
        assert_eq!(watch.at(61, &key(2).into(), Some(2), false), None);
    }

    #[test]
    fn a_peer_without_any_of_the_keys_is_named_and_a_forger_beside_the_peer_is_not() {
        let mut watch = Watch(KeyWarnings::default());
        let keys = key(1).into();
        assert_eq!(watch.at(0, &keys, Some(1), true), None);
        let what = watch.at(1, &keys, None, true).unwrap();
        assert!(
            what.contains("heartbeats from 10.0.0.3") && what.contains("key install"),
            "{what}"
        );
    }
}
