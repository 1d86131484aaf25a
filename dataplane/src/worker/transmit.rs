//! Sending: a burst for each side, sent when it is full and at the end of each poll.
//!
//! Just before, the worker looks whether this machine still forwards, by a counter that
//! it reads then: between the beginning of the poll and here the process may have been
//! stopped for seconds, and the other machine have taken over. Frames of this machine's
//! own don't depend on its role, so they wait apart.

use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::port::TxQueue;
use nat::Side;

use super::BURST;
use super::capture;
use super::io::Io;
use crate::clock::Tsc;
use crate::drop_reason::DropReason;
use crate::handoff_tag::HandoffTag;

/// How a worker sends on one side.
pub enum Outlet {
    /// Through a queue of its own.
    Queue(TxQueue),
    /// Through the worker of this number, as the device has fewer queues than there are
    /// workers.
    Via(usize),
}

/// An outlet and what waits for it.
pub struct Exit {
    pub(super) outlet: Outlet,
    pub(super) waiting: Burst<BURST>,
    /// The same of this machine's own frames.
    pub(super) own: Burst<BURST>,
    /// The queue took nothing the last time.
    is_refused: bool,
}

impl Exit {
    pub(super) fn new(outlet: Outlet) -> Self {
        Exit { outlet, waiting: Burst::new(), own: Burst::new(), is_refused: false }
    }
}

impl Io {
    /// Sends another's packet on a side, finished.
    #[inline(always)]
    pub(super) fn transmit(&mut self, side: Side, mbuf: Mbuf) {
        if let Err(mbuf) = self.exits[side.index()].waiting.push(mbuf) {
            self.transmit_full(side, mbuf);
        }
    }

    /// The same for a burst. A full one is sent at once: its buffers are free when the next
    /// burst takes some, and still in the nearest cache. What a full queue does not take
    /// waits for the next poll.
    #[inline(always)]
    pub(super) fn transmit_all(&mut self, side: Side, burst: &mut Burst<BURST>) {
        let Exit { outlet, waiting, .. } = &mut self.exits[side.index()];
        if burst.is_full() && waiting.is_empty() {
            if let Outlet::Queue(queue) = outlet {
                if !self.role.forwards(Tsc::now()) {
                    return self.drop_late(burst);
                }
                let sent = capture::transmit(&mut self.capture, queue, burst, side);
                self.counters.sent[side.index()].add(sent as u64);
            }
        }
        if !waiting.append(burst) {
            self.transmit_behind(side, burst);
        }
    }

    /// Behind what waits already, which is sent for it.
    #[cold]
    #[inline(never)]
    fn transmit_behind(&mut self, side: Side, burst: &mut Burst<BURST>) {
        for mbuf in burst.drain() {
            self.transmit(side, mbuf);
        }
    }

    #[inline(never)]
    fn transmit_full(&mut self, side: Side, mbuf: Mbuf) {
        self.send_waiting(side);
        if self.exits[side.index()].waiting.push(mbuf).is_err() {
            self.discard(DropReason::TransmitFull);
        }
    }

    pub(super) fn send_waiting(&mut self, side: Side) {
        let exit = &mut self.exits[side.index()];
        if !self.role.forwards(Tsc::now()) {
            let mut waiting = core::mem::take(&mut exit.waiting);
            self.note_refusal(side, false);
            return self.drop_late(&mut waiting);
        }
        match &mut exit.outlet {
            Outlet::Queue(queue) => {
                let waiting = &mut exit.waiting;
                let sent = capture::transmit(&mut self.capture, queue, waiting, side);
                self.counters.sent[side.index()].add(sent as u64);
                self.note_refusal(side, sent == 0);
            }
            Outlet::Via(worker) => {
                let (worker, mut waiting) = (*worker, core::mem::take(&mut exit.waiting));
                for mbuf in waiting.drain() {
                    self.hand_off(worker, HandoffTag::Transmit(side), mbuf);
                }
            }
        }
    }

    /// Keeps since when a queue takes nothing of what waits, for the main core to see.
    #[inline(always)]
    fn note_refusal(&mut self, side: Side, is_refused: bool) {
        if self.exits[side.index()].is_refused != is_refused {
            self.refusal_changes(side, is_refused);
        }
    }

    #[cold]
    #[inline(never)]
    fn refusal_changes(&mut self, side: Side, is_refused: bool) {
        self.exits[side.index()].is_refused = is_refused;
        let since = if is_refused { Tsc::now().0.max(1) } else { 0 };
        self.counters.refused_since[side.index()].set(since);
    }

    #[cold]
    #[inline(never)]
    fn drop_late(&mut self, burst: &mut Burst<BURST>) {
        self.counters.drops.add(DropReason::Standby, burst.len() as u64);
        burst.clear();
    }

    /// Sends a frame of this machine's own; it comes from the main core.
    pub(super) fn transmit_own(&mut self, side: Side, mbuf: Mbuf) {
        let exit = &mut self.exits[side.index()];
        if let Outlet::Via(worker) = exit.outlet {
            self.hand_off(worker, HandoffTag::TransmitOwn(side), mbuf);
            return;
        }
        if let Err(mbuf) = exit.own.push(mbuf) {
            self.send_own(side);
            if self.exits[side.index()].own.push(mbuf).is_err() {
                self.discard(DropReason::TransmitFull);
            }
        }
    }

    /// Sends ARP that speaks for a floating address, from the main core. Who has handed
    /// the role over still forwards, and must not say that the addresses are here.
    pub(super) fn transmit_floating(&mut self, side: Side, mbuf: Mbuf) {
        if self.role.answers(Tsc::now()) {
            self.transmit(side, mbuf);
        } else {
            self.discard(DropReason::Standby);
        }
    }

    fn send_own(&mut self, side: Side) {
        let exit = &mut self.exits[side.index()];
        if let Outlet::Queue(queue) = &mut exit.outlet {
            let sent = capture::transmit(&mut self.capture, queue, &mut exit.own, side);
            self.counters.sent[side.index()].add(sent as u64);
            self.note_refusal(side, sent == 0);
        }
    }

    /// Sends everything that waits, on all ways out. What a full queue does not take
    /// waits for the next poll.
    #[inline(always)]
    pub(super) fn flush(&mut self) {
        for side in Side::ALL {
            if !self.exits[side.index()].waiting.is_empty() {
                self.send_waiting(side);
            }
            if !self.exits[side.index()].own.is_empty() {
                self.send_own(side);
            }
        }
        self.flush_handoff();
        self.flush_punt();
    }
}
