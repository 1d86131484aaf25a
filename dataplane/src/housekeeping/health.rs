//! Looking after links and workers, for control to know.

use std::sync::Arc;

use nat::{Instant, Side};

use super::{Housekeeping, Spread};
use crate::counters::WorkerBlock;
use crate::link::NicLink;
use crate::role::health::{LOOK, Polls};

/// What the main core looks at.
pub struct Watch {
    workers: Vec<Arc<WorkerBlock>>,
    links: [NicLink; 2],
    polls: Polls,
    looked: Option<Instant>,
    /// Until there was something to say, where NICs choose among workers.
    spread: Option<Spread>,
}

impl Watch {
    /// Over these workers and links.
    pub fn new(
        workers: Vec<Arc<WorkerBlock>>,
        links: [NicLink; 2],
        spread: Option<Spread>,
        now: Instant,
    ) -> Self {
        let polls = Polls::new(workers.len(), now);
        Watch { workers, links, polls, looked: None, spread }
    }

    /// Says once that a NIC does not do what it said it would.
    fn look_at_spread(&mut self, now: Instant) {
        let counters = self.workers.iter().map(|worker| &***worker);
        let found = self.spread.as_mut().and_then(|spread| spread.look(counters, now));
        let Some((core, percent)) = found else { return };
        tracing::warn!(
            "the worker on core {core} handed {percent} % of its packets to other workers, though \
             both NICs said that they send packets to their worker: if it stays so, node.rss = \
             false has them spread packets more evenly"
        );
        self.spread = None;
    }
}

impl Housekeeping {
    pub(super) fn look_after(&mut self, now: Instant) {
        let watch = &mut self.watch;
        let rested = |looked| u128::from(now.since(looked)) >= LOOK.as_millis();
        if !watch.looked.is_none_or(rested) {
            return;
        }
        watch.looked = Some(now);
        watch.look_at_spread(now);
        let counts = watch.workers.iter().map(|counters| counters.polls.get());
        let run = watch.polls.advance(counts, now);
        self.role.health.set_workers_run(run);
        for side in Side::ALL {
            let came_up = self.role.health.set_link(side, watch.links[side.index()].is_up());
            if came_up {
                // What was announced meanwhile was heard by nobody.
                self.role.announce();
            }
        }
    }
}
