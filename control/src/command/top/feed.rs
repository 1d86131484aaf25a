//! The samples that are shown, taken by threads of their own: a dataplane that hangs does not
//! stop the keys.

use core::time::Duration;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Instant;

use super::clients::{self, Clients};
use crate::command::rates::{self, Rates};
use crate::command::status::{Verdict, ask, judge};
use crate::error::Error;

/// What a thread has found.
#[derive(Debug)]
pub(super) enum News {
    /// How the machine is, and what happened in a second; no rates with the first sample, and
    /// where the dataplane does not answer.
    Sample(Box<(Verdict, Option<Rates>)>),
    /// This user may not look; nothing follows.
    Refused(Error),
    /// Who has the connections, or why that is not known.
    Clients(Result<Clients, String>),
}

/// The threads, and what they are told.
pub(super) struct Feed {
    news: Receiver<News>,
    order: Arc<Order>,
}

struct Order {
    interval: AtomicU64,
    ended: AtomicBool,
}

/// A walk over all connections begins at most this often.
const WALKS: Duration = Duration::from_secs(5);
/// How long a thread sleeps at most before it looks whether it is to end.
const NAP: Duration = Duration::from_millis(100);

impl Feed {
    /// Begins to look each interval; at the connections as well, if that is wanted.
    pub(super) fn start(socket: &Path, interval: Duration, with_clients: bool) -> Self {
        let (sender, news) = sync_channel(4);
        let order = Arc::new(Order {
            interval: AtomicU64::new(millis(interval)),
            ended: AtomicBool::new(false),
        });
        let (path, own, to) = (socket.to_owned(), Arc::clone(&order), sender.clone());
        thread::spawn(move || look(&path, &own, &to));
        if with_clients {
            let (path, own) = (socket.to_owned(), Arc::clone(&order));
            thread::spawn(move || walk(&path, &own, &sender));
        }
        Feed { news, order }
    }

    /// What has been found since the last time. An error: the threads are gone.
    pub(super) fn next(&self) -> Result<Option<News>, TryRecvError> {
        match self.news.try_recv() {
            Ok(news) => Ok(Some(news)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(gone @ TryRecvError::Disconnected) => Err(gone),
        }
    }

    pub(super) fn set_interval(&self, interval: Duration) {
        self.order.interval.store(millis(interval), Ordering::Relaxed);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.order.ended.store(true, Ordering::Relaxed);
    }
}

impl Order {
    fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Sleeps until so long after `since`, in naps.
    fn sleep(&self, since: Instant, time: impl Fn() -> Duration) {
        while !self.is_ended() {
            let left = time().saturating_sub(since.elapsed());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(NAP));
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn look(socket: &Path, order: &Order, news: &SyncSender<News>) {
    let mut last = None;
    while !order.is_ended() {
        let begun = Instant::now();
        let known = match ask(socket) {
            Ok(known) => known,
            Err(error) => {
                // Whoever has gone meanwhile needs not know.
                let _ = news.send(News::Refused(error));
                return;
            }
        };
        let now = Instant::now();
        let rates = last.as_ref().and_then(|(at, before)| {
            rates::between(before, &known, now.saturating_duration_since(*at))
        });
        let verdict = judge(&known, rates.as_ref());
        last = Some((now, known));
        if news.send(News::Sample(Box::new((verdict, rates)))).is_err() {
            return;
        }
        order.sleep(begun, || Duration::from_millis(order.interval.load(Ordering::Relaxed)));
    }
}

fn walk(socket: &Path, order: &Order, news: &SyncSender<News>) {
    let mut last: Option<Clients> = None;
    while !order.is_ended() {
        let begun = Instant::now();
        let walked = clients::walk(socket, &|| order.is_ended());
        if let (Ok(now), Some(before)) = (&walked, &last) {
            let seconds = now.taken.saturating_duration_since(before.taken).as_secs_f64();
            let compared = now.since(before, seconds);
            last = Some(now.clone());
            if news.send(News::Clients(Ok(compared))).is_err() {
                return;
            }
        } else {
            last = walked.as_ref().ok().cloned();
            if news.send(News::Clients(walked)).is_err() {
                return;
            }
        }
        order.sleep(begun, || WALKS);
    }
}
