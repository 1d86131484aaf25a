//! Every counter, by name.

use std::collections::BTreeMap;

use api::{Counters, DropCount, MempoolUse, WorkerCounters};
use dpdk::mempool::Mempool;
use nat::Side;

use super::Admin;
use crate::drop_reason::DropReason;
use crate::neighbour::resolver::ReachabilityState;

impl Admin {
    pub(super) fn counters(&self) -> Counters {
        let worker = |worker: &super::WorkerHandle| WorkerCounters {
            core: u32::from(worker.core),
            counters: worker
                .counters
                .named()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        };
        Counters {
            generation: self.snapshot.read().generation,
            workers: self.workers.iter().map(worker).collect(),
            main_core: self.main_core_counters(),
            drops: DropReason::ALL.iter().map(|&reason| self.dropped(reason)).collect(),
            mempools: self.mempools_in_use(),
            neighbours: self.neighbours_by_state(),
            nics: Side::ALL.map(|side| (super::side(side), self.nic_counters(side))).into(),
        }
    }

    /// States that no neighbour is in are told as well.
    fn neighbours_by_state(&self) -> BTreeMap<api::Side, BTreeMap<String, u64>> {
        let counted = self.resolver.lock().count();
        let side = |side: Side| {
            let states = ReachabilityState::ALL.map(|state| {
                let count = counted.get(&(side, state)).copied().unwrap_or_default();
                (super::status::neighbour_state(state).to_string(), count)
            });
            (super::side(side), states.into())
        };
        Side::ALL.map(side).into()
    }

    fn main_core_counters(&self) -> BTreeMap<String, u64> {
        let role = &self.role;
        [
            ("announcements_sent", role.announcements.get()),
            ("address_conflicts", role.conflicts.get()),
            ("log_lines_lost", crate::log::lost_lines()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// DPDK adds up what is in each pool's ring and in the caches of all its cores, which takes a
    /// look at a cache line of each: for whoever asks now and then, and no worker.
    fn mempools_in_use(&self) -> Vec<MempoolUse> {
        let told = |(name, mempool): &(&'static str, Mempool)| MempoolUse {
            name: (*name).to_owned(),
            size: mempool.capacity().into(),
            in_use: mempool.in_use().into(),
        };
        self.mempools.iter().map(told).collect()
    }

    fn dropped(&self, reason: DropReason) -> DropCount {
        let by_workers: u64 = self.workers.iter().map(|w| w.counters.drops.get(reason)).sum();
        DropCount {
            name: reason.name().to_owned(),
            description: reason.description().to_owned(),
            remedy: reason.remedy().to_owned(),
            packets: by_workers + self.drops.get(reason),
        }
    }
}
