//! Queues: what a worker polls and sends through.
//!
//! The burst functions are those of the device's driver, called through the table that
//! DPDK's own inline functions use; a receive or transmit costs one indirect call, as in
//! C. See docs/dpdk-cost.md for the instructions.

use core::cell::Cell;
use core::marker::PhantomData;
use std::sync::Arc;

use dpdk_sys::rte_eth_fp_ops;

use super::{PortId, QueueIndex};
use crate::burst::Burst;
use crate::eal::control;

/// A port that runs; stopped and closed when nobody has it any more.
#[derive(Debug)]
pub(super) struct Started(PortId);

impl Started {
    /// The port has been started, and nobody else will close it.
    pub(super) fn new(id: PortId) -> Self {
        Started(id)
    }

    pub(super) fn id(&self) -> PortId {
        self.0
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _control = control();
        super::events::forget(self.0);
        // SAFETY: no queue is left, so nobody polls the port.
        unsafe {
            dpdk_sys::rte_eth_dev_stop(self.0.0);
            dpdk_sys::rte_eth_dev_close(self.0.0);
        }
    }
}

/// What both kinds of queue are: the port's entry in the table of burst functions, and
/// the driver's own queue.
#[derive(Debug)]
struct Queue {
    /// Keeps the port started. Not read on a packet's way: what lies beside it may be written
    /// by other threads.
    _port: Arc<Started>,
    id: PortId,
    index: QueueIndex,
    /// DPDK allows one thread at a queue: Send, but not Sync.
    _one_thread: PhantomData<Cell<()>>,
}

impl Queue {
    fn new(port: Arc<Started>, index: QueueIndex) -> Self {
        Queue { id: port.id(), _port: port, index, _one_thread: PhantomData }
    }

    #[inline(always)]
    fn functions(&self) -> &'static rte_eth_fp_ops {
        // SAFETY: the table is static and has an entry for every port; it changes only
        // when a port starts or stops, and this one is started while `_port` lives.
        unsafe {
            let table: *const rte_eth_fp_ops = (&raw const dpdk_sys::rte_eth_fp_ops).cast();
            &*table.add(usize::from(self.id.0))
        }
    }
}

/// A receive queue of a started port, for one thread.
#[derive(Debug)]
pub struct RxQueue(Queue);

/// A transmit queue of a started port, for one thread.
#[derive(Debug)]
pub struct TxQueue(Queue);

impl RxQueue {
    pub(super) fn new(port: Arc<Started>, index: QueueIndex) -> Self {
        RxQueue(Queue::new(port, index))
    }

    /// The number of this receive queue.
    pub fn index(&self) -> QueueIndex {
        self.0.index
    }

    /// Receives as many packets as are there and the burst has room for, and returns their number.
    #[inline(always)]
    pub fn receive<const N: usize>(&mut self, burst: &mut Burst<N>) -> usize {
        let functions = self.0.functions();
        let Some(receive) = functions.rx_pkt_burst else { return 0 };
        // SAFETY: the queue was set up and is ours alone; the driver writes at most as
        // many valid mbufs as it is told there is room for, and gives them away.
        unsafe {
            let queue = *functions.rxq.data.add(usize::from(self.0.index.0));
            burst.fill(|place, room| usize::from(receive(queue, place, room as u16)))
        }
    }
}

impl TxQueue {
    pub(super) fn new(port: Arc<Started>, index: QueueIndex) -> Self {
        TxQueue(Queue::new(port, index))
    }

    /// The number of this transmit queue.
    pub fn index(&self) -> QueueIndex {
        self.0.index
    }

    /// Sends as many packets as the queue takes, from the front; the others stay in the
    /// burst, in order. Returns how many were taken.
    #[inline(always)]
    pub fn transmit<const N: usize>(&mut self, burst: &mut Burst<N>) -> usize {
        let functions = self.0.functions();
        let Some(transmit) = functions.tx_pkt_burst else { return 0 };
        // SAFETY: the queue was set up and is ours alone; the driver takes the ownership
        // of as many mbufs as it returns.
        unsafe {
            let queue = *functions.txq.data.add(usize::from(self.0.index.0));
            burst.send(|mbufs, count| usize::from(transmit(queue, mbufs, count as u16)))
        }
    }
}
