//! The start and the end of tandem-control as events.

use core::time::Duration;

use api::EventKind;

use super::{Draft, Events};
use crate::upgrade::Machine;

/// How long an ending process waits for the last events to be on disk.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Tells that this process was started, in which release, and how the one before ended.
pub fn tell_start(events: &Events, machine: &Machine) {
    let before = events.totals();
    // An image has one number, whatever the program in it has.
    let release = machine.release().unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
    let what = format!("tandem-control {release} was started");
    let why = if before.is_running { "it ended without being stopped the last time" } else { "" };
    let start = Draft::new(EventKind::ControlStarted, what).why(why).field("release", &release);
    events.emit(start);
    if !before.release.is_empty() && before.release != release {
        let what = format!("release {release} runs, and {} did before", before.release);
        let draft = Draft::new(EventKind::UpgradeDone, what).field("release", &release);
        events.emit(draft.field("from", &before.release).field("to", &release));
    }
    let failed = machine.state().failed.unwrap_or_default();
    let is_new = !failed.is_empty() && failed != before.upgrade_failed;
    if is_new {
        let what = "the last upgrade was not carried out";
        events.emit(Draft::new(EventKind::UpgradeFailed, what).why(failed));
    }
}

/// Tells that this process ends in order, and waits until that is on disk.
pub fn tell_stop(events: &Events) {
    events.emit(Draft::new(EventKind::ControlStopped, "tandem-control was stopped"));
    events.finish(LAST_WORDS);
}
