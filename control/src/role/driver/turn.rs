//! One turn of the driver's loop.

use api::LeaseOrder;
use failover::{Event, Instant};

use super::Driver;
use super::requests::DriverRequest;
use crate::heartbeat::paths::Received;
use crate::role::key_warnings::KeyFindings;
use crate::role::pair_view::{self, LastHeartbeat};
use crate::role::sync_direction::SyncPlan;

impl Driver {
    /// Takes in what has come, heartbeats first, then lets time pass.
    pub(super) async fn turn(&mut self, request: Option<DriverRequest>) {
        let (now, due) = (self.clock.now(), self.machine.next_tick());
        let is_due = now >= due;
        if is_due {
            self.measures.lateness.observe(now.since(due).as_secs_f64());
        }
        self.paths.open(now);
        self.dataplane.connect(now).await;
        self.listen(now).await;
        self.take_answers().await;
        if let Some(request) = request {
            self.answer(request).await;
        }
        self.step_fitness().await;
        if is_due {
            self.step(Event::Tick).await;
        }
        // An active machine has asked with its renewal.
        if self.dataplane.outstanding() == 0 && (is_due || self.handover.draining.is_some()) {
            self.order(LeaseOrder::Watch);
        }
        self.end_handover();
        self.publish_plan();
        self.tell_changes();
    }

    async fn listen(&mut self, now: Instant) {
        let Received { payloads, not_understood } = self.paths.receive(now);
        // Rarely, and not by itself, this start is made another.
        self.machine.set_start(self.paths.own_start());
        let heard: Vec<_> = payloads.iter().map(|payload| payload.heartbeat.clone()).collect();
        if let Some(newest) = payloads.into_iter().last() {
            let name = &self.machine.identity().name;
            self.warnings.compare(name, self.timing.into(), &newest);
            self.warnings.compare_digests(*self.digests.borrow(), newest.digests, now);
            self.peer.heartbeat = Some(LastHeartbeat { at: now, payload: newest });
        }
        if not_understood.is_some() || !heard.is_empty() {
            self.peer.alive_at = Some(now);
        }
        match not_understood {
            Some(said) => self.step(Event::NotUnderstood { earlier: heard, said }).await,
            None if !heard.is_empty() => self.step(Event::Heard(heard)).await,
            None => {}
        }
        let trouble = self.paths.trouble(self.machine.patience(), now);
        self.warnings.note_incompatible(trouble);
        let silent = self.timing.dead;
        self.warnings.keys.compare(
            KeyFindings {
                keys: self.paths.keys(),
                peers: self.paths.peers_key(),
                is_heard: self.peer.alive_at.is_some_and(|at| now.since(at) < silent),
                another: self.paths.another_key(silent, now),
            },
            now,
        );
    }

    fn publish_plan(&self) {
        let now = self.clock.now();
        let peer = self.machine.peer(now).map(|heartbeat| heartbeat.role);
        let (import, export) = self.grace.directions(self.machine.role(), peer, now);
        let is_up = |path| pair_view::is_up(path, self.timing.dead, now);
        let plan = SyncPlan { import, export, paths_up: self.paths.iter().map(is_up).collect() };
        self.plan.send_if_modified(|before| {
            let is_new = *before != plan;
            *before = plan;
            is_new
        });
        self.witness.watch(self.last_heard(), now);
    }
}
