//! Real-time priority for the threads that take orders about the lease.
//!
//! On a busy machine an ordinary thread may wait for its turn longer than the lease lasts,
//! and the role would be lost without need. A client's thread reads an order, carries it
//! out in microseconds and waits for the next one, so that nobody is starved. For any other
//! request it is an ordinary thread again.

use dpdk::schedule::{Schedule, this_thread};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The priority of tandem-control's heartbeat thread, which gives these orders: above all threads
/// that are not real-time, below the kernel's own.
const PRIORITY: u8 = 40;

/// Raises the limit, so that threads of this process may become real-time threads when it has no
/// privileges any more. Returns false if the limit may not be changed: then it takes CAP_SYS_NICE.
pub fn permit() -> bool {
    let priority = u64::from(PRIORITY);
    let limit = getrlimit(Resource::Rtprio);
    // Without a limit there is nothing to raise.
    if limit.current.is_none_or(|current| current >= priority) {
        return true;
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(priority));
    setrlimit(Resource::Rtprio, Rlimit { current: Some(priority), maximum }).is_ok()
}

/// How one client's thread is scheduled.
#[derive(Debug, Default)]
pub(super) struct RealTimePriority {
    is_real_time: bool,
    refused: bool,
}

impl RealTimePriority {
    /// Changes the schedule of this thread if it has to be changed.
    pub(super) fn set(&mut self, is_real_time: bool) {
        if self.is_real_time == is_real_time || self.refused {
            return;
        }
        let schedule = if is_real_time { Schedule::RealTime(PRIORITY) } else { Schedule::Ordinary };
        match this_thread(schedule) {
            Ok(()) => self.is_real_time = is_real_time,
            Err(error) => {
                self.refused = true;
                tracing::warn!(
                    "orders about the role are taken without real-time priority: {error}; a busy \
                     machine may then be late and lose the role without need (LimitRTPRIO=50 in \
                     the unit, or run as root)"
                );
            }
        }
    }
}
