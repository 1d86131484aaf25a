//! Connections that an operator ends, some in each poll and so many a second: each may bring
//! segments of both its ends by the slow path.

use nat::connection::Killed;

use super::flows::Flows;
use super::io::Io;
use super::leaving;
use super::view::View;
use crate::mailbox::Kill;

/// Connections that are ended in one poll.
const STEP: usize = 8;

/// One step; true when it was the last. A machine that is not active any more leaves the rest to
/// the one that is.
pub(super) fn step(kill: &mut Kill, io: &mut Io, flows: &mut Flows, view: &View) -> bool {
    for _ in 0..STEP {
        let Some(&(id, original)) = kill.targets.get(kill.done) else { return true };
        if !view.forwards {
            return true;
        }
        if !flows.departures.limit.take(view.now) {
            return false;
        }
        kill.done += 1;
        match flows.translator.connections.kill(id, &original, view.now) {
            Killed::NotThere => continue,
            Killed::IsGone => {
                let connections = flows.translator.connections.table().len();
                view.counters.closed.add(1);
                view.counters.connections.set(connections as u64);
            }
            Killed::IsClosed => leaving::ask_ends(io, flows, view, id),
        }
        view.counters.killed.add(1);
        kill.killed += 1;
    }
    kill.done >= kill.targets.len()
}
