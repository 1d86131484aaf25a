//! The keys of this machine: on disk, and in everything that runs.

use core::time::Duration;
use std::path::Path;

use api::{HeldKey, KeyState, KeyStep};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::events::{Draft, EventKind, Events};
use crate::key::{FileError, Held, KeyError, KeyFiles, KeyRing, SharedKey};
use crate::role::{DriverHandle, DriverRequest};
use crate::sync::noise::SyncKeys;

/// A run of the command that was cut off keeps no other one out once it has said nothing for so long.
const RUN: Duration = Duration::from_secs(30);

/// An order about this machine's keys, of this machine or its peer.
pub enum Change {
    Step(KeyStep),
    /// Accept this key beside the used one.
    Accept(SharedKey),
}

/// Changes the keys; nothing else does while it runs.
pub struct Keeper {
    files: KeyFiles,
    sync: SyncKeys,
    driver: DriverHandle,
    events: Events,
    state: Mutex<State>,
}

struct State {
    /// What everything that runs uses.
    ring: KeyRing,
    /// The run of the command whose orders are taken, and when the last one came.
    run: Option<(u64, Instant)>,
}

impl Keeper {
    /// Keeps the keys in these files, which were read as `ring`; `sync` and `driver` are told of
    /// every change.
    #[must_use]
    pub fn new(
        key_file: &Path,
        ring: KeyRing,
        sync: SyncKeys,
        driver: DriverHandle,
        events: Events,
    ) -> Self {
        let state = Mutex::new(State { ring, run: None });
        Keeper { files: KeyFiles::of(key_file), sync, driver, events, state }
    }

    /// Carries an order of this user out, and has everything that runs know of it; how the keys are
    /// then.
    ///
    /// # Errors
    /// A sentence without its full stop.
    pub async fn carry_out(
        &self,
        run: u64,
        change: Change,
        actor: &str,
    ) -> Result<KeyState, String> {
        let mut state = self.state.lock().await;
        let looks = matches!(change, Change::Step(KeyStep::Look));
        // Looking disturbs nobody; a run that begins has to look under its number.
        if run != 0 || !looks {
            if state.run.is_some_and(|(other, at)| other != run && at.elapsed() < RUN) {
                return Err(
                    "another tandem key command changes the keys at present: try again in \
                            half a minute"
                        .to_owned(),
                );
            }
            state.run = Some((run, Instant::now()));
        }
        if !looks {
            if !matches!(change, Change::Step(KeyStep::Reload)) {
                self.refuse_what_was_changed(&state.ring).await?;
            }
            self.refuse_the_peers(&change).await?;
            let files = self.files.clone();
            let changed = spawn_blocking(move || change_files(&files, change)).await;
            // Whether it failed or not, what is on the disk is what counts.
            state.ring = self.refresh().await?;
            let changed = changed.map_err(|error| error.to_string())?;
            if let Some((kind, what)) = changed.map_err(|error| error.to_string())? {
                self.events.emit(Draft::new(kind, what).actor(actor));
            }
        }
        if state.ring.accepted().is_none() {
            // Nothing is under way any more: the next run need not wait for this one.
            state.run = None;
        }
        let pair = self.driver.pair().await.map_err(|failure| failure.message)?;
        let is_heard = pair.paths.iter().any(|path| path.up);
        Ok(KeyState { peers: pair.keys.peers.filter(|_| is_heard), ..names(&state.ring) })
    }

    /// A file that somebody has exchanged is not taken into use by the way: the peer may not have
    /// that key.
    async fn refuse_what_was_changed(&self, ring: &KeyRing) -> Result<(), String> {
        let found = self.load().await?.map_err(|error| error.to_string())?.ring;
        if names(&found) == names(ring) {
            return Ok(());
        }
        Err(format!(
            "{} or {} was changed since tandem-control read them: put back what was there, or type \
             tandem key install FILE with the other machine's key",
            self.files.used().display(),
            self.files.accepted().display()
        ))
    }

    /// The key that the peer's heartbeats come with is not forgotten, whoever orders it.
    async fn refuse_the_peers(&self, change: &Change) -> Result<(), String> {
        let Change::Step(KeyStep::Forget(name)) = change else { return Ok(()) };
        let pair = self.driver.pair().await.map_err(|failure| failure.message)?;
        if pair.keys.peers.as_ref() == Some(name) {
            return Err(format!("the other machine's heartbeats come with the key {name}"));
        }
        Ok(())
    }

    /// Has everything that runs use the keys in the files.
    async fn refresh(&self) -> Result<KeyRing, String> {
        let Held { ring, trouble } = self.load().await?.map_err(|error| error.to_string())?;
        if let Some(trouble) = trouble {
            tracing::warn!("the second key of the pair is not accepted: {trouble}");
        }
        self.sync.change(&ring);
        self.driver.tell(DriverRequest::ChangeKeys(ring.clone()));
        Ok(ring)
    }

    async fn load(&self) -> Result<Result<Held, KeyError>, String> {
        let files = self.files.clone();
        spawn_blocking(move || files.load()).await.map_err(|error| error.to_string())
    }
}

/// The keys by their names.
fn names(ring: &KeyRing) -> KeyState {
    let held = |key: &SharedKey| HeldKey {
        name: key.fingerprint().to_string(),
        generation: key.generation(),
        line: key.line(),
    };
    KeyState { used: held(ring.used()), accepted: ring.accepted().map(held), peers: None }
}

/// Changes the files; what has happened then, and in words.
fn change_files(
    files: &KeyFiles,
    change: Change,
) -> Result<Option<(EventKind, String)>, FileError> {
    match change {
        Change::Step(KeyStep::Look | KeyStep::Reload) => Ok(None),
        Change::Step(KeyStep::Make) => {
            let used = files.load()?.ring;
            let new = used.used().successor().map_err(FileError::Random)?;
            files.accept(&new)?;
            let what = format!("a new key of the pair was made, {}", new.fingerprint());
            Ok(Some((EventKind::KeyMade, what)))
        }
        Change::Accept(key) => {
            files.accept(&key)?;
            let what = format!("the pair's key {} is accepted from now on", key.fingerprint());
            Ok(Some((EventKind::KeyAccepted, what)))
        }
        Change::Step(KeyStep::Use(name)) => {
            let parsed = name.parse().map_err(|_| FileError::Name(name.clone()))?;
            files.take_into_use(parsed)?;
            let what = format!("the pair's key {name} is used from now on");
            Ok(Some((EventKind::KeyUsed, what)))
        }
        Change::Step(KeyStep::Forget(name)) => {
            let parsed = name.parse().map_err(|_| FileError::Name(name.clone()))?;
            files.forget(parsed)?;
            let what = format!("the pair's key {name} is not accepted any more");
            Ok(Some((EventKind::KeyForgotten, what)))
        }
    }
}
