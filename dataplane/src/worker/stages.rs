//! How the time of a poll is split over its stages: a sample, as reading the time stamp
//! counter takes as long as a packet does.

use dpdk::clock;

use super::Worker;

/// One poll in so many is timed by stage.
const SAMPLE: u64 = 64;

/// The stages of a poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Role, orders, and the NIC's receive function.
    Receive,
    /// Headers to keys.
    Read,
    /// Tags to candidates.
    Match,
    /// Look-ups confirmed, packets translated.
    Forward,
    /// To the transmit bursts; and all of the slow path.
    Deal,
    /// Rings, connection sync, expiry.
    Other,
    /// The NIC's transmit function.
    Transmit,
}

impl Stage {
    /// How many there are.
    pub const COUNT: usize = 7;
}

impl Worker {
    /// Begins to time this poll, if its turn has come.
    #[inline(always)]
    pub(super) fn begin_laps(&mut self) {
        let is_sample = self.counters.polls.get() % SAMPLE == 0;
        self.lap = is_sample.then(clock::tsc);
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
