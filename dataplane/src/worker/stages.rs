//! How the time of a poll is split over its stages: a sample, as reading the time stamp
//! counter takes as long as a packet does.

use std::sync::Arc;

use dpdk::clock;

use crate::counters::WorkerBlock;
use crate::stage::Stage;

/// One poll in so many is timed by stage.
const SAMPLE: u64 = 64;

/// Times the stages of some polls.
pub(super) struct StageTimer {
    counters: Arc<WorkerBlock>,
    /// While this poll is timed: when the last stage ended.
    lap: Option<u64>,
}

impl StageTimer {
    pub(super) fn new(counters: Arc<WorkerBlock>) -> Self {
        StageTimer { counters, lap: None }
    }

    /// Begins to time this poll, if its turn has come.
    #[inline(always)]
    pub(super) fn begin(&mut self) {
        let is_sample = self.counters.polls.get() % SAMPLE == 0;
        self.lap = is_sample.then(clock::tsc);
    }

    /// True while the poll is timed.
    #[inline(always)]
    pub(super) fn is_timing(&self) -> bool {
        self.lap.is_some()
    }

    /// The cycles since the last call belong to this stage.
    #[inline(always)]
    pub(super) fn lap(&mut self, stage: Stage) {
        if let Some(before) = self.lap {
            let now = clock::tsc();
            if let Some(cycles) = self.counters.stages.get(stage as usize) {
                cycles.add(now.wrapping_sub(before));
            }
            self.lap = Some(now);
        }
    }
}
