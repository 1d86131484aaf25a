//! Real-time priority for whoever takes orders about the role.
//!
//! On a busy machine an ordinary thread may wait for its turn longer than the lease lasts,
//! and the role would be lost without need. A client's thread reads an order, carries it
//! out in microseconds and waits for the next one, so that nobody is starved. For any other
//! request it is an ordinary thread again.

use dpdk::schedule::{Schedule, this_thread};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// That of control's heartbeat thread, whose orders these are: above everything that is not
/// real-time, below the kernel's own threads.
const PRIORITY: u8 = 40;

/// Lets threads of this process hurry when it has no privileges any more. False if it may
/// not change its limit: then it takes CAP_SYS_NICE.
pub fn permit() -> bool {
    let priority = u64::from(PRIORITY);
    let limit = getrlimit(Resource::Rtprio);
    // No limit at all is none.
    if limit.current.is_none_or(|current| current >= priority) {
        return true;
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(priority));
    setrlimit(Resource::Rtprio, Rlimit { current: Some(priority), maximum }).is_ok()
}

/// How one client's thread is scheduled.
#[derive(Debug, Default)]
pub(super) struct Hurry {
    hurries: bool,
    refused: bool,
}

impl Hurry {
    /// Changes the schedule of this thread if it has to be changed.
    pub(super) fn set(&mut self, hurries: bool) {
        if self.hurries == hurries || self.refused {
            return;
        }
        let schedule = if hurries { Schedule::RealTime(PRIORITY) } else { Schedule::Ordinary };
        match this_thread(schedule) {
            Ok(()) => self.hurries = hurries,
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
