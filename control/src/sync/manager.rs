//! Follows the role: which stream there is to be, and over which path.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use api::SyncLink;
use api::stream::Direction;
use config::{Node, Peer, PeerPath};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::accept::{Accept, OtherLinks, Taken};
use super::noise::{Secured, SyncKeys};
use super::{Counts, Report, SILENCE, Trouble, add, dataplane, dial, pump};
use crate::clock::Clock;
use crate::events::{Draft, EventKind, Events};
use crate::role::SyncPlan;
use crate::role::sync_direction::Import;

/// Between two rounds over all paths.
const RETRY: Duration = Duration::from_millis(100);
/// A stream that the own dataplane has ended so soon may be ended as soon the next time; in a row
/// of such ones each waits twice as long as the one before, this often.
const SOON: Duration = Duration::from_secs(60);
const DOUBLINGS: u32 = 8;

/// What every stream needs.
struct StreamContext {
    socket: PathBuf,
    paths: Vec<PeerPath>,
    port: u16,
    /// How long the peer may say nothing.
    silence: Duration,
    keys: SyncKeys,
    report: watch::Sender<Report>,
    counts: Arc<Counts>,
    clock: Clock,
    events: Events,
}

/// A stream that is up or about to be; it ends when this is dropped.
struct Stream {
    direction: Direction,
    task: JoinHandle<Ended>,
}

/// How a stream ended.
struct Ended {
    trouble: Trouble,
    /// Its path, if it was up at all.
    path: Option<usize>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the manager hears from, and talks to.
pub struct Channels {
    pub plans: watch::Receiver<SyncPlan>,
    pub report: watch::Sender<Report>,
    /// Take the peer's connections that are about something else.
    pub others: OtherLinks,
    pub events: Events,
}

/// Carries connections for as long as there are plans.
pub struct Manager {
    context: Arc<StreamContext>,
    plans: watch::Receiver<SyncPlan>,
    taken: mpsc::Receiver<Taken>,
    stream: Option<Stream>,
    /// The path to begin with.
    first: usize,
    /// No round over the paths begins before.
    next_round: Instant,
    /// Streams in a row that the own dataplane has soon ended, and when the last one came up.
    ended_soon: u32,
    begun: Instant,
}

impl Manager {
    /// Starts listening on every path.
    #[must_use]
    pub fn start(
        node: &Node,
        peer: &Peer,
        keys: SyncKeys,
        channels: Channels,
        counts: Arc<Counts>,
        clock: Clock,
    ) -> Self {
        let Channels { plans, report, others, events } = channels;
        let (sender, taken) = mpsc::channel(1);
        let (ends, counted) = (plans.clone(), Arc::clone(&counts));
        let accept = Accept::new(keys.clone(), ends, sender, others, counted, clock);
        for path in &peer.paths {
            tokio::spawn(accept.clone().listen(*path, peer.port));
        }
        let context = StreamContext {
            socket: node.control_socket.clone(),
            paths: peer.paths.clone(),
            port: peer.port,
            silence: SILENCE.max(peer.timing.dead),
            keys,
            report,
            counts,
            clock,
            events,
        };
        Manager {
            context: Arc::new(context),
            plans,
            taken,
            stream: None,
            first: 0,
            next_round: Instant::now(),
            ended_soon: 0,
            begun: Instant::now(),
        }
    }

    /// Follows the plans until nobody makes any more.
    pub async fn run(mut self) {
        loop {
            let plan = self.plans.borrow_and_update().clone();
            self.follow(&plan);
            tokio::select! {
                changed = self.plans.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                Some(taken) = self.taken.recv() => self.take(taken),
                ended = ended(&mut self.stream) => self.lose(&ended),
                () = sleep_until(self.next_round), if self.waits(&plan) => {}
            }
        }
    }

    /// Ends a stream that is not to be, begins one that is.
    fn follow(&mut self, plan: &SyncPlan) {
        let is_right = self.stream.as_ref().is_none_or(|stream| match stream.direction {
            Direction::Import => plan.import != Import::No,
            Direction::Export => plan.export,
        });
        if !is_right {
            self.stream = None;
            self.context.report.send_replace(Report::default());
        }
        if self.waits(plan) && Instant::now() >= self.next_round {
            let order = dial::order(self.first, &plan.paths_up);
            self.begun = Instant::now();
            let import = import(Arc::clone(&self.context), order);
            let task = tokio::spawn(import);
            self.stream = Some(Stream { direction: Direction::Import, task });
        }
    }

    /// The peer has dialled. A new stream takes the place of an old one, which the peer has
    /// given up.
    fn take(&mut self, taken: Taken) {
        let takes_rest =
            matches!(&self.stream, Some(stream) if stream.direction == Direction::Import);
        if !self.plans.borrow().export || takes_rest {
            return;
        }
        let task = tokio::spawn(export(Arc::clone(&self.context), taken));
        self.stream = Some(Stream { direction: Direction::Export, task });
    }

    /// True if there is to be a stream, and this machine has to dial for it.
    fn waits(&self, plan: &SyncPlan) -> bool {
        self.stream.is_none() && plan.import == Import::Yes
    }

    fn lose(&mut self, ended: &Ended) {
        self.stream = None;
        if let Some(path) = ended.path {
            // The next one may be better.
            self.first = path + 1;
        }
        // Whatever ended it may end the next one as quickly. What the dataplane ends has to be sent
        // again from the beginning.
        let is_dataplane = ended.path.is_some() && matches!(ended.trouble, Trouble::Dataplane(_));
        self.ended_soon = match is_dataplane && self.begun.elapsed() < SOON {
            true => (self.ended_soon + 1).min(DOUBLINGS),
            false => 0,
        };
        self.next_round = Instant::now() + RETRY * (1 << self.ended_soon);
        self.context.down(&ended.trouble);
    }
}

/// When the stream ends; never if there is none.
async fn ended(stream: &mut Option<Stream>) -> Ended {
    let Some(stream) = stream else { return core::future::pending().await };
    (&mut stream.task).await.unwrap_or_else(|_| Ended {
        trouble: Trouble::Network("a fault of tandem-control ended the stream".to_owned()),
        path: None,
    })
}

/// Dials over one path after the other, and brings the peer's connections to the dataplane.
async fn import(context: Arc<StreamContext>, order: Vec<usize>) -> Ended {
    let mut trouble = Trouble::Network("there is no path".to_owned());
    for index in order {
        let Some(&path) = context.paths.get(index) else { continue };
        match dial::dial(path, context.port, &context.keys).await {
            Ok(link) => {
                return context.carry(link, index, path, Direction::Import).await;
            }
            Err(failed) => trouble = failed,
        }
    }
    Ended { trouble, path: None }
}

/// Brings the dataplane's connections to the peer.
async fn export(context: Arc<StreamContext>, taken: Taken) -> Ended {
    let index = context.paths.iter().position(|path| *path == taken.path).unwrap_or(0);
    context.carry(taken.link, index, taken.path, Direction::Export).await
}

impl StreamContext {
    async fn carry(
        &self,
        link: Secured,
        index: usize,
        path: PeerPath,
        direction: Direction,
    ) -> Ended {
        let stream = match dataplane::open(&self.socket, direction).await {
            Ok(stream) => stream,
            Err(trouble) => return Ended { trouble, path: None },
        };
        add(&self.counts.streams, 1);
        self.up(path, direction);
        let trouble = pump::run(stream, link, &self.counts, self.silence).await;
        Ended { trouble, path: Some(index) }
    }

    fn up(&self, path: PeerPath, direction: Direction) {
        let (link, what) = match direction {
            Direction::Export => (SyncLink::Sending, "goes to"),
            Direction::Import => (SyncLink::Receiving, "comes from"),
        };
        let what = format!("connection sync {what} {} over {}", path.remote, path.local);
        let on = format!("{} {}", path.local, path.remote);
        self.events.emit(Draft::new(EventKind::SyncUp, what).field("path", on));
        let path = Some(path.remote.to_string());
        self.report.send_replace(Report { link, path, trouble: None, since: self.clock.now() });
    }

    /// The same trouble, again and again, is told once.
    fn down(&self, trouble: &Trouble) {
        let trouble = trouble.to_string();
        let is_known = self.report.borrow().trouble.as_ref() == Some(&trouble);
        if !is_known {
            let draft = Draft::new(EventKind::SyncDown, "connection sync is down");
            self.events.emit(draft.why(&trouble));
        }
        let trouble = Some(trouble);
        self.report.send_replace(Report { trouble, ..Report::default() });
    }
}
