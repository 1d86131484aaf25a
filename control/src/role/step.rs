//! One step of the state machine, and everything that it decides.

use core::time::Duration;
use std::time::SystemTime;

use api::{Change, Hold};
use failover::{Action, Event, Heartbeat, Notice, Role};

use super::driver::{Draining, Driver};
use super::{notice, view};
use crate::heartbeat::{HeartbeatPayload, Progress};

impl Driver {
    /// One step of the state machine, and everything that it decides.
    pub(super) async fn step(&mut self, event: Event) {
        // Before the step's own time: a lease must not begin later than it was decided.
        let at = api::hold::monotonic_micros();
        let now = self.clock.now();
        let before = self.machine.role();
        let actions = self.machine.step(event, now);
        self.memory.grace.note(&actions, self.timing.grace, now);
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
            Action::Renew(term) => self.order(Hold::Renew { term: term.0, lease, at }),
            // The peer hears of what follows only when it is so: in a handover this
            // dataplane is active before the other one stops, in a conflict it has
            // stopped before the other one is told.
            Action::Claim(term) => {
                self.order(Hold::Claim { term: term.0, lease, at });
                self.settle().await;
            }
            Action::Release => {
                self.order(Hold::Release);
                self.settle().await;
            }
            Action::Retire => {
                self.order(Hold::Retire { grace: micros(self.timing.grace) });
                self.settle().await;
            }
            Action::Announce => self.order(Hold::Announce),
            Action::Drain => {
                self.memory.draining = Some(Draining::Ordered);
                self.order(Hold::Drain);
            }
            Action::Probe => {
                self.memory.probing = Some(Draining::Ordered);
                self.order(Hold::Probe);
            }
            Action::Report(notice) => self.report(*notice),
        }
    }

    pub(super) fn order(&mut self, order: Hold) {
        self.dataplane.order(order, self.clock.now());
    }

    /// Waits for the answer to the last order, which takes microseconds; but not so long
    /// that the next heartbeat would be late.
    pub(super) async fn settle(&mut self) {
        let _ = tokio::time::timeout(self.timing.interval / 2, self.dataplane.settled()).await;
    }

    fn send(&mut self, heartbeat: &Heartbeat) {
        let progress = self.dataplane.holding.as_ref().map(|holding| Progress {
            state: holding.sync.state,
            complete: holding.sync.complete,
            lag: holding.sync.lag,
        });
        self.paths.send(HeartbeatPayload {
            sequence: 0,
            heartbeat: heartbeat.clone(),
            progress: progress.unwrap_or_default(),
            timers: self.timing.into(),
            obstacles: self.obstacles(),
        });
    }

    fn report(&mut self, notice: Notice) {
        if notice == Notice::ReachesLess {
            self.memory.outreached = Some(self.obstacles().join("; "));
        }
        *self.memory.notices.entry(notice::name(notice)).or_default() += 1;
        let sentence = self.describe(notice);
        // What comes again and again (a conflict, say) is told once in a while.
        if !notice::is_alarming(notice) {
            tracing::info!("{sentence}");
        } else if notice != Notice::AddressConflict || self.memory.limiter.may_log(self.clock.now())
        {
            tracing::warn!("{sentence}");
        }
        if matches!(notice, Notice::HandoverFailed | Notice::NotReady) {
            self.memory.draining = None;
            self.memory.outreached = None;
            if let Some(waiting) = self.memory.waiting.take() {
                waiting.answer(Err(sentence));
            }
        }
    }

    /// The notice, with what is known besides.
    fn describe(&self, notice: Notice) -> String {
        let sentence = notice::sentence(notice);
        match &self.memory.unable {
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
            Notice::ReachesLess | Notice::HandedOver => self.memory.outreached.clone(),
            Notice::PeerYielded => {
                self.memory.peer.as_ref().map(|(_, payload)| payload.obstacles.join("; "))
            }
            _ => None,
        }
    }

    /// Keeps the last change of role, and why.
    fn note_change(&mut self, before: Role, actions: &[Action]) {
        let (before, to) = (view::role(before), view::role(self.machine.role()));
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
        self.memory.draining = None;
        self.memory.outreached = None;
        self.memory.takeovers += u64::from(to == api::Role::Active);
        let at = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        self.memory.last_change = Some(Change { to, at, why });
    }
}
