//! Events: what changed on this machine, when, and why.
//!
//! Whatever changes a role, a server, the configuration and so on says so with [`Events::emit`],
//! which logs a line and waits for nobody. Two threads do the rest:
//!
//! ```text
//!  any thread -- emit: queue, try only --> tandem-events: number, recent, broadcast --> page,
//!      |                                          |                     hooks, webhooks, follow
//!      '--> log                                   '- queue, try only --> tandem-journal --> disk
//! ```
//!
//! A disk that hangs or is full therefore keeps neither a heartbeat nor a hook waiting. What it
//! could not take is missing in the history, and an event says how much that is.

pub mod actor;
mod draft;
pub mod hooks;
pub mod hub;
pub mod journal;
pub mod observer;
pub mod search;
pub mod starts;
mod totals;

use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use api::{Event, EventsFound, EventsPage, Failure, FailureKind};
use tokio::sync::broadcast;

pub use api::EventKind;
pub use draft::Draft;
pub use totals::{KnownServer, KnownService, Totals};

use self::hub::{Item, Recent};
use self::journal::Limits;

/// Events that may wait for a number, or for the disk; further ones are lost and counted.
const ROOM: usize = 1024;
/// Events that a subscriber may be behind.
const BEHIND: usize = 1024;
/// How long an answer waits for an event. Clients wait 10 seconds for theirs.
const WAIT: Duration = Duration::from_secs(8);
/// Between two attempts to put an order into a queue that is full.
const PAUSE: Duration = Duration::from_millis(1);

/// Where events are told. Clones are the same.
#[derive(Clone, Debug)]
pub struct Events(Option<Arc<Shared>>);

/// What the threads and the handles share.
#[derive(Debug)]
pub(super) struct Shared {
    node: String,
    folder: PathBuf,
    queue: SyncSender<Item>,
    recent: Mutex<Recent>,
    told: broadcast::Sender<Arc<Event>>,
}

impl Default for Events {
    fn default() -> Self {
        Events::only_logged()
    }
}

impl Events {
    /// Opens the history in the folder of the machine's state, and begins to take events. A history
    /// that cannot be opened costs nothing but itself.
    ///
    /// # Errors
    /// When there are no threads for it.
    pub fn start(state: &Path, node: &str) -> io::Result<Self> {
        Events::start_with(state, node, Limits::default())
    }

    /// The same with other bounds of the history.
    ///
    /// # Errors
    /// As [`Events::start`].
    pub fn start_with(state: &Path, node: &str, limits: Limits) -> io::Result<Self> {
        let folder = journal::folder_in(state);
        let (queue, items) = sync_channel(ROOM);
        let opened = journal::Journal::open(&folder, limits);
        let shared = Arc::new(Shared {
            node: node.to_owned(),
            folder: folder.clone(),
            queue,
            recent: Mutex::default(),
            told: broadcast::Sender::new(BEHIND),
        });
        let journal = match opened {
            Ok((journal, opened)) => {
                if opened.cut > 0 || opened.damaged > 0 {
                    tracing::warn!(
                        "the history of events in {}: {} bytes of a record that was not finished \
                         were cut off, {} damaged records are left out",
                        folder.display(),
                        opened.cut,
                        opened.damaged
                    );
                }
                shared.recent().begin(opened);
                Ok(journal)
            }
            Err(error) => {
                tracing::error!(
                    "the history of events in {} cannot be opened, and is not kept for now: \
                     {error}",
                    folder.display()
                );
                Err((folder, limits))
            }
        };
        hub::start(&shared, items, journal)?;
        Ok(Events(Some(shared)))
    }

    /// Logs events, and keeps none: for a part that runs by itself.
    #[must_use]
    pub fn only_logged() -> Self {
        Events(None)
    }

    /// Tells an event: to the log, the history and everybody who waits for it. Waits for nobody.
    pub fn emit(&self, draft: Draft) {
        draft.log();
        let Some(shared) = &self.0 else { return };
        let event = draft.event(&shared.node);
        if shared.queue.try_send(Item::Event(Box::new(event))).is_err() {
            shared.recent().lost += 1;
        }
    }

    /// The newest events, the oldest of them first.
    #[must_use]
    pub fn recent(&self, most: usize) -> Vec<Arc<Event>> {
        let Some(shared) = &self.0 else { return Vec::new() };
        shared.recent().newest(most)
    }

    /// Every event from now on. Who is more than 1,024 events behind misses some.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        match &self.0 {
            Some(shared) => shared.told.subscribe(),
            // Its sender is gone: it ends at once.
            None => broadcast::Sender::new(1).subscribe(),
        }
    }

    /// How often each kind of event happened, also before this start.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.0.as_ref().map_or_else(Totals::default, |shared| shared.recent().totals.clone())
    }

    /// Events that were not taken, or are not on disk, since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.as_ref().map_or(0, |shared| shared.recent().lost)
    }

    /// Finds events, also those from before this start; waits for one where that is asked.
    ///
    /// # Errors
    /// When nobody keeps events here.
    pub async fn page(&self, page: EventsPage) -> Result<EventsFound, Failure> {
        let Some(shared) = &self.0 else {
            return Err(Failure::new(FailureKind::NotNow, "no events are kept here"));
        };
        // Before it is looked, so that nothing comes between.
        let mut coming = shared.told.subscribe();
        let found = shared.find(&page).await?;
        if !page.wait || !found.events.is_empty() || found.more {
            return Ok(found);
        }
        let page = EventsPage { after: found.next.max(page.after), ..page };
        let arrived = async {
            loop {
                match coming.recv().await {
                    Ok(event) if page.selects(&event) => return,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => core::future::pending().await,
                }
            }
        };
        let _ = tokio::time::timeout(WAIT, arrived).await;
        shared.find(&page).await
    }

    /// Waits until everything that was told is on disk, so long at the most. It blocks.
    pub fn finish(&self, patience: Duration) {
        let Some(shared) = &self.0 else { return };
        let until = Instant::now() + patience;
        let (written, is_written) = sync_channel(1);
        let mut order = Item::Flush(written);
        while let Err(error) = shared.queue.try_send(order) {
            let TrySendError::Full(unsent) = error else { return };
            if Instant::now() >= until {
                return;
            }
            order = unsent;
            std::thread::sleep(PAUSE);
        }
        let _ = is_written.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

impl Shared {
    /// Nobody panics with it, and a half change of it is none.
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find(&self, page: &EventsPage) -> Result<EventsFound, Failure> {
        let (recent, before) = {
            let recent = self.recent();
            (recent.newest(usize::MAX), recent.oldest())
        };
        // What is in memory need not be read.
        if page.after + 1 >= before {
            return Ok(search::find(page, core::iter::empty(), &recent));
        }
        let (folder, page) = (self.folder.clone(), page.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut reader = journal::Reader::new(&folder, page.after, before);
            let mut found = search::find(&page, &mut reader, &recent);
            found.damaged = reader.damaged();
            found
        });
        read.await.map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))
    }
}
