//! What is wrong with what the peer says, though it lives: sentences for the log and the
//! status, each with the remedy.

use failover::Instant;

use super::driver::Driver;
use super::timers;
use crate::heartbeat::HeartbeatPayload;

/// What is wrong now; each a sentence without its full stop.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Warnings {
    timers: Option<String>,
    name: Option<String>,
    incompatible: Option<String>,
}

impl Warnings {
    /// Each of them.
    pub(super) fn all(&self) -> Vec<String> {
        [&self.name, &self.incompatible, &self.timers].into_iter().flatten().cloned().collect()
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

impl Driver {
    /// What is wrong with a heartbeat that is understood.
    pub(super) fn compare(&mut self, payload: &HeartbeatPayload) {
        let name = same_name(&self.machine.identity().name, &payload.heartbeat.identity.name);
        let timers = timers::difference(self.timing.into(), payload.timers);
        let warnings = &mut self.memory.warnings;
        tell(&mut warnings.name, name, "the peer has another node.name than this machine now");
        tell(&mut warnings.timers, timers, "the peer has the same timers as this machine now");
    }

    /// What is wrong with a peer that is not understood. Should that be so with some of its words
    /// only, the warning stays all the while.
    pub(super) fn warn_of_incompatible(&mut self, now: Instant) {
        let trouble = self.paths.trouble(self.machine.patience(), now);
        let what =
            |trouble| format!("the peer lives, and what it says is not understood: {trouble}");
        let gone = "the peer is understood again, or silent";
        tell(&mut self.memory.warnings.incompatible, trouble.map(what), gone);
    }
}

/// Tells the log when a warning comes, changes or goes, and not with each heartbeat.
fn tell(before: &mut Option<String>, found: Option<String>, gone: &str) {
    if *before == found {
        return;
    }
    match &found {
        Some(what) => tracing::warn!("{what}"),
        None => tracing::info!("{gone}"),
    }
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
}
