//! The NICs of both sides, and the buffers that they fill.

use std::sync::Arc;

use config::{Config, Interface};
use dpdk::SocketId;
use dpdk::eal::Eal;
use dpdk::mempool::{Mempool, MempoolConfig, MempoolError};
use dpdk::port::{self, Port, PortConfig, RxQueue, TxQueue};
use wire::MacAddress;

use super::{StartError, eal};
use crate::worker::Outlet;

/// Room in a buffer besides the IP packet: 128 bytes before it, Ethernet, two VLAN tags.
const FRAME_OVERHEAD: u16 = 128 + 14 + 8;
/// The least room that drivers want behind the headroom.
const LEAST_DATA_ROOM: u16 = 2048 + 128;
/// Buffers that a core keeps at hand.
const MEMPOOL_CACHE: u32 = 256;

/// One side's device, started.
pub(super) struct Nic {
    pub(super) port: Arc<Port>,
    rx: Vec<RxQueue>,
    tx: Vec<TxQueue>,
}

impl Nic {
    pub(super) fn mac(&self) -> MacAddress {
        MacAddress(self.port.mac())
    }
}

/// The buffers of the process, large enough for either side's packets.
pub(super) fn mempool(eal: &Eal, config: &Config) -> Result<Mempool, MempoolError> {
    Mempool::new(eal, mempool_config(config))
}

fn mempool_config(config: &Config) -> MempoolConfig {
    let mtu = config.public.mtu.max(config.private.mtu);
    MempoolConfig {
        mbufs: config.node.memory.mbufs,
        cache: MEMPOOL_CACHE,
        data_room: (mtu + FRAME_OVERHEAD).max(LEAST_DATA_ROOM),
        socket: SocketId::ANY,
    }
}

/// Starts a side's port with a queue for each worker, or as many as it has.
pub(super) fn start(
    eal: &Eal,
    interface: &Interface,
    workers: usize,
    mempool: &Mempool,
) -> Result<Nic, StartError> {
    let spec = eal::device(&interface.device);
    let name = spec.to_string();
    let id = eal.port(spec.port_name()).ok_or_else(|| StartError::NoPort(name.clone()))?;
    let can = port::capabilities(id)?;
    let wanted = u16::try_from(workers).unwrap_or(u16::MAX);
    let config = PortConfig {
        rx_queues: wanted.min(can.rx_queues).max(1),
        tx_queues: wanted.min(can.tx_queues).max(1),
        mempool: mempool.clone(),
        rx_descriptors: interface.rx_descriptors,
        tx_descriptors: interface.tx_descriptors,
        mtu: interface.mtu,
        promiscuous: false,
    };
    let (port, rx, tx) = Port::start(id, &name, &config)?;
    if let Some(mac) = interface.virtual_mac {
        port.accept(mac.0);
    }
    tracing::info!(
        device = name,
        driver = can.driver,
        rx_queues = config.rx_queues,
        tx_queues = config.tx_queues,
        "port started"
    );
    Ok(Nic { port: Arc::new(port), rx, tx })
}

/// A device's queues as they are given out.
pub(super) struct Queues {
    pub(super) rx: std::vec::IntoIter<RxQueue>,
    tx: std::vec::IntoIter<TxQueue>,
    senders: usize,
}

impl Queues {
    pub(super) fn new(nic: Nic) -> Self {
        let senders = nic.tx.len();
        Queues { rx: nic.rx.into_iter(), tx: nic.tx.into_iter(), senders }
    }

    /// A queue of its own while there are some; then through the others in turn.
    pub(super) fn outlet(&mut self, index: usize) -> Outlet {
        match self.tx.next() {
            Some(queue) => Outlet::Queue(queue),
            None => Outlet::Via(index % self.senders.max(1)),
        }
    }
}
