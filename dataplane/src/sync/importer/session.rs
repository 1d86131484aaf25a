//! One session of an importer: what is on its way through the workers.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::VecDeque;
use std::time::Instant;

use api::SyncState;
use api::stream::Frame;
use nat::sync::{Order, Reply, Tally};

use crate::sync::link::Link;
use crate::sync::progress::Progress;
use crate::sync::{Ended, Importers, Intake};

/// The longest time and the most events between two `Applied`.
const APPLIED_TIME: Duration = Duration::from_millis(10);
const APPLIED_EVENTS: u64 = 8192;
/// The most tallies and marks on their way: a peer that is broken must not fill the memory.
const MOST_WAITING: usize = 1 << 16;

/// What begins anew with each `Begin`.
pub(super) struct Session {
    number: u64,
    pub(super) intakes: Vec<Intake>,
    /// By worker of the exporter: everything of it is here, but for what there was no room for.
    pub(super) equal: Vec<bool>,
    /// By worker of the exporter: the connections that it has, and those of them that are missing.
    expected: Vec<u64>,
    missing: Vec<u64>,
    /// Events for which each worker had no room before it began.
    refused_before: Vec<u64>,
    /// Workers of this machine that have swept out what is stale.
    swept: Option<usize>,
    /// Events given to workers; those that they have installed; what the exporter was told
    /// of them, and when.
    pub(super) received: u64,
    applied: u64,
    told: u64,
    told_at: Instant,
    counts: VecDeque<Count>,
    counted: u64,
    marks: VecDeque<Mark>,
}

/// A comparison on its way through the workers.
struct Count {
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

impl Session {
    pub(super) fn new(number: u64, workers: u16, intakes: Vec<Intake>) -> Self {
        let workers = usize::from(workers);
        Session {
            number,
            refused_before: intakes.iter().map(refused).collect(),
            intakes,
            equal: vec![false; workers],
            expected: vec![0; workers],
            missing: vec![0; workers],
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
    pub(super) fn is_busy(&self) -> bool {
        self.applied < self.received
            || !self.counts.is_empty()
            || !self.marks.is_empty()
            || self.swept.is_some_and(|swept| swept < self.intakes.len())
    }

    pub(super) fn count(
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

    pub(super) fn count_order(&self, origin: u16) -> Order {
        Order::Count { origin, number: self.counted }
    }

    pub(super) fn mark(&mut self, number: u64) -> Result<(), Ended> {
        if self.marks.len() >= MOST_WAITING {
            return Err(Ended::Protocol("a mark too many"));
        }
        let written = self.intakes.iter().map(|intake| intake.orders.written()).collect();
        self.marks.push_back(Mark { number, written });
        Ok(())
    }

    /// Takes the workers' replies, and answers the tallies that all have replied to.
    /// Returns why the stream must end, if it must.
    pub(super) fn collect(&mut self, link: &mut Link<'_>) -> Option<Ended> {
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
        let refused = self.refused().map(|(_, refused)| refused).sum();
        while let Some(count) = self.counts.front().filter(|count| count.missing == 0) {
            let without = count.without(refused);
            mismatch = mismatch.or(count.answer(without, link));
            let at = usize::from(count.worker);
            if let Some(worker) = self.equal.get_mut(at) {
                let is_right = without.is_some();
                *worker = if count.complete { is_right } else { *worker && is_right };
            }
            if let (Some(expected), Some(missing)) =
                (self.expected.get_mut(at), self.missing.get_mut(at))
            {
                *expected = count.expected.count;
                *missing = without.unwrap_or(0);
            }
            self.counts.pop_front();
        }
        mismatch
    }

    /// Everything is sent again, now and then, once there is room for what is missing. Returns why
    /// the stream ends for that.
    pub(super) fn retry_when_due(
        &self,
        workers: &dyn Importers,
        progress: &Progress,
    ) -> Option<Ended> {
        let missing: u64 = self.missing.iter().sum();
        if missing == 0 || self.swept != Some(self.intakes.len()) {
            return None;
        }
        // Room of others is none for what is missing.
        let short = self.refused().filter(|(_, refused)| *refused > 0);
        let free: u64 = short.map(|(worker, _)| workers.free(worker)).sum();
        (free >= missing && progress.retries()).then_some(Ended::Room(missing))
    }

    /// By worker, the events for which it has had no room in this session.
    fn refused(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let before = self.refused_before.iter();
        let now = self.intakes.iter().map(refused);
        now.zip(before).map(|(now, before)| now.saturating_sub(*before)).enumerate()
    }

    /// Once everything is here, what was here before and is not there is stale.
    pub(super) fn sweep_when_due(&mut self) {
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

    pub(super) fn report(&mut self, link: &mut Link<'_>, progress: &Progress) {
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
        progress.update(|status| {
            status.events += installed;
            status.lag = self.received - self.applied;
            if is_complete && self.equal.iter().all(|&equal| equal) {
                status.missing = self.missing.iter().sum();
                status.expected = self.expected.iter().sum();
                status.complete = status.missing == 0;
                status.state = SyncState::Following;
            }
        });
    }
}

/// Events for which a worker has had no room.
fn refused(intake: &Intake) -> u64 {
    intake.installs.refused.load(Ordering::Relaxed)
}

impl Count {
    /// The connections that are missing where nothing else is wrong: no more than were refused
    /// for want of room, which cannot be told by a digest.
    fn without(&self, refused: u64) -> Option<u64> {
        if self.found == self.expected {
            return Some(0);
        }
        let missing = self.expected.count.checked_sub(self.found.count)?;
        // As many as there, and others: that is no want of room.
        (self.standby && (1..=refused).contains(&missing)).then_some(missing)
    }

    /// Answers the tally. On an active machine a difference means nothing: it has
    /// connections of its own, and goes its own way with those that it was told of.
    fn answer(&self, without: Option<u64>, link: &mut Link<'_>) -> Option<Ended> {
        let equal = self.found == self.expected;
        let compared = Frame::Compared {
            worker: self.worker,
            number: self.number,
            count: self.found.count,
            digest: self.found.digest,
            equal,
        };
        compared.write(link.output());
        (without.is_none() && self.standby).then_some(Ended::Mismatch {
            worker: self.worker,
            count: self.found.count,
            expected: self.expected.count,
        })
    }
}
