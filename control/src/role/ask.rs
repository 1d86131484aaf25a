//! What other threads ask of the driver.

use core::time::Duration;

use api::{Failure, FailureKind, Pair};
use failover::Term;
use tokio::sync::{mpsc, oneshot};

use super::view::Numbers;

/// A question or a word to the driver.
#[derive(Debug)]
pub enum Ask {
    /// How is the pair?
    Pair(oneshot::Sender<Pair>),
    /// The numbers behind the metrics.
    Numbers(oneshot::Sender<Numbers>),
    /// Move the role to the other machine; answered when that is done, or has failed.
    Failover(oneshot::Sender<Result<Pair, Failure>>),
    /// A term was written, or was not.
    TermStored {
        /// Which.
        term: Term,
        /// It is on disk.
        stored: bool,
    },
    /// When the witness answered the last time.
    Witness(failover::Instant),
    /// Give the role up, then end.
    Leave,
}

/// Asks the driver.
#[derive(Clone, Debug)]
pub struct Asker(mpsc::UnboundedSender<Ask>);

/// The driver's end.
pub type Asks = mpsc::UnboundedReceiver<Ask>;

/// An answer takes the driver less than this, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(2);

impl Asker {
    /// Both ends.
    #[must_use]
    pub fn new() -> (Self, Asks) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Asker(sender), receiver)
    }

    /// Says something that needs no answer. After the driver has ended nobody listens.
    pub fn tell(&self, ask: Ask) {
        let _ = self.0.send(ask);
    }

    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<T>) -> Ask,
        patience: Duration,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        self.tell(ask(sender));
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
        self.ask(Ask::Pair, PATIENCE).await
    }

    /// The numbers behind the metrics.
    ///
    /// # Errors
    /// When the driver ends or hangs.
    pub async fn numbers(&self) -> Result<Numbers, Failure> {
        self.ask(Ask::Numbers, PATIENCE).await
    }

    /// Moves the role to the other machine.
    ///
    /// # Errors
    /// When that is not possible now, and why.
    pub async fn failover(&self) -> Result<Pair, Failure> {
        self.ask(Ask::Failover, super::handover::PATIENCE + PATIENCE).await?
    }
}
