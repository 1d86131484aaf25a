//! Copies of packets while a capture runs ([`capture::Session`]).
//!
//! While none does, this costs a look at each burst that arrives or leaves, and one a poll. While
//! one does, a packet that the filter accepts is brought to its end alone, so that it is
//! known what became of it; the others stay together, in their order.

use std::net::Ipv4Addr;

use capture::{Ending, Frame, Session};
use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::port::TxQueue;
use nat::{Connections, Side};

use super::flows::Flows;
use super::io::Io;
use super::view::View;
use super::{BURST, burst};
use crate::clock::Tsc;
use crate::drop_reason::DropReason;
use crate::handoff_tag;

/// Whoever copies packets, while somebody does.
pub(super) struct Capture(Option<Box<Session>>);

impl Capture {
    /// Nobody does.
    pub(super) const OFF: Capture = Capture(None);

    #[inline(always)]
    pub(super) fn is_running(&self) -> bool {
        self.0.is_some()
    }

    /// Begins or ends a capture, and returns the one before.
    pub(super) fn replace(&mut self, session: Option<Box<Session>>) -> Option<Box<Session>> {
        core::mem::replace(&mut self.0, session)
    }

    /// The end of a poll.
    #[cold]
    #[inline(never)]
    pub(super) fn settle(&mut self, connections: &Connections<Ipv4Addr>) {
        if let Some(session) = &mut self.0 {
            session.settle(connections);
        }
    }

    /// Looks at a packet that arrives; true if the filter accepts it.
    fn arrives(&mut self, side: Side, at: Tsc, mbuf: &mut Mbuf) -> bool {
        let Some(session) = &mut self.0 else { return false };
        let arrived = session.arrives(side, at.0, frame(mbuf));
        handoff_tag::set_mark(mbuf, arrived.mark);
        arrived.is_selected
    }

    fn ended(&mut self, ending: Ending) {
        if let Some(session) = &mut self.0 {
            session.ended(ending);
        }
    }

    /// Sends what a queue takes of a burst, and copies that.
    #[cold]
    #[inline(never)]
    fn transmit(&mut self, queue: &mut TxQueue, burst: &mut Burst<BURST>, side: Side) -> usize {
        let Some(session) = &mut self.0 else { return queue.transmit(burst) };
        let at = Tsc::now();
        session.begins_to_send();
        for (place, mbuf) in burst.as_slice().iter().enumerate() {
            session.leaves(side, at.0, frame(mbuf), handoff_tag::mark_of(mbuf), place);
        }
        let sent = queue.transmit(burst);
        session.sent(side, sent);
        sent
    }
}

/// Sends what a queue takes of a burst that leaves on a side.
#[inline(always)]
pub(super) fn transmit(
    capture: &mut Capture,
    queue: &mut TxQueue,
    burst: &mut Burst<BURST>,
    side: Side,
) -> usize {
    if capture.is_running() { capture.transmit(queue, burst, side) } else { queue.transmit(burst) }
}

/// Brings every packet of the burst to its end, and copies those that are wanted.
#[cold]
#[inline(never)]
pub(super) fn process(
    io: &mut Io,
    flows: &mut Flows,
    view: &View,
    side: Side,
    burst: &mut Burst<BURST>,
    overflows: bool,
) {
    let at = Tsc::now();
    // Those beyond the few strangers that a burst may have can be told from the whole burst alone.
    let refused = if overflows { burst::refused(io, flows, view, side, burst) } else { 0 };
    let mut others = Burst::<BURST>::new();
    for (place, mut mbuf) in burst.drain().enumerate() {
        let is_refused = refused & (1 << place) != 0;
        let is_selected = io.capture.arrives(side, at, &mut mbuf);
        if !is_selected && !is_refused {
            // There is as much room as there are packets.
            drop(others.push(mbuf));
            continue;
        }
        if !others.is_empty() {
            burst::process_stages(io, flows, view, side, &mut others, false);
        }
        io.ending.set(Ending::Passed);
        if is_refused {
            io.discard(DropReason::Overload);
        } else {
            let mut alone = Burst::<BURST>::new();
            drop(alone.push(mbuf));
            burst::process_stages(io, flows, view, side, &mut alone, false);
        }
        if is_selected {
            io.capture.ended(io.ending.get());
        }
    }
    if !others.is_empty() {
        burst::process_stages(io, flows, view, side, &mut others, false);
    }
}

fn frame(mbuf: &Mbuf) -> Frame<'_> {
    Frame { bytes: mbuf.data(), length: mbuf.len() }
}
