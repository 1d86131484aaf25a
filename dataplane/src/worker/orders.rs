//! Orders from the main core: a new configuration, a walk over the connections.

use std::rc::Rc;
use std::sync::Arc;

use nat::Side;
use nat::scheduler::Scheduler;
use nat::service::{MAXIMUM_SERVICES, Server};

use super::Worker;
use crate::mailbox::{Answer, Order};
use crate::neighbour::Sender;
use crate::snapshot::Snapshot;

/// Records that a walk looks at in one poll: a few cache lines, whatever the table's size.
const WALK_STEP: usize = 64;

/// Room for the scheduler of every service there can be.
pub(super) fn no_schedulers() -> Vec<Option<Scheduler>> {
    (0..MAXIMUM_SERVICES).map(|_| None).collect()
}

impl Worker {
    #[inline(always)]
    pub(super) fn follow_orders(&mut self) {
        if let Some(order) = self.mailbox.next_order() {
            self.follow(order);
        }
        if self.walk.is_some() {
            self.walk_on();
        }
    }

    #[cold]
    fn follow(&mut self, order: Order) {
        match order {
            Order::Snapshot(snapshot) => {
                let old = self.take_snapshot(snapshot);
                // Dropped here only if nobody collects answers: the process is ending.
                drop(self.mailbox.reply(Answer::Retired(old)));
            }
            Order::Walk(walk) => self.walk = Some(walk),
            Order::Sync(session) => self.begin_session(session),
        }
    }

    /// Uses another configuration, and returns the one before.
    pub(super) fn take_snapshot(&mut self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        for side in Side::ALL {
            let network = snapshot.network(side);
            self.macs[side.index()] = network.mac;
            self.floating_macs[side.index()] = network.floating_mac;
            self.mtus[side.index()] = network.mtu;
            self.senders[side.index()] = Sender::new(network.mac);
        }
        self.connections.set_timeouts(snapshot.timeouts);
        self.fragments.set_timeout(snapshot.fragment_timeout);
        self.renew_schedulers(&snapshot);
        self.connections.services_changed();
        self.advance_epoch();
        let old = core::mem::replace(&mut self.snapshot, Rc::new(snapshot));
        // Nobody else counts on it between two bursts.
        Rc::try_unwrap(old).unwrap_or_else(|old| Arc::clone(&old))
    }

    /// A service that stays keeps its scheduler as long as that is of the same kind; where its
    /// servers are others than before, those that stay keep what the scheduler remembers of
    /// them.
    fn renew_schedulers(&mut self, snapshot: &Snapshot) {
        for service in snapshot.services.iter() {
            let Some(slot) = self.schedulers.get_mut(service.id.index()) else { continue };
            let before = self.snapshot.services.get(service.id);
            match (before, &mut *slot) {
                (Some(before), Some(scheduler)) if scheduler.kind() == service.scheduler => {
                    if before.servers != service.servers {
                        let place = |at| {
                            let server: &Server<_> = service.servers.get(at)?;
                            self.snapshot.services.place(server.id)
                        };
                        scheduler.rearrange(service.servers.len(), place);
                    }
                }
                _ => *slot = Some(Scheduler::new(service.scheduler, self.random.next_u64())),
            }
        }
    }

    /// One step of a walk; sends it back when its buffer is full or the table ends.
    #[cold]
    fn walk_on(&mut self) {
        let Some(mut walk) = self.walk.take() else { return };
        let capacity = self.connections.table().capacity();
        let room = walk.found.capacity() - walk.found.len();
        let step = WALK_STEP.min(room);
        for (_, record) in self.connections.table().scan(walk.start, step) {
            let idle = self.connections.idle_millis(record, self.now) / 1000;
            let timeout = u64::from(self.connections.timeout_of(record).0);
            walk.found.push((*record, idle, timeout.saturating_sub(idle)));
        }
        walk.start = walk.start.saturating_add(step);
        let ended = walk.start >= capacity;
        if ended || walk.found.len() == walk.found.capacity() {
            walk.next = (!ended).then_some(walk.start);
            drop(self.mailbox.reply(Answer::Walked(walk)));
        } else {
            self.walk = Some(walk);
        }
    }
}
