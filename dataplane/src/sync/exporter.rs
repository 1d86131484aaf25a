//! From the workers' rings to the stream.

use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use api::SyncState;
use api::stream::{EVENT, EVENTS, Frame, STREAM_VERSION};
use nat::sync::ring::Consumer;
use nat::sync::{Journaled, event};

use super::clients::Clients;
use super::link::Link;
use super::progress::Progress;
use super::{Ended, Exporters};

/// Bytes that may wait for the stream; beyond them events wait in the rings.
const BACKLOG: usize = 1 << 20;
/// Between two looks at rings in which there was nothing.
const PAUSE_MICROS: u32 = 1000;
/// From the beginning of a session to that of the next: where events come faster than the
/// stream takes them, sessions must not do nothing but begin.
const SESSION_PAUSE: Duration = Duration::from_millis(100);

/// Writes what workers tell to a stream.
pub struct Exporter<'a> {
    link: Link<'a>,
    workers: &'a dyn Exporters,
    progress: &'a Progress,
    session: Session,
    tallies: u64,
    /// The events of a frame on their way from ring to stream.
    batch: Vec<[u8; EVENT]>,
}

/// What begins anew with each `Begin`.
struct Session {
    number: u64,
    begun: Instant,
    rings: Vec<Ring>,
    /// Events written, and those of them that were reported.
    written: u64,
    reported: u64,
    /// Events that the peer has installed.
    applied: u64,
    /// Tallies written before the session.
    tallies_before: u64,
    clients: Clients,
    /// The last mark wanted from the workers, and the last written.
    wanted: u64,
    marked: u64,
}

struct Ring {
    ring: Consumer,
    /// The last mark found in it.
    mark: u64,
    /// All its worker's connections have been written.
    complete: bool,
    /// The peer's last comparison.
    equal: bool,
}

impl<'a> Exporter<'a> {
    /// Begins the first session.
    ///
    /// # Errors
    ///
    /// [`Ended`], when the stream or a worker cannot be used.
    pub fn new(
        stream: &'a UnixStream,
        workers: &'a dyn Exporters,
        progress: &'a Progress,
    ) -> Result<Self, Ended> {
        let mut link = Link::new(stream)?;
        let session = Session::begin(&mut link, workers, progress, 0)?;
        progress.set_exporting(true);
        let batch = Vec::with_capacity(EVENTS);
        Ok(Exporter { link, workers, progress, session, tallies: 0, batch })
    }

    /// Exports until the stream ends or `stop` is set.
    ///
    /// # Errors
    ///
    /// Always: [`Ended`] says why it ended.
    pub fn run(mut self, stop: &AtomicBool) -> Result<Infallible, Ended> {
        let ended = loop {
            if stop.load(Ordering::Relaxed) {
                break Ended::Replaced;
            }
            match self.step() {
                Ok(0) => self.link.wait(PAUSE_MICROS),
                Ok(_) => {}
                Err(why) => break why,
            }
        };
        self.progress.set_exporting(false);
        Err(ended)
    }

    /// One round; returns how much there was to do.
    fn step(&mut self) -> Result<usize, Ended> {
        if self.session.has_overflowed() {
            self.start_over()?;
        } else {
            self.session.want(self.progress.wanted_mark());
        }
        let mut found = 0;
        if self.link.backlog() < BACKLOG {
            let now = self.workers.now();
            found += self.session.clients.step(self.workers, now, self.link.output());
        }
        for worker in 0..self.session.rings.len() {
            if self.link.backlog() < BACKLOG {
                found += self.read(worker);
            }
        }
        self.write_mark();
        found += self.link.send()?;
        found += self.link.receive()?;
        while let Some(frame) = self.link.next()? {
            self.take(frame)?;
        }
        if found > 0 {
            self.report();
        }
        Ok(found)
    }

    /// After an overflow everything is told anew, once the stream has taken what waits:
    /// before that it would only overflow again.
    fn start_over(&mut self) -> Result<(), Ended> {
        if self.link.backlog() > 0 || self.session.begun.elapsed() < SESSION_PAUSE {
            return Ok(());
        }
        tracing::warn!("connection sync: a ring has overflowed; everything is sent again");
        self.progress.update(|status| status.overflows += 1);
        self.session = Session::begin(&mut self.link, self.workers, self.progress, self.tallies)?;
        Ok(())
    }

    /// Takes at most a frame of events out of a worker's ring, up to the next entry that
    /// is none.
    fn read(&mut self, worker: usize) -> usize {
        let has_clients = self.session.clients.is_complete();
        let Some(ring) = self.session.rings.get_mut(worker) else { return 0 };
        let number = u16::try_from(worker).unwrap_or(u16::MAX);
        let mut other = None;
        self.batch.clear();
        while self.batch.len() < EVENTS {
            match ring.ring.peek(self.batch.len()).map(Journaled::from) {
                Some(Journaled::Event(words)) => self.batch.push(event::to_bytes(words)),
                // It says that the peer has everything.
                Some(Journaled::Tally { complete: true, .. }) if !has_clients => break,
                Some(entry) => {
                    other = Some(entry);
                    break;
                }
                None => break,
            }
        }
        let events = self.batch.len();
        let found = events + usize::from(other.is_some());
        if found == 0 {
            return 0;
        }
        ring.ring.advance(found);
        if events > 0 {
            self.session.written += events as u64;
            let batch = core::mem::take(&mut self.batch);
            let frame = Frame::Events { worker: number, events: batch };
            frame.write(self.link.output());
            if let Frame::Events { events, .. } = frame {
                self.batch = events;
            }
        }
        match other {
            Some(Journaled::Mark(mark)) => ring.mark = mark,
            Some(Journaled::Tally { tally, complete }) => {
                ring.complete |= complete;
                self.tallies += 1;
                let frame = Frame::Tally {
                    worker: number,
                    number: self.tallies,
                    count: tally.count,
                    digest: tally.digest,
                    complete,
                };
                frame.write(self.link.output());
            }
            Some(Journaled::Event(_)) | None => {}
        }
        found
    }

    /// When every worker has written the mark, everything before it is in the stream.
    fn write_mark(&mut self) {
        let reached = self.session.rings.iter().map(|ring| ring.mark).min().unwrap_or(0);
        if reached > self.session.marked && self.session.clients.reaches(reached) {
            self.session.marked = reached;
            Frame::Mark { number: reached }.write(self.link.output());
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), Ended> {
        match frame {
            Frame::Applied { events, session } if session == self.session.number => {
                self.session.applied = events;
            }
            // Of a session that has overflowed since.
            Frame::Applied { .. } => {}
            Frame::Compared { number, .. } if number <= self.session.tallies_before => {}
            Frame::Compared { worker, equal, .. } => {
                if let Some(ring) = self.session.rings.get_mut(usize::from(worker)) {
                    ring.equal = equal;
                }
                let complete = self.session.rings.iter().all(|ring| ring.complete && ring.equal);
                self.progress.update(|status| status.complete = complete);
            }
            Frame::Marked { number } => {
                self.progress.update(|status| status.drained = status.drained.max(number));
            }
            _ => return Err(Ended::Protocol("a frame that only the exporter sends")),
        }
        Ok(())
    }

    fn report(&mut self) {
        let following = self.session.rings.iter().all(|ring| ring.complete);
        let written = self.session.written - self.session.reported;
        self.session.reported = self.session.written;
        self.progress.update(|status| {
            status.state = if following { SyncState::Following } else { SyncState::Bulk };
            status.events += written;
            status.lag = self.session.written.saturating_sub(self.session.applied);
        });
    }
}

impl Session {
    fn begin(
        link: &mut Link<'_>,
        workers: &dyn Exporters,
        progress: &Progress,
        tallies_before: u64,
    ) -> Result<Self, Ended> {
        let rings = workers.begin()?;
        let number = progress.next_session();
        progress.begin();
        let begin = Frame::Begin {
            session: number,
            workers: u16::try_from(rings.len()).unwrap_or(u16::MAX),
            seed: workers.seed(),
            version: STREAM_VERSION,
        };
        begin.write(link.output());
        let ring = |ring| Ring { ring, mark: 0, complete: false, equal: false };
        let rings = rings.into_iter().map(ring).collect();
        Ok(Session {
            number,
            begun: Instant::now(),
            rings,
            written: 0,
            reported: 0,
            applied: 0,
            tallies_before,
            clients: Clients::default(),
            wanted: 0,
            marked: 0,
        })
    }

    fn has_overflowed(&self) -> bool {
        self.rings.iter().any(|ring| ring.ring.has_overflowed())
    }

    fn want(&mut self, mark: u64) {
        if mark != self.wanted {
            self.wanted = mark;
            for ring in &self.rings {
                ring.ring.want(mark);
            }
        }
    }
}
