//! The workers' threads: all start, or none stays.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use dpdk::CoreId;
use dpdk::eal::{Eal, LaunchError, WorkerHandle, WorkerPanic};

use super::worker_setup::Build;
use crate::worker::Worker;

/// Starts a worker on each core, and waits until all have their memory. `halt` tells them to
/// end; `stop`, which tells the process, is set when one ends.
pub(super) fn launch(
    eal: &Eal,
    cores: Vec<CoreId>,
    builds: Vec<Build>,
    halt: &AtomicBool,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<WorkerHandle>, LaunchError> {
    let mut workers = Vec::new();
    let (building, built) = mpsc::channel::<()>();
    for (core, build) in cores.into_iter().zip(builds) {
        // However a worker ends, forwarding is over: better a restart than a queue
        // that nobody polls.
        let last = StopAtEnd(Arc::clone(stop));
        let building = building.clone();
        let launched = eal.launch(core, move || {
            let _last = last;
            let worker = Worker::new(build());
            drop(building);
            worker.run();
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
    drop(building);
    // Nothing is ever sent: this ends when every worker has let go of its end.
    let _ = built.recv();
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
