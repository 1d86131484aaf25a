//! What changes beside the role, told once each time: the peer, the paths to it, and whether this
//! machine is ready.

use api::{EventKind, EventSeverity};
use failover::{Instant, Role};

use super::Driver;
use crate::events::Draft;
use crate::role::pair_view;

/// How it was when it was last told.
#[derive(Default)]
pub(super) struct ToldChanges {
    /// The peer is heard; none before anything of it is known.
    peer: Option<bool>,
    /// Each path is up.
    paths: Vec<bool>,
    /// This machine is ready.
    is_ready: bool,
}

impl Driver {
    /// Tells what has changed since the last turn.
    pub(super) fn tell_changes(&mut self) {
        let now = self.clock.now();
        self.tell_peer(now);
        self.tell_paths(now);
        self.tell_readiness(now);
    }

    fn tell_peer(&mut self, now: Instant) {
        let is_heard = self.peer.alive_at.is_some_and(|at| now.since(at) < self.timing.dead);
        if self.changes.peer.unwrap_or(false) == is_heard {
            return;
        }
        self.changes.peer = Some(is_heard);
        let last = self.peer.heartbeat.as_ref();
        let name = last.map(|last| last.payload.heartbeat.identity.name.to_string());
        let draft = if is_heard {
            Draft::new(EventKind::PeerHeard, "the peer is heard")
        } else {
            let draft = Draft::new(EventKind::PeerSilent, "the peer is silent on every path");
            match last.map(|last| last.payload.heartbeat.role) {
                Some(Role::Leaving) => {
                    draft.why("it said that it is being stopped").severity(EventSeverity::Warning)
                }
                _ => {
                    let dead = self.timing.dead.as_millis();
                    draft.why(format!("nothing has come from it for {dead} ms (peer.dead)"))
                }
            }
        };
        self.events.emit(draft.field("peer", name.unwrap_or_default()));
    }

    fn tell_paths(&mut self, now: Instant) {
        let dead = self.timing.dead;
        self.changes.paths.resize(self.paths.iter().count(), false);
        let known = self.paths.iter().zip(&mut self.changes.paths);
        for (path, told) in known {
            let is_up = pair_view::is_up(path, dead, now);
            if core::mem::replace(told, is_up) == is_up {
                continue;
            }
            let (local, remote) = (path.local().ip(), path.remote().ip());
            let draft = if is_up {
                let what = format!("the path {local} to {remote} is up");
                Draft::new(EventKind::PathUp, what)
            } else {
                let what = format!("the path {local} to {remote} is down");
                let why = path.trouble();
                let why = why.unwrap_or_else(|| "the peer's heartbeats do not come".to_owned());
                Draft::new(EventKind::PathDown, what).why(why)
            };
            self.events.emit(draft.field("path", format!("{local} {remote}")));
        }
    }

    /// A machine that listens or leaves is on its way, and not unready.
    fn tell_readiness(&mut self, _now: Instant) {
        if !matches!(self.machine.role(), Role::Standby | Role::Active) {
            return;
        }
        let is_fit = self.machine.fitness().is_ready();
        // Words are made only when they may be needed.
        if is_fit == self.changes.is_ready && !is_fit {
            return;
        }
        let obstacles = self.obstacles();
        let is_ready = is_fit && obstacles.is_empty();
        if core::mem::replace(&mut self.changes.is_ready, is_ready) == is_ready {
            return;
        }
        self.events.emit(if is_ready {
            Draft::new(EventKind::MachineReady, "this machine is ready to be the active one")
        } else {
            let what = "this machine is not ready to be the active one";
            Draft::new(EventKind::MachineNotReady, what).why(obstacles.join("; "))
        });
    }
}
