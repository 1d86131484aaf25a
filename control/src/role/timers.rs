//! Whether both machines have the same timers. They are not made to agree by themselves: one
//! of them is what the operator wants, and nobody but the operator knows which.

use crate::heartbeat::Timers;

/// That the timers differ, as a sentence without its full stop; none if they do not.
#[must_use]
pub fn difference(own: Timers, peers: Timers) -> Option<String> {
    if own == peers {
        return None;
    }
    let danger = if own.lease >= peers.dead || peers.lease >= own.dead {
        "a lease outlives the other machine's dead interval: a takeover waits for its end, and \
         both may be active if a machine takes over that never heard the other"
    } else {
        "a takeover may come too early or too late"
    };
    Some(format!(
        "the peer has other timers (peer.dead {} ms, peer.lease {} ms) than this machine (peer.dead \
         {} ms, peer.lease {} ms), and {danger}; give both machines the same, in \
         the order that docs/operations.md tells",
        peers.dead, peers.lease, own.dead, own.lease
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_values_the_danger_and_the_remedy_are_said() {
        let timers = |dead, lease| Timers { dead, lease };
        let usual = timers(150, 120);
        assert_eq!(difference(usual, usual), None);
        let harmless = difference(usual, timers(200, 120)).unwrap();
        assert!(harmless.contains("(peer.dead 200 ms, peer.lease 120 ms)"), "{harmless}");
        assert!(harmless.contains("(peer.dead 150 ms, peer.lease 120 ms)"), "{harmless}");
        assert!(harmless.contains("give both machines the same"), "{harmless}");
        assert!(!harmless.contains("both may be active"), "{harmless}");
        for (own, peers) in [(usual, timers(1000, 800)), (timers(1000, 800), usual)] {
            let what = difference(own, peers).unwrap();
            assert!(what.contains("both may be active"), "{what}");
        }
    }
}
