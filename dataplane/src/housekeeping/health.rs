//! Looking after links and workers, for control to know.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use config::{Config, CoreId};
use nat::{Instant, Side};

use super::deafness::Deafness;
use super::lost_nic::{self, LostNic};
use super::{Housekeeping, Spread};
use crate::clock::Tsc;
use crate::counters::WorkerBlock;
use crate::link::NicLink;
use crate::role::StallLimits;
use crate::role::health::{LOOK, Polls, Queues};

/// What the main core looks at.
pub struct Watch {
    workers: Vec<Arc<WorkerBlock>>,
    cores: Vec<CoreId>,
    /// The worker that hangs, as it was told.
    hung: Option<usize>,
    links: [NicLink; 2],
    lost_nic: LostNic,
    polls: Polls,
    queues: [Queues; 2],
    pub(super) deafness: Deafness,
    looked: Option<Instant>,
    /// Until there was something to say, where NICs choose among workers.
    spread: Option<Spread>,
}

impl Watch {
    /// Over the workers that this configures, and these links.
    pub fn new(
        config: &Config,
        workers: Vec<Arc<WorkerBlock>>,
        links: [NicLink; 2],
        spread: Option<Spread>,
        now: Instant,
    ) -> Self {
        let polls = Polls::new(workers.len(), StallLimits::of(config), now);
        let cores = config.node.workers.clone();
        let (queues, deafness, lost_nic) = Default::default();
        let (hung, looked) = (None, None);
        Watch { workers, cores, hung, links, lost_nic, polls, queues, deafness, looked, spread }
    }

    /// How long workers may stand still.
    pub fn limits(&self) -> StallLimits {
        self.polls.limits()
    }

    /// Says which worker hangs, once, and when it goes on.
    fn look_at_polls(&mut self, now: Instant) {
        let hung = self.polls.hung(now);
        if hung == core::mem::replace(&mut self.hung, hung) {
            return;
        }
        match hung.and_then(|worker| self.cores.get(worker)) {
            Some(core) => tracing::error!(
                "the worker on core {core} is stalled and forwards nothing; if it stays so, the \
                 service manager's watchdog (WatchdogSec=) restarts this process"
            ),
            None => tracing::info!("every worker advances again"),
        }
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
        // A link that has changed is looked at at once.
        let news = watch.links.each_mut().map(NicLink::has_news);
        if news == [false, false] && !watch.looked.is_none_or(rested) {
            return;
        }
        watch.looked = Some(now);
        watch.look_at_spread(now);
        let counts = watch.workers.iter().map(|counters| counters.polls.get());
        let run = watch.polls.advance(counts, now);
        let is_steady = watch.polls.all_advanced();
        watch.deafness.look(watch.workers.iter().map(|worker| &***worker), now);
        self.role.health.set_workers_run(run);
        watch.look_at_polls(now);
        if let Some(watchdog) = &mut self.watchdog {
            watchdog.feed(run, now);
        }
        for side in Side::ALL {
            let came_up = self.role.health.set_link(side, watch.links[side.index()].is_up());
            if came_up {
                // What was announced meanwhile was heard by nobody.
                self.role.announce();
            }
        }
        self.look_at_nics(now);
        self.look_at_queues(now);
        self.probe(now, is_steady);
    }

    /// Ends the process when a NIC has to be set up anew, once the role is with the peer.
    fn look_at_nics(&mut self, now: Instant) {
        for side in Side::ALL {
            let state = self.watch.links[side.index()].nic();
            if self.role.health.set_nic(side, state) {
                tracing::error!("{}", lost_nic::words(side, state));
                self.watch.lost_nic.note(now);
            }
        }
        let is_active = || self.role.role(Tsc::now()) == api::Role::Active;
        if self.watch.lost_nic.is_over(is_active, now) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Finds transmit queues that take nothing. Where there is no link none does, and that is
    /// known already.
    fn look_at_queues(&mut self, now: Instant) {
        for side in Side::ALL {
            let is_up = self.role.health.link(side);
            let refused_for = |worker: &Arc<WorkerBlock>| {
                let since = worker.refused_since.get(side.index())?.get();
                (since != 0).then(|| now.since(self.clock.at(Tsc(since))))
            };
            let longest = self.watch.workers.iter().filter_map(refused_for).max();
            let Some(queues) = self.watch.queues.get_mut(side.index()) else { continue };
            let (before, stuck) = (queues.is_stuck(), queues.look(longest.filter(|_| is_up), now));
            self.role.health.set_stuck(side, stuck);
            match (before, stuck) {
                (false, true) => tracing::warn!(
                    "the {side} NIC sends nothing: a transmit queue takes no packet though its \
                     link is up; look at the switch (pause frames) and at the NIC's driver"
                ),
                (true, false) => tracing::info!("the {side} NIC sends again"),
                _ => {}
            }
        }
    }
}
