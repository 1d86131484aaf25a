//! From the stream to the workers' rings.

use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use api::SyncState;
use api::stream::{EVENT, Frame, STREAM_VERSION};
use nat::sync::ring::Words;
use nat::sync::{Event, Order, Reply, Tally, event};

use super::link::Link;
use super::progress::Progress;
use super::{Ended, Importers, Intake};

/// How long the thread sleeps when nothing comes, in microseconds; and while workers have
/// something to do yet.
const PAUSE_MICROS: u32 = 1000;
const BUSY_PAUSE_MICROS: u32 = 100;
/// The longest time and the most events between two `Applied`.
const APPLIED_TIME: Duration = Duration::from_millis(10);
const APPLIED_EVENTS: u64 = 8192;
/// A worker that takes nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most workers that an exporter may have, and the most tallies and marks on their
/// way: a peer that is broken must not fill the memory.
const MOST_WORKERS: u16 = 1024;
const MOST_WAITING: usize = 1 << 16;

/// Installs what a stream tells.
pub struct Importer<'a> {
    link: Link<'a>,
    workers: &'a dyn Importers,
    progress: &'a Progress,
    session: Option<Session>,
}

/// What begins anew with each `Begin`.
struct Session {
    number: u64,
    intakes: Vec<Intake>,
    /// By worker of the exporter: everything of it is here, and compared equal.
    equal: Vec<bool>,
    /// Workers of this machine that have swept out what is stale.
    swept: Option<usize>,
    /// Events given to workers; those that they have installed; what the exporter was told
    /// of them, and when.
    received: u64,
    applied: u64,
    told: u64,
    told_at: Instant,
    counts: VecDeque<Count>,
    counted: u64,
    marks: VecDeque<Mark>,
}

/// A comparison on its way through the workers.
struct Count {
    /// Among this importer's.
    id: u64,
    worker: u16,
    number: u64,
    expected: Tally,
    complete: bool,
    found: Tally,
    /// Workers that have not answered.
    missing: usize,
    /// All workers that answered are standby.
    standby: bool,
}

/// A mark, and how far each worker has to come for it.
struct Mark {
    number: u64,
    written: Vec<u64>,
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
        if !(1..=MOST_WORKERS).contains(&workers) {
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
        session.sweep_when_due();
        session.report(&mut self.link, self.progress);
        if let Some(Ended::Mismatch { .. }) = mismatch {
            self.progress.update(|holding| {
                holding.complete = false;
                holding.mismatches += 1;
            });
        }
        let sent = self.link.send()?;
        match mismatch.take() {
            Some(why) => Err(why),
            None => Ok(sent),
        }
    }
}

impl Session {
    fn new(number: u64, workers: u16, intakes: Vec<Intake>) -> Self {
        Session {
            number,
            intakes,
            equal: vec![false; usize::from(workers)],
            swept: None,
            received: 0,
            applied: 0,
            told: 0,
            told_at: Instant::now(),
            counts: VecDeque::new(),
            counted: 0,
            marks: VecDeque::new(),
        }
    }

    /// True while the workers have something to do or to answer.
    fn is_busy(&self) -> bool {
        self.applied < self.received
            || !self.counts.is_empty()
            || !self.marks.is_empty()
            || self.swept.is_some_and(|swept| swept < self.intakes.len())
    }

    fn count(
        &mut self,
        worker: u16,
        number: u64,
        expected: Tally,
        complete: bool,
    ) -> Result<(), Ended> {
        if usize::from(worker) >= self.equal.len() || self.counts.len() >= MOST_WAITING {
            return Err(Ended::Protocol("a tally too many"));
        }
        self.counted += 1;
        self.counts.push_back(Count {
            id: self.counted,
            worker,
            number,
            expected,
            complete,
            found: Tally::default(),
            missing: self.intakes.len(),
            standby: true,
        });
        Ok(())
    }

    fn count_order(&self, origin: u16) -> Order {
        Order::Count { origin, number: self.counted }
    }

    fn mark(&mut self, number: u64) -> Result<(), Ended> {
        if self.marks.len() >= MOST_WAITING {
            return Err(Ended::Protocol("a mark too many"));
        }
        let written = self.intakes.iter().map(|intake| intake.orders.written()).collect();
        self.marks.push_back(Mark { number, written });
        Ok(())
    }

    /// Takes the workers' replies, and answers the tallies that all have replied to.
    /// Returns why the stream must end, if it must.
    fn collect(&mut self, link: &mut Link<'_>) -> Option<Ended> {
        for intake in &mut self.intakes {
            while let Some(words) = intake.replies.pop() {
                match Reply::from_words(words) {
                    Some(Reply::Counted { number, tally, standby, .. }) => {
                        let count = self.counts.iter_mut().find(|count| count.id == number);
                        if let Some(count) = count {
                            count.found = count.found.plus(tally);
                            count.missing = count.missing.saturating_sub(1);
                            count.standby &= standby;
                        }
                    }
                    Some(Reply::Swept) => self.swept = self.swept.map(|swept| swept + 1),
                    None => {}
                }
            }
        }
        let mut mismatch = None;
        while let Some(count) = self.counts.front().filter(|count| count.missing == 0) {
            mismatch = mismatch.or(count.answer(link));
            let equal = count.found == count.expected;
            if let Some(worker) = self.equal.get_mut(usize::from(count.worker)) {
                *worker = if count.complete { equal } else { *worker && equal };
            }
            self.counts.pop_front();
        }
        mismatch
    }

    /// Once everything is here, what was here before and is not there is stale.
    fn sweep_when_due(&mut self) {
        if self.swept.is_some() || !self.equal.iter().all(|&equal| equal) {
            return;
        }
        // A full ring: the next round finds room.
        if !self.intakes.iter_mut().all(|intake| intake.orders.has_room()) {
            return;
        }
        for intake in &mut self.intakes {
            intake.orders.push(Order::Sweep.words());
        }
        self.swept = Some(0);
    }

    fn report(&mut self, link: &mut Link<'_>, progress: &Progress) {
        let before = self.applied;
        let done: Vec<u64> = self.intakes.iter().map(|intake| intake.orders.done()).collect();
        // Orders in between count as events until they are done, so this never says too much.
        let waiting: u64 = self
            .intakes
            .iter()
            .zip(&done)
            .map(|(intake, done)| intake.orders.written() - done)
            .sum();
        self.applied = self.applied.max(self.received.saturating_sub(waiting));
        let fresh = self.applied - self.told;
        if fresh > 0
            && (waiting == 0 || fresh >= APPLIED_EVENTS || self.told_at.elapsed() >= APPLIED_TIME)
        {
            Frame::Applied { events: self.applied, session: self.number }.write(link.output());
            self.told = self.applied;
            self.told_at = Instant::now();
        }
        while let Some(mark) = self.marks.front() {
            if mark.written.iter().zip(&done).any(|(written, done)| done < written) {
                break;
            }
            Frame::Marked { number: mark.number }.write(link.output());
            self.marks.pop_front();
        }
        let is_complete = self.swept == Some(self.intakes.len());
        let installed = self.applied - before;
        progress.update(|holding| {
            holding.events += installed;
            holding.lag = self.received - self.applied;
            if is_complete && self.equal.iter().all(|&equal| equal) {
                holding.complete = true;
                holding.state = SyncState::Following;
            }
        });
    }
}

impl Count {
    /// Answers the tally. On an active machine a difference means nothing: it has
    /// connections of its own, and goes its own way with those that it was told of.
    fn answer(&self, link: &mut Link<'_>) -> Option<Ended> {
        let equal = self.found == self.expected;
        let compared = Frame::Compared {
            worker: self.worker,
            number: self.number,
            count: self.found.count,
            digest: self.found.digest,
            equal,
        };
        compared.write(link.output());
        (!equal && self.standby).then_some(Ended::Mismatch {
            worker: self.worker,
            count: self.found.count,
            expected: self.expected.count,
        })
    }
}
