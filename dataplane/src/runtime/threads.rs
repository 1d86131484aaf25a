//! The workers' threads: all start, or none stays.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use dpdk::CoreId;
use dpdk::eal::{Eal, LaunchError, WorkerHandle, WorkerPanic};

use crate::worker::{Parts, Worker};

/// Starts a worker on each core. `halt` tells them to end; `stop`, which tells the process,
/// is set when one ends.
pub(super) fn launch(
    eal: &Eal,
    cores: Vec<CoreId>,
    parts: Vec<Parts>,
    halt: &AtomicBool,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<WorkerHandle>, LaunchError> {
    let mut workers = Vec::new();
    for (core, parts) in cores.into_iter().zip(parts) {
        // However a worker ends, forwarding is over: better a restart than a queue
        // that nobody polls.
        let last = StopAtEnd(Arc::clone(stop));
        let launched = eal.launch(core, move || {
            let _last = last;
            Worker::new(parts).run();
        });
        match launched {
            Ok(worker) => workers.push(worker),
            Err(error) => {
                halt.store(true, Ordering::Relaxed);
                // What kept the others from starting is told; how they end is not.
                let _ = join(workers);
                return Err(error);
            }
        }
    }
    Ok(workers)
}

/// Waits until all have ended.
///
/// # Errors
///
/// [`WorkerPanic`] of the first that did not end by itself.
pub(super) fn join(workers: Vec<WorkerHandle>) -> Result<(), WorkerPanic> {
    let ends: Vec<_> = workers.into_iter().map(WorkerHandle::join).collect();
    ends.into_iter().collect()
}

/// Stops the process when it is dropped.
struct StopAtEnd(Arc<AtomicBool>);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
