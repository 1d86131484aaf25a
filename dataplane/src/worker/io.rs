//! What moves a worker's packets: queues, rings, buffers.

use core::cell::Cell;
use std::sync::Arc;

use capture::Ending;
use dpdk::mempool::Mempool;
use dpdk::port::RxQueue;
use dpdk::ring::Consumer;

use super::answer_limits::AnswerLimits;
use super::capture::Capture;
use super::handoff::Handoff;
use super::pressure::Pressure;
use super::punt::Punt;
use super::stages::StageTimer;
use super::transmit::Exit;
use crate::counters::WorkerBlock;
use crate::drop_reason::DropReason;
use crate::role::SharedDeadlines;
use crate::trace::Tracer;

/// The queues, rings and buffers of one worker.
pub(super) struct Io {
    /// The receive queue of each side, if the device has one for this worker.
    pub(super) receive: [Option<RxQueue>; 2],
    /// Whether the NIC of each side looks at the checksums of IP headers.
    pub(super) checks_ip: [bool; 2],
    /// Whether the receive queues overflow.
    pub(super) pressure: [Pressure; 2],
    pub(super) exits: [Exit; 2],
    pub(super) handoff: Handoff,
    /// Whether the other workers' rings and, last, the main core's overflow.
    pub(super) ring_pressure: Vec<Pressure>,
    /// The ways to the main core.
    pub(super) punt: Punt,
    pub(super) from_housekeeping: Consumer,
    /// Buffers that the main core is done with.
    pub(super) returned: Consumer,
    pub(super) mempool: Mempool,
    /// How many answers of its own the worker may still send.
    pub(super) limits: AnswerLimits,
    pub(super) counters: Arc<WorkerBlock>,
    /// Looked at before each burst leaves.
    pub(super) role: Arc<SharedDeadlines>,
    pub(super) timer: StageTimer,
    /// The trace that follows packets, while there is one.
    pub(super) trace: Option<Box<Tracer>>,
    /// Whoever copies packets, while somebody does.
    pub(super) capture: Capture,
    /// What became last of a packet that did not go on: written always, as that takes a store, and
    /// looked at while packets are copied.
    pub(super) ending: Cell<Ending>,
}

impl Io {
    #[inline(always)]
    pub(super) fn discard(&self, reason: DropReason) {
        self.ending.set(Ending::Dropped(reason as u8));
        self.counters.drops.add(reason, 1);
    }
}
