//! The NICs of both sides, and the buffers that they fill.

use std::sync::Arc;

use config::model::buffers::{CACHE, MAIN_CACHE};
use config::{Buffers, Config, Interface, Node};
use dpdk::SocketId;
use dpdk::eal::Eal;
use dpdk::mempool::{Mempool, MempoolConfig, MempoolError};
use dpdk::port::{
    self, HashOn, MulticastFilter, Port, PortConfig, Rss, RssError, RssKey, RxQueue, TxQueue,
};
use wire::MacAddress;

use super::{StartError, eal};
use crate::sharing::Sharing;
use crate::worker::Outlet;

/// Room in a buffer besides the IP packet: 128 bytes before it, Ethernet, two VLAN tags.
const FRAME_OVERHEAD: u16 = 128 + 14 + 8;
/// The least room that drivers want behind the headroom.
const LEAST_DATA_ROOM: u16 = 2048 + 128;

/// One side's device, started.
pub(super) struct Nic {
    pub(super) name: String,
    pub(super) port: Arc<Port>,
    /// Places of its table from hashes to queues; 0 without receive side scaling.
    rss_table: u16,
    pub(super) checks_ip: bool,
    rx: Vec<RxQueue>,
    tx: Vec<TxQueue>,
}

impl Nic {
    pub(super) fn mac(&self) -> MacAddress {
        MacAddress(self.port.mac())
    }

    /// Has the device put packets on the queue of the worker that owns their connection.
    fn spread(
        &self,
        hash_on: HashOn,
        sharing: &Sharing,
        workers: usize,
    ) -> Result<(), SpreadError> {
        if self.rx.len() < workers {
            return Err(SpreadError::Queues { queues: self.rx.len(), workers });
        }
        let rss = Rss { hash_on, key: sharing.key(), queues: sharing.queues() };
        Ok(self.port.spread(&rss)?)
    }
}

/// Why a device does not put packets on their worker's queue.
#[derive(Debug, thiserror::Error)]
enum SpreadError {
    #[error("node.rss is false")]
    Off,
    #[error("it has {queues} receive queues for {workers} workers")]
    Queues { queues: usize, workers: usize },
    #[error(transparent)]
    Rss(#[from] RssError),
}

/// Who owns which connection under this key, and whether both NICs send every packet to its owner.
pub(super) fn share(nics: &[Nic; 2], node: &Node, key: u32) -> (Sharing, bool) {
    let workers = node.workers.len();
    let key = RssKey::from_random(key);
    let sharing =
        Sharing::new(key, workers, places(nics.each_ref().map(|nic| nic.rss_table), workers));
    let mut all = workers > 1;
    // One worker owns everything.
    let sides = if all { nics.as_slice() } else { &[] };
    for (nic, hash_on) in sides.iter().zip([HashOn::Source, HashOn::Destination]) {
        let device = nic.name.as_str();
        let spread =
            if node.rss { nic.spread(hash_on, &sharing, workers) } else { Err(SpreadError::Off) };
        match spread {
            Ok(()) => tracing::info!(device, "the NIC sends packets to their worker by {hash_on}"),
            Err(reason) => {
                all = false;
                tracing::info!(device, "workers send each other their packets: {reason}");
            }
        }
    }
    (sharing, all)
}

/// Places of a table that all devices have, or repeat, which have enough for these workers.
fn places(tables: [u16; 2], workers: usize) -> usize {
    let tables = tables.map(usize::from).into_iter();
    let fit = tables.filter(|places| places.is_power_of_two() && *places >= workers);
    fit.fold(Sharing::PLACES, usize::min)
}

/// The node of a side's device; any if it is near none.
fn socket(eal: &Eal, interface: &Interface) -> SocketId {
    let id = eal.port(eal::device(&interface.device).port_name());
    id.map_or(SocketId::ANY, port::socket)
}

/// The buffers of the process, large enough for either side's packets.
pub(super) struct Pools {
    /// What the NICs receive into, and workers write into.
    pub(super) workers: Mempool,
    /// What the main core writes into.
    pub(super) main: Mempool,
    /// The node where both are, which is the NICs' if it has memory for them.
    pub(super) socket: SocketId,
}

impl Pools {
    pub(super) fn make(eal: &Eal, config: &Config) -> Result<Self, MempoolError> {
        let near = [&config.public, &config.private].map(|side| socket(eal, side));
        if let Some(socket) = near.into_iter().find(|socket| *socket != SocketId::ANY) {
            match Self::on(eal, config, socket) {
                Ok(pools) => return Ok(pools),
                Err(error) => tracing::warn!("not on the NICs' NUMA node {socket}: {error}"),
            }
        }
        Self::on(eal, config, SocketId::ANY)
    }

    /// Both with their names in counters.
    pub(super) fn named(&self) -> [(&'static str, Mempool); 2] {
        [("workers", self.workers.clone()), ("main", self.main.clone())]
    }

    fn on(eal: &Eal, config: &Config, socket: SocketId) -> Result<Self, MempoolError> {
        let mtu = config.public.mtu.max(config.private.mtu);
        let data_room = (mtu + FRAME_OVERHEAD).max(LEAST_DATA_ROOM);
        let Buffers { workers, main } = config.buffers();
        let main = MempoolConfig { mbufs: main, cache: MAIN_CACHE, data_room, socket };
        let workers = MempoolConfig { mbufs: workers, cache: CACHE, data_room, socket };
        let main = Mempool::of_one_taker(eal, main)?;
        Ok(Pools { workers: Mempool::new(eal, workers)?, main, socket })
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
    receive_multicast(&port, &name, interface);
    tracing::info!(
        device = name.as_str(),
        driver = can.driver,
        rx_queues = config.rx_queues,
        tx_queues = config.tx_queues,
        checks_ip = can.checks_ip,
        "port started"
    );
    let (rss_table, checks_ip) = (can.rss_table, can.checks_ip);
    Ok(Nic { name, port: Arc::new(port), rss_table, checks_ip, rx, tx })
}

/// Has the NIC receive the multicast that the kernel is to have.
fn receive_multicast(port: &Port, device: &str, interface: &Interface) {
    let mut groups: Vec<_> =
        interface.kernel_multicast.iter().flat_map(|one| one.macs()).map(|mac| mac.0).collect();
    if groups.is_empty() {
        return;
    }
    groups.sort_unstable();
    groups.dedup();
    match port.receive_multicast(&groups) {
        MulticastFilter::Unset => tracing::warn!(
            device,
            "multicast may not arrive: the NIC receives {}; if it does not, a NIC with another \
             driver is needed for kernel_multicast",
            MulticastFilter::Unset.words()
        ),
        filter => {
            tracing::info!(device, "for kernel_multicast the NIC receives {}", filter.words())
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_one_that_both_devices_repeat() {
        assert_eq!(places([128, 512], 4), 128);
        assert_eq!(places([2048, 1024], 4), 512);
        // A device without a table, or with one that does not do, is left out.
        assert_eq!(places([0, 128], 4), 128);
        assert_eq!(places([96, 64], 4), 64);
        assert_eq!(places([64, 128], 65), 128);
        assert_eq!(places([0, 0], 4), 512);
    }
}
