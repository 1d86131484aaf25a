//! One step of the state machine, and everything that it decides.

use core::time::Duration;
use std::collections::BTreeMap;
use std::time::SystemTime;

use api::{Change, LeaseOrder};
use failover::{Action, Event, Heartbeat, Notice, Role};

use super::Driver;
use crate::heartbeat::{HeartbeatPayload, Progress};
use crate::log_limiter::LogLimiter;
use crate::role::handover::PendingOrder;
use crate::role::{notice, pair_view};

/// What happened to the role since the process started.
#[derive(Default)]
pub(super) struct RoleHistory {
    pub(super) last_change: Option<Change>,
    /// How often this machine became active.
    pub(super) takeovers: u64,
    /// How often each notice was reported, by its name in metrics.
    pub(super) notices: BTreeMap<&'static str, u64>,
    /// Limits what is logged of address conflicts, which others can cause.
    conflict_log: LogLimiter,
}

impl Driver {
    /// One step of the state machine, and everything that it decides.
    pub(super) async fn step(&mut self, event: Event) {
        // Before the step's own time: a lease must not begin later than it was decided.
        let at = api::lease::monotonic_micros();
        let now = self.clock.now();
        let before = self.machine.role();
        let actions = self.machine.step(event, now);
        self.grace.note(&actions, self.timing.grace, now);
        for action in &actions {
            self.carry_out(action, at).await;
        }
        self.note_change(before, &actions);
    }

    async fn carry_out(&mut self, action: &Action, at: u64) {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let lease = micros(self.timing.lease);
        match action {
            Action::Send(heartbeat) => self.send(heartbeat),
            Action::StoreTerm(term) => {
                let _ = self.terms.send(*term);
            }
            Action::Renew(term) => self.order(LeaseOrder::Renew { term: term.0, lease, at }),
            // The peer hears of what follows only when it is so: in a handover this
            // dataplane is active before the other one stops, in a conflict it has
            // stopped before the other one is told.
            Action::Claim(term) => {
                self.order(LeaseOrder::Claim { term: term.0, lease, at });
                self.settle().await;
            }
            Action::Release => {
                self.order(LeaseOrder::Release);
                self.settle().await;
            }
            Action::Retire => {
                self.order(LeaseOrder::Retire { grace: micros(self.timing.grace) });
                self.settle().await;
            }
            Action::Announce => self.order(LeaseOrder::Announce),
            Action::Drain => {
                self.handover.draining = Some(PendingOrder::Ordered);
                self.order(LeaseOrder::Drain);
            }
            Action::Probe => {
                self.observed.probing = Some(PendingOrder::Ordered);
                self.order(LeaseOrder::Probe);
            }
            Action::Report(notice) => self.report(*notice),
        }
    }

    pub(super) fn order(&mut self, order: LeaseOrder) {
        self.dataplane.order(order, self.clock.now());
    }

    /// Waits for the answer to the last order, which takes microseconds; but not so long
    /// that the next heartbeat would be late.
    pub(super) async fn settle(&mut self) {
        let _ = tokio::time::timeout(self.timing.interval / 2, self.dataplane.settled()).await;
    }

    fn send(&mut self, heartbeat: &Heartbeat) {
        let progress = self.dataplane.lease_status.as_ref().map(|lease_status| Progress {
            state: lease_status.sync.state,
            complete: lease_status.sync.complete,
            lag: lease_status.sync.lag,
        });
        self.paths.send(HeartbeatPayload {
            sequence: 0,
            heartbeat: heartbeat.clone(),
            progress: progress.unwrap_or_default(),
            timers: self.timing.into(),
            obstacles: self.obstacles(),
            damped: self.damped(),
            digests: *self.digests.borrow(),
        });
    }

    fn report(&mut self, notice: Notice) {
        if notice == Notice::ReachesLess {
            self.handover.outreached = Some(self.obstacles().join("; "));
        }
        *self.history.notices.entry(notice::name(notice)).or_default() += 1;
        let sentence = self.describe(notice);
        // What comes again and again (a conflict, say) is told once in a while.
        if !notice::is_alarming(notice) {
            tracing::info!("{sentence}");
        } else if notice != Notice::AddressConflict
            || self.history.conflict_log.may_log(self.clock.now())
        {
            tracing::warn!("{sentence}");
        }
        if matches!(notice, Notice::HandoverFailed | Notice::NotReady) {
            self.handover.draining = None;
            self.handover.outreached = None;
            if let Some(waiting) = self.handover.waiting.take() {
                waiting.answer(Err(sentence));
            }
        }
    }

    /// The notice, with what is known besides.
    fn describe(&self, notice: Notice) -> String {
        let sentence = notice::sentence(notice);
        match &self.observed.unable {
            Some(why) if notice == Notice::Unable => format!("{sentence}: {why}"),
            _ => match self.reason(notice) {
                Some(why) if !why.is_empty() => format!("{sentence}: {why}"),
                _ => sentence.to_owned(),
            },
        }
    }

    /// Why the role was handed over, where a machine knows that itself: "it" is the machine
    /// that gives the role away.
    fn reason(&self, notice: Notice) -> Option<String> {
        match notice {
            Notice::ReachesLess | Notice::HandedOver => self.handover.outreached.clone(),
            Notice::PeerYielded => {
                self.peer.heartbeat.as_ref().map(|last| last.payload.obstacles.join("; "))
            }
            Notice::Damped => self.damped(),
            _ => None,
        }
    }

    /// Keeps the last change of role, and why.
    fn note_change(&mut self, before: Role, actions: &[Action]) {
        let (before, to) = (pair_view::role(before), pair_view::role(self.machine.role()));
        if before == to {
            return;
        }
        let why = actions.iter().find_map(|action| match action {
            Action::Report(notice) => Some(self.describe(*notice)),
            _ => None,
        });
        let why = why.unwrap_or_else(|| "tandem-control is being stopped".to_owned());
        let term = self.machine.term().0;
        tracing::info!("this machine is {to} now (term {term}): {why}");
        self.handover.draining = None;
        self.handover.outreached = None;
        self.history.takeovers += u64::from(to == api::Role::Active);
        let at = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        self.history.last_change = Some(Change { to, at, why });
    }
}
