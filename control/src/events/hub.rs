//! The thread that numbers events and hands them on, and the one that writes them to disk.

use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Instant;

use api::{Event, EventKind};

use super::journal::{Journal, Limits, Opened};
use super::{Draft, Events, ROOM, Shared, Totals};

/// Events that are in memory.
pub(super) const RECENT: usize = 512;
/// Between two attempts to use a disk that does not take events.
const AGAIN: Duration = Duration::from_secs(5);

/// What the threads are given.
#[derive(Debug)]
pub(super) enum Item {
    Event(Box<Event>),
    /// Everything before is to be on disk, then answered.
    Flush(SyncSender<()>),
}

/// What the journal's thread is given.
enum Write {
    Event(Arc<Event>),
    Flush(SyncSender<()>),
}

/// What is in memory.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: VecDeque<Arc<Event>>,
    pub(super) totals: Totals,
    /// Events that were not taken, or are not on disk.
    pub(super) lost: u64,
    /// The number of the last event.
    last: u64,
}

impl Recent {
    /// Goes on where the history on disk ends.
    pub(super) fn begin(&mut self, opened: Opened) {
        self.last = self.last.max(opened.totals.last);
        self.totals = opened.totals;
        if self.events.is_empty() {
            self.events = opened.newest.into_iter().map(Arc::new).collect();
        }
    }

    fn take(&mut self, mut event: Event) -> Arc<Event> {
        self.last += 1;
        event.number = self.last;
        self.totals.count(&event);
        let event = Arc::new(event);
        if self.events.len() >= RECENT {
            self.events.pop_front();
        }
        self.events.push_back(Arc::clone(&event));
        event
    }

    pub(super) fn newest(&self, most: usize) -> Vec<Arc<Event>> {
        let skip = self.events.len().saturating_sub(most);
        self.events.iter().skip(skip).map(Arc::clone).collect()
    }

    /// The number from which on every event is in memory.
    pub(super) fn oldest(&self) -> u64 {
        self.events.front().map_or(self.last + 1, |event| event.number)
    }
}

/// Starts the threads. They end with the last handle.
///
/// # Errors
/// When there are none.
pub(super) fn start(
    shared: &Arc<Shared>,
    items: Receiver<Item>,
    journal: Result<Journal, (PathBuf, Limits)>,
) -> io::Result<()> {
    let (writes, written) = sync_channel(ROOM);
    let (hub, writer) = (Arc::downgrade(shared), Arc::downgrade(shared));
    std::thread::Builder::new()
        .name("tandem-events".to_owned())
        .spawn(move || number(&hub, &items, &writes))?;
    std::thread::Builder::new()
        .name("tandem-journal".to_owned())
        .spawn(move || Writer::new(writer, journal).run(&written))?;
    Ok(())
}

fn number(shared: &Weak<Shared>, items: &Receiver<Item>, writes: &SyncSender<Write>) {
    while let Ok(item) = items.recv() {
        let Some(shared) = shared.upgrade() else { return };
        let write = match item {
            Item::Event(event) => {
                let event = shared.recent().take(*event);
                // Nobody may listen.
                let _ = shared.told.send(Arc::clone(&event));
                Write::Event(event)
            }
            Item::Flush(done) => Write::Flush(done),
        };
        if let Err(error) = writes.try_send(write) {
            use std::sync::mpsc::TrySendError::{Disconnected, Full};
            if let Full(Write::Event(_)) | Disconnected(Write::Event(_)) = error {
                shared.recent().lost += 1;
            }
        }
    }
}

/// Writes events to disk; what it does not take is kept for some time.
struct Writer {
    shared: Weak<Shared>,
    journal: Result<Journal, (PathBuf, Limits)>,
    waiting: VecDeque<Arc<Event>>,
    /// Events that were given up since the last that was written.
    given_up: u64,
    /// When the disk last refused.
    refused: Option<Instant>,
    /// That it was said in the log.
    is_told: bool,
}

impl Writer {
    fn new(shared: Weak<Shared>, journal: Result<Journal, (PathBuf, Limits)>) -> Self {
        let (refused, is_told) = match journal {
            Ok(_) => (None, false),
            Err(_) => (Some(Instant::now()), true),
        };
        Writer { shared, journal, waiting: VecDeque::new(), given_up: 0, refused, is_told }
    }

    fn run(mut self, writes: &Receiver<Write>) {
        loop {
            let mut flushes = Vec::new();
            match writes.recv_timeout(AGAIN) {
                Ok(write) => self.take(write, &mut flushes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.write(true),
            }
            // What has come meanwhile goes to the disk with it.
            while let Ok(write) = writes.try_recv() {
                self.take(write, &mut flushes);
            }
            self.write(!flushes.is_empty());
            for done in flushes {
                // Who asked may have gone.
                let _ = done.try_send(());
            }
        }
    }

    fn take(&mut self, write: Write, flushes: &mut Vec<SyncSender<()>>) {
        match write {
            Write::Event(event) => {
                if self.waiting.len() >= ROOM {
                    self.waiting.pop_front();
                    self.give_up(1);
                }
                self.waiting.push_back(event);
            }
            Write::Flush(done) => flushes.push(done),
        }
    }

    fn give_up(&mut self, count: u64) {
        self.given_up += count;
        if let Some(shared) = self.shared.upgrade() {
            shared.recent().lost += count;
        }
    }

    /// Writes what waits; after a refusal only once in a while, or when it is the last time.
    fn write(&mut self, at_any_rate: bool) {
        let is_due = self.refused.is_none_or(|at| at.elapsed() >= AGAIN);
        if self.waiting.is_empty() && self.journal.is_ok() || !is_due && !at_any_rate {
            return;
        }
        match self.try_write() {
            Ok(()) => {
                self.refused = None;
                if core::mem::take(&mut self.is_told) {
                    tracing::info!("events are written to disk again");
                }
                self.tell_gap();
            }
            Err(error) => {
                self.refused = Some(Instant::now());
                if !core::mem::replace(&mut self.is_told, true) {
                    tracing::error!(
                        "events cannot be written to disk, and are lost at a restart until they \
                         can: {error}; look for room with df -h and du -x on node.state"
                    );
                }
            }
        }
    }

    fn try_write(&mut self) -> io::Result<()> {
        if let Err((folder, limits)) = &self.journal {
            let (journal, opened) = Journal::open(folder, *limits)?;
            self.opened_late(opened);
            self.journal = Ok(journal);
        }
        let Ok(journal) = &mut self.journal else { return Ok(()) };
        let totals = || {
            self.shared.upgrade().map_or_else(Totals::default, |one| one.recent().totals.clone())
        };
        journal.append(self.waiting.make_contiguous(), totals)?;
        self.waiting.clear();
        Ok(())
    }

    /// What the history has is older than what was told meanwhile, under numbers that it has given
    /// away already.
    fn opened_late(&mut self, mut opened: Opened) {
        let first = opened.totals.last + 1;
        let stale = self.waiting.iter().filter(|event| event.number < first).count();
        self.waiting.retain(|event| event.number >= first);
        self.give_up(stale as u64);
        let Some(shared) = self.shared.upgrade() else { return };
        let mut recent = shared.recent();
        recent.events.retain(|event| event.number >= first);
        let seen = core::mem::take(&mut recent.totals.kinds);
        for (kind, count) in seen {
            *opened.totals.kinds.entry(kind).or_default() += count;
        }
        opened.totals.last = opened.totals.last.max(recent.totals.last);
        recent.begin(opened);
    }

    fn tell_gap(&mut self) {
        let lost = core::mem::take(&mut self.given_up);
        if let (1.., Some(shared)) = (lost, self.shared.upgrade()) {
            let what = format!("{lost} events could not be written to disk, and are missing");
            Events(Some(shared)).emit(Draft::new(EventKind::HistoryGap, what).field("lost", lost));
        }
    }
}
