//! Pairs of rings in place of a NIC: they join a worker with what sends to it and receives
//! from it.
//!
//! DPDK's net_ring receives what it sends. Of the two devices in a pair, one carries what goes
//! to the worker and the other carries what comes from it. So each end of the pair has the
//! transmit queue of one device and the receive queue of the other.

use core::sync::atomic::{AtomicU32, Ordering};

use dpdk::eal::{DeviceSpec, Eal};
use dpdk::mempool::Mempool;
use dpdk::port::{Port, PortConfig, RxQueue, TxQueue};

use crate::Error;

/// How many packets a pair holds in each direction, as a NIC's queue would.
pub(crate) const PLACES: usize = 1023;

/// One end of a pair of rings.
pub(crate) struct End {
    pub(crate) rx: RxQueue,
    pub(crate) tx: TxQueue,
}

/// Creates a pair of rings. The first end belongs to the harness or generator, the second to the
/// worker.
pub(crate) fn create(eal: &Eal, mempool: &Mempool) -> Result<[End; 2], Error> {
    let (to_worker, at_worker) = ring(eal, mempool)?;
    let (to_harness, at_harness) = ring(eal, mempool)?;
    Ok([End { rx: at_harness, tx: to_worker }, End { rx: at_worker, tx: to_harness }])
}

/// The queues of a new net_ring: what one sends, the other receives.
fn ring(eal: &Eal, mempool: &Mempool) -> Result<(TxQueue, RxQueue), Error> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("net_ring{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let device = DeviceSpec::Virtual { name: name.clone(), arguments: String::new() };
    eal.attach(&device).map_err(Error::dataplane)?;
    let nothing = || Error::Dataplane(format!("{name} has no port or no queue"));
    let id = eal.port(&name).ok_or_else(nothing)?;
    let config = PortConfig {
        rx_queues: 1,
        tx_queues: 1,
        mempool: mempool.clone(),
        rx_descriptors: None,
        tx_descriptors: None,
        mtu: 1500,
        promiscuous: false,
    };
    let (_, mut rx, mut tx) = Port::start(id, &name, &config).map_err(Error::dataplane)?;
    Ok((tx.pop().ok_or_else(nothing)?, rx.pop().ok_or_else(nothing)?))
}
