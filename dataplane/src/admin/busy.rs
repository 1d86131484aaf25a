//! How busy workers are: the share of cycles in polls that found packets, between two looks.

use core::time::Duration;
use std::time::Instant;

use parking_lot::Mutex;

use super::WorkerHandle;

/// The least time between two looks.
const LEAST: Duration = Duration::from_millis(50);
/// The most: what was long ago says little of now.
const MOST: Duration = Duration::from_secs(60);

/// Cycles in polls that found packets, and in all, of one worker.
pub(super) type Cycles = (u64, u64);

/// The last look, from which the next one tells the share: whoever asks again and again need not
/// wait for it.
#[derive(Debug, Default)]
pub struct Busy {
    last: Mutex<Option<(Instant, Vec<Cycles>)>>,
}

impl Busy {
    /// What there was at the last look, or a short time ago.
    pub(super) fn before(&self, workers: &[WorkerHandle]) -> Vec<Cycles> {
        let looked = (Instant::now(), look(workers));
        let last = self.last.lock().replace(looked.clone());
        match last {
            Some((at, cycles)) if (LEAST..MOST).contains(&(looked.0 - at)) => cycles,
            _ => {
                std::thread::sleep(LEAST);
                looked.1
            }
        }
    }
}

fn look(workers: &[WorkerHandle]) -> Vec<Cycles> {
    workers.iter().map(cycles).collect()
}

pub(super) fn cycles(worker: &WorkerHandle) -> Cycles {
    (worker.counters.busy_cycles.get(), worker.counters.cycles.get())
}
