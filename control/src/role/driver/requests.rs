//! What other threads ask of the driver, and how it answers.

use core::time::Duration;

use api::{Failure, FailureKind, Pair};
use failover::{Event, Notice, Term};
use tokio::sync::{mpsc, oneshot};

use super::Driver;
use crate::events::{Draft, EventKind};
use crate::key::KeyRing;
use crate::role::handover::{self, Waiting};
use crate::role::notice;
use crate::role::pair_view::{Numbers, View};

/// What another thread asks of the driver, or tells it.
#[derive(Debug)]
pub enum DriverRequest {
    /// How is the pair?
    Pair(oneshot::Sender<Pair>),
    /// The numbers behind the metrics.
    Numbers(oneshot::Sender<Numbers>),
    /// Move the role to the other machine; answered when that is done, or has failed.
    Failover {
        /// Who wants it.
        actor: String,
        answer: oneshot::Sender<Result<Pair, Failure>>,
    },
    /// A term was written, or was not.
    TermStored {
        term: Term,
        /// It is on disk.
        stored: bool,
    },
    /// Go on with other keys.
    ChangeKeys(KeyRing),
    /// When the witness answered the last time.
    Witness(failover::Instant),
    /// Give the role up, then end.
    Leave,
}

/// Asks the driver, from any thread.
#[derive(Clone, Debug)]
pub struct DriverHandle(mpsc::UnboundedSender<DriverRequest>);

pub type RequestReceiver = mpsc::UnboundedReceiver<DriverRequest>;

/// An answer takes the driver less than this, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(2);

impl DriverHandle {
    #[must_use]
    pub fn new() -> (Self, RequestReceiver) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (DriverHandle(sender), receiver)
    }

    /// Says something that needs no answer. After the driver has ended nobody listens.
    pub fn tell(&self, request: DriverRequest) {
        let _ = self.0.send(request);
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> DriverRequest,
        patience: Duration,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        self.tell(request(sender));
        match tokio::time::timeout(patience, receiver).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Failure::new(FailureKind::NotNow, "tandem-control is ending")),
            Err(_) => Err(Failure::new(
                FailureKind::Busy,
                "tandem-control did not come to it in time; try again",
            )),
        }
    }

    /// How the pair is.
    ///
    /// # Errors
    /// When the driver ends or hangs.
    pub async fn pair(&self) -> Result<Pair, Failure> {
        self.ask(DriverRequest::Pair, PATIENCE).await
    }

    /// The numbers behind the metrics.
    ///
    /// # Errors
    /// When the driver ends or hangs.
    pub async fn numbers(&self) -> Result<Numbers, Failure> {
        self.ask(DriverRequest::Numbers, PATIENCE).await
    }

    /// Moves the role to the other machine.
    ///
    /// # Errors
    /// When that is not possible now, and why.
    pub async fn failover(&self, actor: String) -> Result<Pair, Failure> {
        let request = |answer| DriverRequest::Failover { actor, answer };
        self.ask(request, handover::PATIENCE + PATIENCE).await?
    }
}

impl Driver {
    pub(super) async fn answer(&mut self, request: DriverRequest) {
        match request {
            DriverRequest::Pair(answer) => drop(answer.send(self.pair())),
            DriverRequest::Numbers(answer) => drop(answer.send(self.numbers())),
            DriverRequest::Failover { actor, answer } => self.begin_handover(actor, answer).await,
            DriverRequest::TermStored { term, stored: true } => {
                self.step(Event::TermStored(term)).await
            }
            DriverRequest::TermStored { term, stored: false } => {
                self.step(Event::TermNotStored(term)).await
            }
            DriverRequest::ChangeKeys(keys) => self.paths.change_keys(keys),
            DriverRequest::Witness(at) => self.witness.answered(at),
            DriverRequest::Leave => {
                self.leaving.asked = true;
                self.step(Event::Leave).await;
            }
        }
    }

    async fn begin_handover(
        &mut self,
        actor: String,
        answer: oneshot::Sender<Result<Pair, Failure>>,
    ) {
        let role = self.machine.role();
        let obstacle = match self.handover.waiting {
            Some(_) => Some("another handover is under way".to_owned()),
            None => handover::obstacle(&self.pair(), role),
        };
        if let Some(why) = obstacle {
            let what = "a handover that was asked for is refused";
            let draft = Draft::new(EventKind::HandoverFailed, what);
            self.events.emit(draft.why(&why).actor(actor));
            let _ = answer.send(Err(Failure::new(FailureKind::NotNow, why)));
            return;
        }
        self.handover.waiting = Some(Waiting::new(answer, role, actor, self.clock.now()));
        self.step(Event::Handover).await;
    }

    pub(super) fn end_handover(&mut self) {
        let (role, now) = (self.machine.role(), self.clock.now());
        let is_over = self.handover.waiting.as_ref().map(|w| (w.is_done(role), w.is_over(now)));
        let result = match is_over {
            Some((true, _)) => Ok(self.pair()),
            Some((false, true)) => Err(notice::sentence(Notice::HandoverFailed).to_owned()),
            _ => return,
        };
        if let Some(waiting) = self.handover.waiting.take() {
            waiting.answer(result);
        }
    }

    fn pair(&self) -> Pair {
        let sync = self.sync.borrow().clone();
        let view = View {
            machine: &self.machine,
            paths: &self.paths,
            dataplane: &self.dataplane,
            peer: self.peer.heartbeat.as_ref(),
            obstacles: self.obstacles(),
            damped: self.damped(),
            sync: &sync,
            last_change: self.history.last_change.as_ref(),
            takeovers: self.history.takeovers,
            timing: self.timing,
            warnings: self.warnings.all(),
            differing: self.warnings.differing(),
            now: self.clock.now(),
        };
        view.pair()
    }

    fn numbers(&self) -> Numbers {
        Numbers {
            pair: self.pair(),
            lease_status: self.dataplane.lease_status.clone(),
            damped: self.machine.damped(self.clock.now()).map(|damped| damped.left),
            notices: self.history.notices.iter().map(|(name, count)| (*name, *count)).collect(),
        }
    }
}
