//! Versions of the configuration: `tandem apply` and `tandem config`.
//!
//! Whatever comes into force, by whichever way, is kept as a version with its files. An order to
//! apply others puts them in the places of those in force, has the dataplane reload, and puts the
//! old ones back where it refuses. One that is to be confirmed goes back by itself when its time
//! is over: this process waits for that, not the operator's, whose connection the new
//! configuration may have cut. What waits is on disk, so a restart of the process or of the
//! machine changes nothing about it.

mod archive;
mod files;

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use api::{
    Applied, Apply, Failure, FailureKind, Reload, Reloaded, RollBack, Version, VersionFile,
    VersionFiles, VersionOrigin, Versions,
};
use config::Sources;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::configuration::Follower;
use crate::events::{Draft, EventKind, Events};
use archive::{Archive, ArchiveError, Pending};
use files::{FilesError, Place, replace};

/// Before what could not be put back is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Orders that wait.
const ORDERS: usize = 4;

/// The longest and the shortest time to confirm in.
const CONFIRM_WITHIN: core::ops::RangeInclusive<u64> = 1_000..=24 * 3_600_000;

/// Asks the task.
#[derive(Clone, Debug)]
pub struct VersionsHandle(mpsc::Sender<Order>);

type Answer<T> = oneshot::Sender<Result<T, Failure>>;

#[derive(Debug)]
enum Order {
    Apply(Apply, String, Answer<Applied>),
    RollBack(RollBack, String, Answer<Applied>),
    Confirm(String, Answer<Applied>),
    List(Answer<Versions>),
    Files(u64, Answer<VersionFiles>),
}

impl VersionsHandle {
    async fn ask<T>(&self, order: impl FnOnce(Answer<T>) -> Order) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let ended = || Failure::new(FailureKind::Internal, "tandem-control is ending");
        self.0.send(order(answer)).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// Takes other files, as this user wants.
    ///
    /// # Errors
    /// When they are not taken; those in force stay.
    pub async fn apply(&self, apply: Apply, actor: String) -> Result<Applied, Failure> {
        self.ask(|answer| Order::Apply(apply, actor, answer)).await
    }

    /// Takes an older version.
    ///
    /// # Errors
    /// As [`VersionsHandle::apply`], and when it is not kept.
    pub async fn roll_back(&self, order: RollBack, actor: String) -> Result<Applied, Failure> {
        self.ask(|answer| Order::RollBack(order, actor, answer)).await
    }

    /// Keeps what waits to be confirmed.
    ///
    /// # Errors
    /// When nothing does.
    pub async fn confirm(&self, actor: String) -> Result<Applied, Failure> {
        self.ask(|answer| Order::Confirm(actor, answer)).await
    }

    /// The versions that are kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(&self) -> Result<Versions, Failure> {
        self.ask(Order::List).await
    }

    /// A version's files.
    ///
    /// # Errors
    /// When it is not kept.
    pub async fn files(&self, number: u64) -> Result<VersionFiles, Failure> {
        self.ask(|answer| Order::Files(number, answer)).await
    }
}

/// Starts the task, which keeps its versions in the folder of the machine's state.
pub fn start(state: &Path, follower: Arc<Follower>, events: Events) -> VersionsHandle {
    let (orders, receiver) = mpsc::channel(ORDERS);
    let archive = Archive::new(state);
    let pending = archive.pending().unwrap_or_else(|error| {
        tracing::error!("{error}; nothing waits to be confirmed any more");
        None
    });
    let mut sources = follower.sources();
    // What the dataplane has said already is news here.
    sources.mark_changed();
    let task = Task { archive, follower, sources, pending, orders: receiver, events };
    tokio::spawn(task.run());
    VersionsHandle(orders)
}

struct Task {
    archive: Archive,
    follower: Arc<Follower>,
    sources: watch::Receiver<Option<Arc<Sources>>>,
    pending: Option<Pending>,
    orders: mpsc::Receiver<Order>,
    events: Events,
}

impl Task {
    async fn run(mut self) {
        loop {
            let left = self.pending.as_ref().map(|pending| left(pending.confirm_by));
            let over = async {
                match left {
                    Some(left) => sleep(left).await,
                    None => core::future::pending().await,
                }
            };
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(order) => self.carry_out(order).await,
                    None => return,
                },
                changed = self.sources.changed() => match changed {
                    Ok(()) => self.note(),
                    Err(_) => return,
                },
                () = over => self.go_back().await,
            }
        }
    }

    async fn carry_out(&mut self, order: Order) {
        // Who asked may have gone.
        match order {
            Order::Apply(apply, actor, answer) => {
                let applied = self.apply(apply, VersionOrigin::Applied, None, &actor).await;
                let _ = answer.send(applied);
            }
            Order::RollBack(order, actor, answer) => {
                let result = self.roll_back(order, &actor).await;
                if let Ok(applied) = &result {
                    self.tell_reverted(applied, "an older version was asked for", &actor);
                }
                let _ = answer.send(result);
            }
            Order::Confirm(actor, answer) => drop(answer.send(self.confirm(&actor).await)),
            Order::List(answer) => {
                let versions = block_in_place(|| self.archive.versions());
                let _ = answer.send(versions.map(|versions| Versions { versions }).map_err(broken));
            }
            Order::Files(number, answer) => drop(answer.send(self.files(number))),
        }
    }

    /// Keeps what came into force without an order of this task.
    fn note(&mut self) {
        let Some(sources) = self.sources.borrow_and_update().clone() else { return };
        let digest = sources.digest();
        let newest =
            block_in_place(|| self.archive.versions()).ok().and_then(|all| all.into_iter().next());
        if newest.is_some_and(|newest| newest.digest == digest) {
            return;
        }
        self.add(&sources, VersionOrigin::Files, None, None);
    }

    /// Adds what is in force as a version. A disk that is full costs the history, not the
    /// service.
    fn add(
        &self,
        sources: &Sources,
        origin: VersionOrigin,
        of: Option<u64>,
        confirm_by: Option<u64>,
    ) -> Version {
        let newest = self.newest();
        let number = newest.map_or(0, |newest| newest.number) + 1;
        let time = now() / 1000;
        let version = Version { number, time, origin, of, digest: sources.digest(), confirm_by };
        let files = Place::of(sources).map(|place| place.names(sources)).unwrap_or_default();
        if let Err(error) = block_in_place(|| self.archive.add(&version, &files)) {
            tracing::error!("{error}; this version of the configuration is not kept");
        }
        version
    }

    fn newest(&self) -> Option<Version> {
        block_in_place(|| self.archive.versions()).ok()?.into_iter().next()
    }

    async fn apply(
        &mut self,
        apply: Apply,
        origin: VersionOrigin,
        of: Option<u64>,
        actor: &str,
    ) -> Result<Applied, Failure> {
        if let Some(pending) = &self.pending {
            return Err(Failure::new(
                FailureKind::NotNow,
                format!(
                    "version {} waits to be confirmed: first type tandem config confirm, or \
                     tandem config rollback",
                    pending.version
                ),
            ));
        }
        if apply.confirm_within.is_some_and(|within| !CONFIRM_WITHIN.contains(&within)) {
            return Err(Failure::new(
                FailureKind::Malformed,
                "the time to confirm in is from 1s to 24h",
            ));
        }
        // Also what was reloaded a moment ago has a version to come back to.
        self.follower.keep_up().await.map_err(silent)?;
        self.note();
        let in_force = self.in_force()?;
        let place = Place::of(&in_force).ok_or_else(|| {
            Failure::new(
                FailureKind::NotNow,
                "tandem-dataplane was started with a relative path of its configuration: give it \
                 an absolute one with --config",
            )
        })?;
        let back_to = self.newest().map(|newest| newest.number);
        let before = block_in_place(|| place.put(&apply.files, &in_force)).map_err(not_put)?;
        let confirm_by = apply.confirm_within.map(|within| now() + within);
        if let Some(confirm_by) = confirm_by {
            // On disk before the dataplane has it: who crashes now finds the old files again.
            let version = back_to.unwrap_or(0) + 1;
            let pending = Pending { version, confirm_by, back_to, before: before.clone() };
            if let Err(error) = block_in_place(|| self.archive.set_pending(Some(&pending))) {
                put_back(before);
                return Err(broken(error));
            }
            self.pending = Some(pending);
        }
        let reloaded = match self.follower.reload_by(Reload::default(), actor).await {
            Ok(reloaded) => reloaded,
            Err(failure) => {
                put_back(before);
                self.forget_pending();
                return Err(failure);
            }
        };
        Ok(self.applied(reloaded, origin, of, confirm_by))
    }

    /// What is in force after a reload that this task asked for.
    fn applied(
        &mut self,
        reloaded: Reloaded,
        origin: VersionOrigin,
        of: Option<u64>,
        confirm_by: Option<u64>,
    ) -> Applied {
        let Reloaded { generation, warnings } = reloaded;
        let sources = self.sources.borrow_and_update().clone();
        let newest = self.newest();
        let version = match (sources, newest) {
            // The same files once more.
            (Some(sources), Some(newest))
                if newest.digest == sources.digest() && confirm_by.is_none() =>
            {
                newest
            }
            (Some(sources), _) => self.add(&sources, origin, of, confirm_by),
            (None, newest) => newest.unwrap_or_default(),
        };
        tracing::info!(generation, version = version.number, "the configuration was applied");
        Applied { version, generation, warnings }
    }

    async fn roll_back(&mut self, order: RollBack, actor: &str) -> Result<Applied, Failure> {
        // What waits to be confirmed goes back at once.
        if order.version.is_none() && self.pending.is_some() {
            return self.put_pending_back(VersionOrigin::RolledBack, actor).await;
        }
        let versions = block_in_place(|| self.archive.versions()).map_err(broken)?;
        let number = match order.version {
            Some(number) => number,
            None => versions.get(1).map(|version| version.number).ok_or_else(|| {
                Failure::new(FailureKind::NotFound, "there is no version before the one in force")
            })?,
        };
        let VersionFiles { files } = self.files(number)?;
        let apply = Apply { files, confirm_within: order.confirm_within };
        self.apply(apply, VersionOrigin::RolledBack, Some(number), actor).await
    }

    async fn confirm(&mut self, actor: &str) -> Result<Applied, Failure> {
        if self.pending.is_none() {
            return Err(Failure::new(FailureKind::NotNow, "nothing waits to be confirmed"));
        }
        self.forget_pending();
        let generation = self.follower.keep_up().await.unwrap_or(0);
        let version = self.newest().unwrap_or_default();
        let what = format!("version {} of the configuration was confirmed", version.number);
        let draft = Draft::new(EventKind::ConfigurationConfirmed, what).actor(actor);
        self.events.emit(draft.field("generation", generation).field("version", version.number));
        Ok(Applied { version, generation, warnings: Vec::new() })
    }

    fn forget_pending(&mut self) {
        if self.pending.take().is_none() {
            return;
        }
        let forgotten = block_in_place(|| {
            self.archive.set_pending(None)?;
            self.archive.change_newest(|version| version.confirm_by = None)
        });
        if let Err(error) = forgotten {
            tracing::error!("{error}");
        }
    }

    /// The time to confirm is over.
    async fn go_back(&mut self) {
        let version = self.pending.as_ref().map_or(0, |pending| pending.version);
        match self.put_pending_back(VersionOrigin::NotConfirmed, "tandem-control").await {
            Ok(applied) => {
                let why =
                    format!("version {version} of the configuration was not confirmed in time");
                self.tell_reverted(&applied, &why, "");
            }
            Err(failure) => {
                tracing::error!(
                    "version {version} of the configuration was not confirmed in time, and the \
                     files from before it could not be taken again: {}",
                    failure.message
                );
                sleep(AGAIN).await;
            }
        }
    }

    /// Puts the files back that were there before what waits to be confirmed.
    async fn put_pending_back(
        &mut self,
        origin: VersionOrigin,
        actor: &str,
    ) -> Result<Applied, Failure> {
        let Some(pending) = self.pending.clone() else {
            return Err(Failure::new(FailureKind::NotNow, "nothing waits to be confirmed"));
        };
        block_in_place(|| replace(pending.before.0)).map_err(not_put)?;
        let reloaded = self.follower.reload_at_any_rate(Reload::default(), actor).await?;
        self.forget_pending();
        Ok(self.applied(reloaded, origin, pending.back_to, None))
    }

    fn tell_reverted(&self, applied: &Applied, why: &str, actor: &str) {
        let number = applied.version.number;
        let what = format!("version {number} has files from before, which are in force again");
        let draft = Draft::new(EventKind::ConfigurationReverted, what).why(why).actor(actor);
        self.events.emit(draft.field("version", number).field("generation", applied.generation));
    }

    fn files(&self, number: u64) -> Result<VersionFiles, Failure> {
        let files = block_in_place(|| self.archive.files(number)).map_err(broken)?;
        files.map(|files: Vec<VersionFile>| VersionFiles { files }).ok_or_else(|| {
            let message = format!("version {number} is not kept: see tandem config log");
            Failure::new(FailureKind::NotFound, message)
        })
    }

    fn in_force(&self) -> Result<Arc<Sources>, Failure> {
        self.sources.borrow().clone().ok_or_else(|| {
            Failure::new(FailureKind::NotNow, "the dataplane has not said yet what is in force")
        })
    }
}

fn put_back(before: files::Before) {
    if let Err(error) = block_in_place(|| replace(before.0)) {
        tracing::error!("the files from before could not be put back: {error}");
    }
}

fn broken(error: ArchiveError) -> Failure {
    Failure::new(FailureKind::Internal, error.to_string())
}

fn not_put(error: FilesError) -> Failure {
    let kind = match error {
        FilesError::Io { .. } => FailureKind::Internal,
        FilesError::Name(_) | FilesError::Nothing => FailureKind::Malformed,
    };
    Failure::new(kind, error.to_string())
}

fn silent(error: crate::dataplane_client::AskError) -> Failure {
    Failure::new(FailureKind::NotNow, format!("the dataplane does not answer: {error}"))
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What is left until then.
fn left(until: u64) -> Duration {
    Duration::from_millis(until.saturating_sub(now()))
}
