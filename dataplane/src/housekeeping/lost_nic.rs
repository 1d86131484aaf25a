//! A NIC that was reset or removed: the process ends, and the service manager starts it anew.
//!
//! What a device needs to be set up (its file in /dev/vfio, the kernel's memory maps) takes
//! capabilities that this process has given up before its workers began, and a removed device stays
//! in the kernel until the process that has it open closes it. So the machine is unfit at once,
//! has a moment to hand its role over, and ends.

use api::NicState;
use nat::{Instant, Side};

/// Control has so many milliseconds to tell the peer, even where this machine has no role to lose.
const LEAST: u64 = 100;
/// So many for the peer to take the role over. A machine without a peer keeps it.
const MOST: u64 = 500;

/// Since when the process is about to end for a NIC.
#[derive(Debug, Default)]
pub(super) struct LostNic(Option<Instant>);

impl LostNic {
    /// Notes that a NIC was lost.
    pub(super) fn note(&mut self, now: Instant) {
        self.0.get_or_insert(now);
    }

    /// True when nothing is left to wait for.
    pub(super) fn is_over(&self, is_active: impl FnOnce() -> bool, now: Instant) -> bool {
        let Some(since) = self.0 else { return false };
        let waited = now.since(since);
        waited >= MOST || (waited >= LEAST && !is_active())
    }
}

/// What an operator is told.
pub(super) fn words(side: Side, state: NicState) -> String {
    match state {
        NicState::Present => format!("the {side} NIC is there"),
        NicState::Reset => format!(
            "the {side} NIC was reset from outside (a virtual function by its physical one, for \
             example): this process ends, and sets it up when it starts again"
        ),
        NicState::Removed => format!(
            "the {side} NIC is being removed: this process ends, and uses the NIC when it is back \
             and given to DPDK (`tandem setup`)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn without_a_lost_nic_nothing_ends() {
        assert!(!LostNic::default().is_over(|| false, at(1_000_000)));
    }

    #[test]
    fn an_active_machine_waits_for_its_peer_and_no_longer_than_that() {
        let mut lost = LostNic::default();
        lost.note(at(1_000));
        // What comes later prolongs nothing.
        lost.note(at(1_400));
        assert!(!lost.is_over(|| true, at(1_000 + MOST - 1)));
        assert!(lost.is_over(|| true, at(1_000 + MOST)));
        assert!(lost.is_over(|| false, at(1_200)));
    }

    #[test]
    fn a_standby_machine_has_the_time_to_say_why() {
        let mut lost = LostNic::default();
        lost.note(at(1_000));
        assert!(!lost.is_over(|| false, at(1_000 + LEAST - 1)));
        assert!(lost.is_over(|| false, at(1_000 + LEAST)));
    }
}
