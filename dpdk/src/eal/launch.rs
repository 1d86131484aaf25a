//! Workers: a function on a core of its own.

use core::ffi::c_void;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Eal, control, describe};
use crate::CoreId;

/// Why a function could not be started on a worker core.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LaunchError {
    /// The core is not one of the worker cores that DPDK was started with.
    #[error("core {0} is not a worker core of this process")]
    NotAWorker(CoreId),
    /// Another function runs on the core.
    #[error("core {core} is busy: {cause}")]
    Busy {
        /// The core that is busy.
        core: CoreId,
        /// DPDK's reason, in words.
        cause: String,
    },
}

/// The function on a worker core panicked.
#[derive(Debug, thiserror::Error)]
#[error("the worker on core {core} panicked: {message}")]
pub struct WorkerPanic {
    core: CoreId,
    message: String,
}

type Panicked = Arc<Mutex<Option<String>>>;

struct Task {
    run: Box<dyn FnOnce() + Send>,
    panicked: Panicked,
}

/// A function that runs on a worker core. Dropping the handle lets it run.
#[derive(Debug)]
pub struct WorkerHandle {
    core: CoreId,
    panicked: Panicked,
}

impl Eal {
    /// Runs a function on a worker core, once.
    ///
    /// # Errors
    ///
    /// Returns [`LaunchError`] if the function has not been started.
    pub fn launch(
        &self,
        core: CoreId,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<WorkerHandle, LaunchError> {
        if !self.worker_cores.contains(&core) {
            return Err(LaunchError::NotAWorker(core));
        }
        let panicked = Panicked::default();
        let task = Box::new(Task { run: Box::new(run), panicked: Arc::clone(&panicked) });
        let task = Box::into_raw(task);
        let _control = control();
        // SAFETY: the lcore exists, and the task's ownership goes to the trampoline, which
        // runs once if the launch succeeds.
        let result = unsafe {
            dpdk_sys::rte_eal_remote_launch(Some(trampoline), task.cast(), u32::from(core.0))
        };
        if result != 0 {
            // SAFETY: the launch failed, so the task is still ours.
            drop(unsafe { Box::from_raw(task) });
            return Err(LaunchError::Busy { core, cause: describe(result) });
        }
        Ok(WorkerHandle { core, panicked })
    }
}

unsafe extern "C" fn trampoline(task: *mut c_void) -> i32 {
    // SAFETY: `launch` gave the ownership of a boxed task, and this is called once.
    let Task { run, panicked } = *unsafe { Box::from_raw(task.cast::<Task>()) };
    // A panic must not unwind into C.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        *panicked.lock().unwrap_or_else(PoisonError::into_inner) = Some(message(&*panic));
        return -1;
    }
    0
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "without a message".to_owned())
}

impl WorkerHandle {
    /// The core on which the function runs.
    pub fn core(&self) -> CoreId {
        self.core
    }

    /// Waits until the function has returned.
    ///
    /// # Errors
    ///
    /// Returns [`WorkerPanic`] if the function panicked.
    pub fn join(self) -> Result<(), WorkerPanic> {
        // SAFETY: the lcore exists; the function waits until it is idle.
        unsafe { dpdk_sys::rte_eal_wait_lcore(u32::from(self.core.0)) };
        let message = self.panicked.lock().unwrap_or_else(PoisonError::into_inner).take();
        message.map_or(Ok(()), |message| Err(WorkerPanic { core: self.core, message }))
    }
}
