//! Whether a source holds more packets than the worker takes, and what has to wait then.
//!
//! A packet without a connection takes as long as some seven others. A flood of them would
//! fill the receive queue, and the queue would lose packets of known connections with them.
//! So of each burst of a source that has been full for as long as a receive queue is, the
//! worker serves a few of them as long as known connections are in the way, and drops the
//! rest, which is soon done: both kinds have about half of its time.

use nat::Side;

use super::BURST;
use super::packet_state::{Outcome, PacketState};
use super::view::View;
use crate::punt::PuntClass;

/// Packets without a connection that are served of a burst, with packets of known ones in it.
const STRANGERS: usize = BURST / 8;

/// Full bursts in a row, after which the source is taken for overflowing: 1,024 packets, as
/// many as a receive queue holds unless it is told otherwise.
const FULL_BURSTS: u32 = 32;

/// The bursts of one source.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pressure {
    full_in_a_row: u32,
}

impl Pressure {
    /// Takes note of a burst, and says if the source overflows.
    #[inline(always)]
    pub(super) fn after(&mut self, packets: usize) -> bool {
        self.full_in_a_row = match packets == BURST {
            true => self.full_in_a_row.saturating_add(1),
            false => 0,
        };
        self.full_in_a_row > FULL_BURSTS
    }
}

/// Of a burst from a source that overflows, leaves a few packets without a connection and
/// refuses the others, if there are packets of known ones. What this machine's kernel is to have
/// is no stranger's if the main core serves it first: the heartbeats of the peer, say.
#[cold]
pub(super) fn refuse_strangers(
    view: &View,
    side: Side,
    states: &[PacketState],
    outcomes: &mut [Outcome],
) {
    if !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Out(_))) {
        return;
    }
    let is_strange = |(state, outcome): &(&PacketState, &mut Outcome)| {
        let tuple = state.key.tuple();
        let class = || view.snapshot.punt.class_of(side, tuple.source, Some(tuple));
        **outcome == Outcome::New
            && (!view.is_for_kernel(side, tuple.destination) || class() == PuntClass::Kernel)
    };
    let strangers = states.iter().zip(outcomes).filter(is_strange);
    for (_, outcome) in strangers.skip(STRANGERS) {
        *outcome = Outcome::Refused;
    }
}
