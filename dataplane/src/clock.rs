//! The clock of the process: milliseconds since it started, from the time stamp counter.

use nat::Instant;

/// Reads the time in a few cycles. Every copy tells the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: u64,
    cycles_a_millisecond: u64,
}

impl Clock {
    /// A clock that starts now. EAL must have been started: it measures the counter.
    pub fn start() -> Self {
        Clock { start: dpdk::clock::tsc(), cycles_a_millisecond: (dpdk::clock::hz() / 1000).max(1) }
    }

    /// The time.
    #[inline(always)]
    pub fn now(self) -> Instant {
        let cycles = dpdk::clock::tsc().wrapping_sub(self.start);
        Instant::from_millis(cycles / self.cycles_a_millisecond)
    }
}
