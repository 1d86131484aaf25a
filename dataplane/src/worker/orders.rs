//! Orders from the main core: a new configuration, a walk over the connections, connections to end,
//! a session of connection sync, a trace, a capture.

use std::net::Ipv4Addr;
use std::sync::Arc;

use nat::Connections;
use nat::service::Service;
use nat::sync::Session;

use super::explain;
use super::flows::Flows;
use super::io::Io;
use super::kill;
use super::next_hops::NextHopCache;
use super::view::View;
use crate::counters::ServerCounters;
use crate::mailbox::{Answer, FoundConnection, Kill, Mailbox, Order, Walk};
use crate::snapshot::Snapshot;

/// Records that a walk looks at in one poll: a few cache lines, whatever the table's size.
const WALK_STEP: usize = 64;

/// The orders of one worker.
pub(super) struct Orders {
    mailbox: Arc<Mailbox>,
    /// The task that is not at its end, with the number of its order.
    task: Option<(u64, Task)>,
}

/// An order that takes more than one poll.
enum Task {
    Walk(Walk),
    Kill(Kill),
}

impl Orders {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Self {
        Orders { mailbox, task: None }
    }

    /// True while nothing is left to do.
    pub(super) fn are_done(&self) -> bool {
        self.task.is_none()
    }

    /// Follows the next order, and goes on with what an earlier one has begun.
    #[inline(always)]
    pub(super) fn follow(&mut self, io: &mut Io, flows: &mut Flows, view: &mut View) {
        if let Some((number, order)) = self.mailbox.next_order() {
            self.begin(number, order, io, flows, view);
        }
        if self.task.is_some() {
            self.go_on(io, flows, view);
        }
    }

    #[cold]
    fn begin(
        &mut self,
        number: u64,
        order: Order,
        io: &mut Io,
        flows: &mut Flows,
        view: &mut View,
    ) {
        // An answer is dropped here only if nobody collects answers: the process is ending.
        match order {
            Order::Snapshot(snapshot) => {
                let old = take_snapshot(flows, view, snapshot);
                drop(self.mailbox.reply(number, Answer::Retired(old)));
            }
            Order::Walk(walk) => self.task = Some((number, Task::Walk(walk))),
            Order::Kill(kill) => self.task = Some((number, Task::Kill(kill))),
            Order::Sync(session) => {
                let old: Session = flows.translator.connections.set_session(session);
                drop(self.mailbox.reply(number, Answer::Synced(old)));
            }
            Order::Trace(tracer) => {
                let old = core::mem::replace(&mut io.trace, tracer);
                drop(self.mailbox.reply(number, Answer::Traced(old)));
            }
            Order::Explain(mut question) => {
                explain::answer(flows, view, &mut question);
                drop(self.mailbox.reply(number, Answer::Explained(question)));
            }
            Order::Capture(session) => {
                let old = io.capture.replace(session);
                drop(self.mailbox.reply(number, Answer::Captured(old)));
            }
        }
    }

    /// One step of a task; sends it back when it is done.
    #[cold]
    fn go_on(&mut self, io: &mut Io, flows: &mut Flows, view: &View) {
        let Some((number, task)) = self.task.take() else { return };
        let (ended, task) = match task {
            Task::Walk(mut walk) => {
                let ended = walk_on(&mut walk, &flows.translator.connections, view);
                (ended, Task::Walk(walk))
            }
            Task::Kill(mut kill) => {
                let ended = kill::step(&mut kill, io, flows, view);
                (ended, Task::Kill(kill))
            }
        };
        if !ended {
            self.task = Some((number, task));
            return;
        }
        let answer = match task {
            Task::Walk(walk) => Answer::Walked(walk),
            Task::Kill(kill) => Answer::Killed(kill),
        };
        drop(self.mailbox.reply(number, answer));
    }
}

/// One step of a walk; true when its buffer is full or the table ends.
fn walk_on(walk: &mut Walk, connections: &Connections<Ipv4Addr>, view: &View) -> bool {
    let capacity = connections.table().places();
    let room = walk.found.capacity() - walk.found.len();
    let step = WALK_STEP.min(room);
    for (id, record) in connections.table().scan(walk.start, step) {
        let idle = connections.idle_millis(record, view.now) / 1000;
        let timeout = u64::from(connections.timeout_of(record).0);
        walk.found.push(FoundConnection {
            id,
            record: *record,
            age_seconds: connections.age_seconds(id, view.now),
            idle_seconds: idle,
            expires_seconds: timeout.saturating_sub(idle),
        });
    }
    walk.start = walk.start.saturating_add(step);
    let ended = walk.start >= capacity;
    if ended || walk.found.len() == walk.found.capacity() {
        walk.next = (!ended).then_some(walk.start);
        return true;
    }
    false
}

/// Uses another configuration, and returns the one before.
pub(super) fn take_snapshot(
    flows: &mut Flows,
    view: &mut View,
    snapshot: Arc<Snapshot>,
) -> Arc<Snapshot> {
    let (before, services) = (&view.policy().services, &snapshot.policy.services);
    flows.translator.set_services(before, services);
    let servers = services.iter().flat_map(Service::all_servers);
    for server in servers.filter(|server| before.server(server.id).is_none()) {
        // Its number may have been another server's.
        view.counters.server(server.id).into_iter().for_each(ServerCounters::restart);
    }
    flows.translator.connections.set_source_rules(&snapshot.policy.sources);
    flows.translator.connections.set_share_rules(&snapshot.policy.shares);
    flows.translator.connections.set_timeouts(snapshot.timeouts);
    flows.fragments.set_timeout(snapshot.fragment_timeout);
    flows.departures.look_again();
    let ways_changed = snapshot.ways != view.snapshot.ways;
    let old = view.set_snapshot(snapshot);
    if ways_changed {
        view.advance_epoch();
        flows.next_hops = NextHopCache::EMPTY;
    }
    old
}
