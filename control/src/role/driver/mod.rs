//! The driver: one task that feeds the state machine and has its decisions carried out.
//!
//! `turn` is one turn of its loop, `step` one step of the state machine, and `changes` tells what
//! else has changed. A turn takes in
//! heartbeats, then the dataplane's answers (`dataplane_answers`), then a request of another
//! thread ([`requests`]), and at last it lets time pass. [`mod@start`] finds out where an earlier
//! process stopped.

mod changes;
mod dataplane_answers;
pub mod requests;
pub mod start;
mod step;
mod turn;

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use api::LeaseOrder;
use config::{Digests, Timing};
use failover::{Instant, Machine, Role, Term};
use tokio::sync::{mpsc, watch};

use self::changes::ToldChanges;
use self::dataplane_answers::DataplaneState;
use self::requests::RequestReceiver;
use self::step::RoleHistory;
use super::dataplane::DataplaneSocket;
use super::handover::Handover;
use super::pair_view::LastHeartbeat;
use super::sync_direction::{GracePeriods, SyncPlan};
use super::warnings::Warnings;
use crate::clock::Clock;
use crate::events::Events;
use crate::heartbeat::paths::Paths;
use crate::measures::Measures;
use crate::sync::Report;
use crate::witness::Witness;

/// The pause between looks at a dataplane that brings the last connections to the peer.
const DRAIN: Duration = Duration::from_millis(2);

/// The pause before more is read from a path that is flooded.
const FLOODED: Duration = Duration::from_millis(1);

/// Runs the state machine of this machine.
pub struct Driver {
    clock: Clock,
    timing: Timing,
    machine: Machine,
    paths: Paths,
    dataplane: DataplaneSocket,
    requests: RequestReceiver,
    terms: mpsc::UnboundedSender<Term>,
    plan: watch::Sender<SyncPlan>,
    sync: watch::Receiver<Report>,
    measures: Arc<Measures>,
    /// Of the configuration in force.
    digests: watch::Receiver<Digests>,
    witness: Witness,
    peer: PeerState,
    observed: DataplaneState,
    grace: GracePeriods,
    handover: Handover,
    leaving: Leaving,
    history: RoleHistory,
    /// What is wrong with what the peer says, as it was last logged.
    warnings: Warnings,
    events: Events,
    changes: ToldChanges,
}

/// What is known of the peer from what it last said.
#[derive(Default)]
struct PeerState {
    /// The last heartbeat that was understood.
    heartbeat: Option<LastHeartbeat>,
    /// When the peer last proved that it lives, whether it was understood or not.
    alive_at: Option<Instant>,
}

/// How far the driver has come with giving the role up before it ends.
#[derive(Default)]
struct Leaving {
    /// The process was asked to end.
    asked: bool,
    /// Since when the state machine has had the role `Leaving`.
    since: Option<Instant>,
}

impl Driver {
    /// Runs until it was asked to leave and has left.
    pub async fn run(mut self) {
        loop {
            let due = self.due();
            let mut request = None;
            tokio::select! {
                biased;
                Some(received) = self.requests.recv() => request = Some(received),
                () = readable(&self.paths, &self.dataplane) => {}
                () = tokio::time::sleep_until(self.clock.at(due)) => {}
            }
            self.turn(request).await;
            if self.has_left() {
                break;
            }
        }
        self.order(LeaseOrder::Release);
        self.settle().await;
    }

    fn due(&self) -> Instant {
        let tick = self.machine.next_tick();
        let soon = |pause| tick.min(self.clock.now().plus(pause));
        match (self.paths.is_flooded(), self.handover.draining) {
            (true, _) => soon(FLOODED),
            (false, Some(_)) => soon(DRAIN),
            (false, None) => tick,
        }
    }

    /// True when this machine has told the peer a few times that it leaves, and no packets reach
    /// it any more.
    fn has_left(&mut self) -> bool {
        if !self.leaving.asked || self.machine.role() != Role::Leaving {
            return false;
        }
        let now = self.clock.now();
        let since = *self.leaving.since.get_or_insert(now);
        now.since(since) >= self.timing.interval * 3 && !self.grace.is_retiring(now)
    }
}

/// Ready when a heartbeat or an answer of the dataplane may have come.
async fn readable(paths: &Paths, dataplane: &DataplaneSocket) {
    poll_fn(|context| {
        let is_ready = paths.poll_readable(context).is_ready();
        if dataplane.poll_readable(context).is_ready() || is_ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
