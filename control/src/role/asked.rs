//! What is asked of the driver, and answered.

use api::{Failure, FailureKind, Pair};
use failover::{Event, Notice};
use tokio::sync::oneshot;

use super::ask::Ask;
use super::driver::Driver;
use super::handover::{self, Waiting};
use super::notice;
use super::view::{Numbers, View};

impl Driver {
    pub(super) async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Pair(answer) => drop(answer.send(self.pair())),
            Ask::Numbers(answer) => drop(answer.send(self.numbers())),
            Ask::Failover(answer) => self.begin_handover(answer).await,
            Ask::TermStored { term, stored: true } => self.step(Event::TermStored(term)).await,
            Ask::TermStored { term, stored: false } => self.step(Event::TermNotStored(term)).await,
            Ask::Witness(at) => self.witness.answered(at),
            Ask::Leave => {
                self.memory.leaving = true;
                self.step(Event::Leave).await;
            }
        }
    }

    async fn begin_handover(&mut self, answer: oneshot::Sender<Result<Pair, Failure>>) {
        let role = self.machine.role();
        let obstacle = match self.memory.waiting {
            Some(_) => Some("another handover is under way".to_owned()),
            None => handover::obstacle(&self.pair(), role),
        };
        if let Some(why) = obstacle {
            let _ = answer.send(Err(Failure::new(FailureKind::NotNow, why)));
            return;
        }
        self.memory.waiting = Some(Waiting::new(answer, role, self.clock.now()));
        self.step(Event::Handover).await;
    }

    pub(super) fn end_handover(&mut self) {
        let (role, now) = (self.machine.role(), self.clock.now());
        let is_over = self.memory.waiting.as_ref().map(|w| (w.is_done(role), w.is_over(now)));
        let result = match is_over {
            Some((true, _)) => Ok(self.pair()),
            Some((false, true)) => Err(notice::sentence(Notice::HandoverFailed).to_owned()),
            _ => return,
        };
        if let Some(waiting) = self.memory.waiting.take() {
            waiting.answer(result);
        }
    }

    fn pair(&self) -> Pair {
        let sync = self.sync.borrow().clone();
        let view = View {
            machine: &self.machine,
            paths: &self.paths,
            dataplane: &self.dataplane,
            peer: self.memory.peer.as_ref(),
            obstacles: self.obstacles(),
            sync: &sync,
            last_change: self.memory.last_change.as_ref(),
            takeovers: self.memory.takeovers,
            timing: self.timing,
            warnings: self.memory.warnings.all(),
            now: self.clock.now(),
        };
        view.pair()
    }

    fn numbers(&self) -> Numbers {
        Numbers {
            pair: self.pair(),
            holding: self.dataplane.holding.clone(),
            notices: self.memory.notices.iter().map(|(name, count)| (*name, *count)).collect(),
        }
    }
}
