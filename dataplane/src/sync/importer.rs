//! From the stream to the workers' rings.

mod session;

use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use api::stream::{EVENT, Frame, STREAM_VERSION};
use nat::persistence::Told;
use nat::sync::ring::Words;
use nat::sync::{Event, MAXIMUM_WORKERS, Order, Tally, event};

use session::Session;

use super::link::Link;
use super::progress::Progress;
use super::{Ended, Importers};

/// How long the thread sleeps when nothing comes, in microseconds; and while workers have
/// something to do yet.
const PAUSE_MICROS: u32 = 1000;
const BUSY_PAUSE_MICROS: u32 = 100;
/// A worker that takes nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// Installs what a stream tells.
pub struct Importer<'a> {
    link: Link<'a>,
    workers: &'a dyn Importers,
    progress: &'a Progress,
    session: Option<Session>,
}

impl<'a> Importer<'a> {
    /// Waits for the exporter to begin.
    ///
    /// # Errors
    ///
    /// [`Ended`], when the stream cannot be used.
    pub fn new(
        stream: &'a UnixStream,
        workers: &'a dyn Importers,
        progress: &'a Progress,
    ) -> Result<Self, Ended> {
        Ok(Importer { link: Link::new(stream)?, workers, progress, session: None })
    }

    /// Imports until the stream ends or `stop` is set.
    ///
    /// # Errors
    ///
    /// Always: [`Ended`] says why it ended.
    pub fn run(mut self, stop: &AtomicBool) -> Result<Infallible, Ended> {
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(Ended::Replaced);
            }
            let mut found = self.link.receive()?;
            while let Some(frame) = self.link.next()? {
                self.take(frame, stop)?;
            }
            found += self.follow()?;
            if found == 0 {
                let busy = self.session.as_ref().is_some_and(Session::is_busy);
                self.link.wait(if busy { BUSY_PAUSE_MICROS } else { PAUSE_MICROS });
            }
        }
    }

    fn take(&mut self, frame: Frame, stop: &AtomicBool) -> Result<(), Ended> {
        if let Frame::Begin { session, workers, version, .. } = frame {
            return self.begin(session, workers, version);
        }
        let Some(session) = &mut self.session else {
            return Err(Ended::Protocol("a frame before the first Begin"));
        };
        match frame {
            Frame::Events { worker, events } => {
                if usize::from(worker) >= session.equal.len() {
                    return Err(Ended::Protocol("events of a worker that it does not have"));
                }
                for event in &events {
                    self.install(worker, event, stop)?;
                }
                Ok(())
            }
            Frame::Persistence { clients } => {
                for client in &clients {
                    self.workers.remember(&Told::from_bytes(client)?);
                }
                Ok(())
            }
            Frame::Tally { worker, number, count, digest, complete } => {
                let expected = Tally { count, digest };
                session.count(worker, number, expected, complete)?;
                let order = session.count_order(worker);
                self.give_all(order, stop)
            }
            Frame::Mark { number } => session.mark(number),
            _ => Err(Ended::Protocol("a frame that only the importer sends")),
        }
    }

    fn begin(&mut self, number: u64, workers: u16, version: u16) -> Result<(), Ended> {
        if version != STREAM_VERSION {
            return Err(Ended::Version(version));
        }
        if !(1..=MAXIMUM_WORKERS).contains(&workers) {
            return Err(Ended::Protocol("a number of workers that no machine has"));
        }
        let intakes = self.workers.begin(workers)?;
        self.progress.begin();
        self.session = Some(Session::new(number, workers, intakes));
        Ok(())
    }

    /// Gives an event to the worker that owns its connection here.
    fn install(
        &mut self,
        origin: u16,
        bytes: &[u8; EVENT],
        stop: &AtomicBool,
    ) -> Result<(), Ended> {
        let event = Event::from_bytes(bytes)?;
        let owner = self.workers.owner(event.remote());
        let words = event::with_origin(event::to_words(bytes), origin);
        self.give(owner, Order::Event(words).words(), stop)?;
        if let Some(session) = &mut self.session {
            session.received += 1;
        }
        Ok(())
    }

    fn give_all(&mut self, order: Order, stop: &AtomicBool) -> Result<(), Ended> {
        let workers = self.session.as_ref().map_or(0, |session| session.intakes.len());
        (0..workers).try_for_each(|worker| self.give(worker, order.words(), stop))
    }

    /// Puts an entry into a worker's ring; waits while it is full.
    #[inline]
    fn give(&mut self, worker: usize, words: Words, stop: &AtomicBool) -> Result<(), Ended> {
        let session = self.session.as_mut();
        let intake = session.and_then(|session| session.intakes.get_mut(worker));
        let Some(intake) = intake else { return Ok(()) };
        if !intake.orders.has_room() {
            self.wait_for(worker, stop)?;
        }
        let session = self.session.as_mut();
        if let Some(intake) = session.and_then(|session| session.intakes.get_mut(worker)) {
            intake.orders.push(words);
        }
        Ok(())
    }

    #[cold]
    fn wait_for(&mut self, worker: usize, stop: &AtomicBool) -> Result<(), Ended> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let session = self.session.as_mut();
            let intake = session.and_then(|session| session.intakes.get_mut(worker));
            if intake.is_none_or(|intake| intake.orders.has_room()) {
                return Ok(());
            }
            if stop.load(Ordering::Relaxed) {
                return Err(Ended::Replaced);
            }
            if Instant::now() > deadline {
                return Err(Ended::Stalled(worker, PATIENCE.as_secs()));
            }
            // A worker that waits for room in its ring of replies takes nothing either.
            self.follow()?;
            std::thread::sleep(Duration::from_micros(BUSY_PAUSE_MICROS.into()));
        }
    }

    /// Tells the exporter what the workers have come to. Returns how much was said.
    fn follow(&mut self) -> Result<usize, Ended> {
        let Some(session) = &mut self.session else { return Ok(self.link.send()?) };
        let mut mismatch = session.collect(&mut self.link);
        mismatch = mismatch.or_else(|| session.retry_when_due(self.workers, self.progress));
        session.sweep_when_due();
        session.report(&mut self.link, self.progress);
        if let Some(Ended::Mismatch { .. }) = mismatch {
            self.progress.update(|status| {
                status.complete = false;
                status.mismatches += 1;
            });
        }
        let sent = self.link.send()?;
        match mismatch.take() {
            Some(why) => Err(why),
            None => Ok(sent),
        }
    }
}
