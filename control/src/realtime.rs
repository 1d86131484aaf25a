//! What keeps this process from being late: memory that is never paged out, and a thread
//! that is scheduled before all others.

use core::fmt;

use rustix::mm::{MlockAllFlags, mlockall};
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// Above everything that is not real-time, below the kernel's own threads.
const PRIORITY: u8 = 40;

/// Keeps the memory of the process, all that it has and all that it takes, from being paged
/// out. Says so once if that is not permitted.
pub fn lock_memory() {
    if let Err(error) = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE) {
        warn("memory is not locked", &error, "LimitMEMLOCK=infinity in the unit, or run as root");
    }
}

/// Schedules this thread before others (SCHED_FIFO). Says so once if that is not permitted.
pub fn make_this_thread_real_time() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let priority = ThreadPriorityValue::try_from(PRIORITY).map(ThreadPriority::Crossplatform);
    let set = priority.map_err(|error| error.to_string()).and_then(|priority| {
        set_thread_priority_and_policy(thread_native_id(), priority, policy)
            .map_err(|error| error.to_string())
    });
    if let Err(error) = set {
        warn(
            "heartbeats have no real-time priority",
            &error,
            "LimitRTPRIO=50 in the unit, or run as root",
        );
    }
}

fn warn(what: &str, error: &dyn fmt::Display, remedy: &str) {
    tracing::warn!(
        "{what}: {error}; a busy machine may then be late and lose the role without need \
         ({remedy})"
    );
}
