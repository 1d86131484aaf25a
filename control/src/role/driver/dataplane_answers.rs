//! What the dataplane's answers mean.

use core::time::Duration;

use api::{LeaseOrder, SyncLink};
use failover::{Event, Instant, Role, Term};

use super::Driver;
use crate::role::damping;
use crate::role::dataplane::Answer;
use crate::role::fitness::{Copied, Findings};
use crate::role::handover::PendingOrder;

/// A floating address that somebody else announces is announced again so often at most.
const CONFLICT: Duration = Duration::from_secs(1);

/// What is remembered of the dataplane's answers.
#[derive(Default)]
pub(super) struct DataplaneState {
    /// An order to ask every next hop, until it is done.
    pub(super) probing: Option<PendingOrder>,
    /// How many address conflicts were counted when the state machine was last told; none
    /// before the first answer of a dataplane.
    conflicts: Option<u64>,
    /// When the state machine was last told of a conflict.
    conflict_at: Option<Instant>,
    /// Why the dataplane cannot forward.
    pub(super) unable: Option<String>,
    /// Whether this machine has the peer's connections.
    copied: Copied,
}

impl Driver {
    pub(super) async fn take_answers(&mut self) {
        for answer in self.dataplane.answers() {
            let now = self.clock.now();
            self.measures.answers.observe(now.since(answer.asked).as_secs_f64());
            if self.is_lease_lost(&answer) {
                self.step(Event::LeaseLost).await;
            }
            self.look_for_drained(&answer).await;
            self.look_for_probed(&answer).await;
        }
        self.look_for_conflict().await;
    }

    fn is_lease_lost(&self, answer: &Answer) -> bool {
        let (LeaseOrder::Claim { term, .. } | LeaseOrder::Renew { term, .. }) = answer.order else {
            return false;
        };
        !answer.granted && self.machine.role() == Role::Active && self.machine.term() == Term(term)
    }

    /// An order to drain that is not granted is not repeated: the handover fails in its
    /// time, and the operator is told.
    async fn look_for_drained(&mut self, answer: &Answer) {
        let Some(sync) =
            self.dataplane.lease_status.as_ref().map(|lease_status| &lease_status.sync)
        else {
            return;
        };
        let is_drained = match self.handover.draining {
            None => return,
            Some(PendingOrder::Ordered) if answer.order != LeaseOrder::Drain => return,
            Some(PendingOrder::Ordered) => {
                self.handover.draining =
                    answer.granted.then_some(PendingOrder::Until(sync.draining));
                answer.granted && sync.drained >= sync.draining
            }
            Some(PendingOrder::Until(number)) => sync.drained >= number,
        };
        if is_drained {
            self.handover.draining = None;
            self.step(Event::Drained).await;
        }
    }

    /// What was found is told before it is said that everything was.
    async fn look_for_probed(&mut self, answer: &Answer) {
        let Some(lease_status) = &self.dataplane.lease_status else { return };
        let (probing, probed) = (lease_status.probing, lease_status.probed);
        let is_probed = match self.observed.probing {
            Some(PendingOrder::Ordered) if answer.order == LeaseOrder::Probe => {
                self.observed.probing = answer.granted.then_some(PendingOrder::Until(probing));
                answer.granted && probed >= probing
            }
            Some(PendingOrder::Until(number)) => probed >= number,
            _ => return,
        };
        if is_probed {
            self.observed.probing = None;
            self.step_fitness().await;
            self.step(Event::Probed).await;
        }
    }

    async fn look_for_conflict(&mut self) {
        let Some(count) =
            self.dataplane.lease_status.as_ref().map(|lease_status| lease_status.disputes)
        else {
            // The next dataplane counts from the start.
            self.observed.conflicts = None;
            self.observed.probing = None;
            return;
        };
        let now = self.clock.now();
        let is_new = self.observed.conflicts.is_some_and(|before| count > before);
        let is_due = self.observed.conflict_at.is_none_or(|at| now.since(at) >= CONFLICT);
        if is_new && !is_due {
            return;
        }
        self.observed.conflicts = Some(count);
        if is_new {
            self.observed.conflict_at = Some(now);
            self.step(Event::Conflict).await;
        }
    }

    pub(super) async fn step_fitness(&mut self) {
        let now = self.clock.now();
        let peer = self.machine.peer(now).map(|heartbeat| heartbeat.role);
        let sync = self.dataplane.lease_status.as_ref().map(|status| status.sync.clone());
        if self.dataplane.lease_status.is_none() {
            // It may have been started anew, with an empty table.
            self.observed.copied = Copied::default();
        }
        self.observed.copied.follow(
            self.machine.role(),
            peer,
            self.link(),
            &sync.unwrap_or_default(),
        );
        let fitness = self.findings(|findings| findings.fitness());
        let why = |findings: Findings<'_>| findings.obstacles(fitness).join("; ");
        self.observed.unable = (!fitness.able).then(|| self.findings(why));
        self.step(Event::Fitness(fitness)).await;
    }

    /// The stream, as soon as the dataplane's answers are about it.
    fn link(&self) -> SyncLink {
        let sync = self.sync.borrow();
        if self.dataplane.asked >= sync.since { sync.link } else { SyncLink::Down }
    }

    pub(super) fn obstacles(&self) -> Vec<String> {
        let fitness = self.machine.fitness();
        self.findings(|findings| findings.obstacles(fitness))
    }

    /// Why and for how long this machine is damped, if it is.
    pub(super) fn damped(&self) -> Option<String> {
        self.machine.damped(self.clock.now()).as_ref().map(damping::words)
    }

    /// Judges how things are.
    fn findings<T>(&self, judge: impl FnOnce(Findings<'_>) -> T) -> T {
        let now = self.clock.now();
        // One that has not answered for so long has lost its lease.
        let trouble = self.dataplane.trouble(self.timing.lease, now);
        let link_trouble = self.sync.borrow().trouble.clone();
        judge(Findings {
            lease_status: self.dataplane.lease_status.as_ref(),
            trouble: trouble.as_deref(),
            role: self.machine.role(),
            peer: self.machine.peer(now).map(|heartbeat| heartbeat.role),
            peer_fitness: self.machine.peer(now).map(|heartbeat| heartbeat.fitness),
            link: self.link(),
            link_trouble: link_trouble.as_deref(),
            copied: self.observed.copied,
            witness: self.witness.answers(self.last_heard(), now),
            unproven_peer: self.paths.hears_unproven_peer(self.timing.dead, now),
            incompatible: self.machine.incompatible(now).is_some(),
        })
    }

    /// When the peer was heard the last time, understood or not.
    pub(super) fn last_heard(&self) -> Option<Instant> {
        self.peer.alive_at
    }
}
