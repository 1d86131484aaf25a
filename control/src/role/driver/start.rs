//! How the driver starts: where the term stands, and whether the dataplane still holds the
//! role.

use core::time::Duration;
use std::sync::Arc;

use api::Role;
use config::{Digests, Node, Peer};
use failover::{Identity, Instant, Machine, Term, Timers};
use tokio::sync::{mpsc, watch};

use super::changes::ToldChanges;
use super::dataplane_answers::DataplaneState;
use super::requests::RequestReceiver;
use super::step::RoleHistory;
use super::{Driver, Leaving, PeerState};
use crate::clock::Clock;
use crate::events::{EventKind, Events};
use crate::heartbeat::Association;
use crate::heartbeat::paths::Paths;
use crate::measures::Measures;
use crate::role::dataplane::DataplaneSocket;
use crate::role::handover::{self, Handover};
use crate::role::sync_direction::{GracePeriods, SyncPlan};
use crate::role::warnings::Warnings;
use crate::sync::Report;
use crate::witness::Witness;

/// What a driver is made of.
pub struct Parts {
    pub node: Node,
    pub peer: Peer,
    /// The clock that all threads share.
    pub clock: Clock,
    /// The term that is on disk.
    pub stored: Term,
    pub association: Association,
    pub requests: RequestReceiver,
    /// Terms to be written.
    pub terms: mpsc::UnboundedSender<Term>,
    pub plan: watch::Sender<SyncPlan>,
    pub sync: watch::Receiver<Report>,
    pub measures: Arc<Measures>,
    /// Of the configuration in force.
    pub digests: watch::Receiver<Digests>,
    /// Whether the witness answers.
    pub witness: Witness,
    pub events: Events,
}

/// Hosts repeat an ARP request once a second (RFC 1122 section 2.3.2.1).
const RESOLVE: Duration = Duration::from_secs(1);
/// Longer than NICs and switches take to bring a link up.
const NEGOTIATE: Duration = Duration::from_secs(30);

impl Driver {
    /// A driver that goes on where an earlier one was, if the lease still runs.
    pub async fn start(parts: Parts) -> Self {
        let clock = parts.clock;
        let mut dataplane = DataplaneSocket::new(&parts.node.control_socket);
        // Answers are awaited here for once. A lease that is not renewed meanwhile ends
        // within this time, and the peer waits for longer: silence is safe, and a word from a
        // machine that does not know what it is would not be.
        let _ = tokio::time::timeout(parts.peer.timing.lease, dataplane.first_answer(clock)).await;
        let identity = Identity {
            priority: parts.peer.priority,
            name: parts.node.name.as_str().into(),
            start: parts.association.own_start(),
        };
        let machine = machine(&dataplane, identity, &parts, clock.now());
        Driver {
            clock,
            timing: parts.peer.timing,
            machine,
            paths: Paths::new(&parts.peer, parts.association, Arc::clone(&parts.measures)),
            dataplane,
            requests: parts.requests,
            terms: parts.terms,
            plan: parts.plan,
            sync: parts.sync,
            measures: parts.measures,
            digests: parts.digests,
            witness: parts.witness,
            peer: PeerState::default(),
            observed: DataplaneState::default(),
            grace: GracePeriods::default(),
            handover: Handover::default(),
            leaving: Leaving::default(),
            history: RoleHistory::since(parts.events.totals().of(&EventKind::RoleActive)),
            warnings: Warnings::new(parts.events.clone()),
            events: parts.events,
            changes: ToldChanges::default(),
        }
    }
}

fn machine(
    dataplane: &DataplaneSocket,
    identity: Identity,
    parts: &Parts,
    now: Instant,
) -> Machine {
    let timing = parts.peer.timing;
    let timers = Timers {
        interval: timing.interval,
        dead: timing.dead,
        lease: timing.lease,
        preempt: timing.preempt,
        // Machines that may be silent for long take as long to answer.
        handover: timing.dead.clamp(Timers::default().handover, handover::LONGEST),
        confirm: timing.dead.max(Timers::default().confirm),
        resolve: RESOLVE,
        negotiate: NEGOTIATE,
        ..Timers::default()
    };
    let held = dataplane.lease_status.as_ref();
    let seen = held.map_or(Term(0), |lease_status| Term(lease_status.term));
    match held.filter(|held| held.role == Role::Active && held.lease_left > 0) {
        Some(held) => {
            tracing::info!(
                "the dataplane is still active (term {}); this machine keeps its role",
                held.term
            );
            Machine::resume(identity, timers, seen, now)
        }
        // A dataplane grants no claim of a term that it has seen, whatever the disk says.
        None => Machine::new(identity, timers, parts.stored.max(seen), now),
    }
}
