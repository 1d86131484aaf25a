//! One step of the state machine, and everything that it decides.

use core::time::Duration;
use std::collections::BTreeMap;
use std::time::SystemTime;

use api::{Change, EventSeverity, LeaseOrder};
use failover::{Action, Event, Heartbeat, Notice, Role};

use super::Driver;
use crate::events::{Draft, EventKind};
use crate::heartbeat::{HeartbeatPayload, Progress};
use crate::log_limiter::LogLimiter;
use crate::role::handover::PendingOrder;
use crate::role::{notice, pair_view};

/// What happened to the role since the process started.
#[derive(Default)]
pub(super) struct RoleHistory {
    pub(super) last_change: Option<Change>,
    /// How often this machine became active, also before this start.
    pub(super) takeovers: u64,
    /// How often each notice was reported, by its name in metrics.
    pub(super) notices: BTreeMap<&'static str, u64>,
    /// Limits what is logged of address conflicts, which others can cause.
    conflict_log: LogLimiter,
}

impl RoleHistory {
    /// Goes on after so many takeovers before this start.
    pub(super) fn since(takeovers: u64) -> Self {
        RoleHistory { takeovers, ..RoleHistory::default() }
    }
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
        if let Some(kind) = notice::kind(notice) {
            // What comes again and again (a conflict, say) is told once in a while.
            if notice != Notice::AddressConflict
                || self.history.conflict_log.may_log(self.clock.now())
            {
                self.events.emit(self.draft(kind, notice::sentence(notice), &[notice]));
            }
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
        match self.why(notice) {
            Some(why) => format!("{sentence}: {why}"),
            None => sentence.to_owned(),
        }
    }

    /// What is known besides, in words.
    fn why(&self, notice: Notice) -> Option<String> {
        let why = match notice {
            Notice::Unable => self.observed.unable.clone(),
            _ => self.reason(notice),
        };
        why.filter(|why| !why.is_empty())
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
            return self.tell_notices(actions);
        }
        let why = actions.iter().find_map(|action| match action {
            Action::Report(notice) => Some(self.describe(*notice)),
            _ => None,
        });
        let why = why.unwrap_or_else(|| "tandem-control is being stopped".to_owned());
        self.tell_role(before, to, actions, &why);
        self.handover.draining = None;
        self.handover.outreached = None;
        self.history.takeovers += u64::from(to == api::Role::Active);
        let at = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        self.history.last_change = Some(Change { to, at, why });
    }

    /// Tells a change of the role. That nobody has to look into it is said by every notice of it.
    fn tell_role(&self, before: api::Role, to: api::Role, actions: &[Action], why: &str) {
        let kind = match (to, self.machine.role()) {
            (api::Role::Active, _) => EventKind::RoleActive,
            (_, Role::Leaving) => EventKind::RoleLeaving,
            (_, Role::Listening) => EventKind::RoleListening,
            (_, Role::Standby | Role::Active) => EventKind::RoleStandby,
        };
        let term = self.machine.term().0;
        let what = format!("this machine is {to} now (term {term})");
        let is_alarming = notices(actions).any(notice::is_alarming);
        let draft = Draft::new(kind, what).why(why).field("from", before).field("to", to);
        let actor = self.handover.waiting.as_ref().map(|waiting| waiting.actor.as_str());
        self.events.emit(
            draft.field("term", term).actor(actor.unwrap_or_default()).severity(if is_alarming {
                EventSeverity::Warning
            } else {
                EventSeverity::Info
            }),
        );
    }

    /// Tells what was reported without a change of the role.
    fn tell_notices(&self, actions: &[Action]) {
        for notice in notices(actions).filter(|notice| notice::kind(*notice).is_none()) {
            let draft = self.draft(EventKind::RoleNotice, notice::sentence(notice), &[notice]);
            let is_alarming = notice::is_alarming(notice);
            self.events.emit(draft.severity(match is_alarming {
                true => EventSeverity::Warning,
                false => EventSeverity::Info,
            }));
        }
    }

    fn draft(&self, kind: EventKind, what: &str, about: &[Notice]) -> Draft {
        let why = about.iter().find_map(|notice| self.why(*notice)).unwrap_or_default();
        let names = about.iter().map(|notice| notice::name(*notice)).collect::<Vec<_>>();
        Draft::new(kind, what)
            .why(why)
            .field("notice", names.join(" "))
            .field("term", self.machine.term().0)
    }
}

fn notices(actions: &[Action]) -> impl Iterator<Item = Notice> {
    actions.iter().filter_map(|action| match action {
        Action::Report(notice) => Some(*notice),
        _ => None,
    })
}
