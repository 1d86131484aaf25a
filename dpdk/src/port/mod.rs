//! Ports: devices configured, started, and their queues handed out.

mod configure;
mod events;
mod multicast;
mod queue;
mod rss;

use std::ffi::CStr;
use std::mem::MaybeUninit;

use crate::SocketId;
use crate::eal::control;
use crate::mempool::Mempool;

pub use crate::port_id::PortId;
pub use configure::PortError;
pub use events::Events;
pub use multicast::MulticastFilter;
pub use queue::{RxQueue, TxQueue};
pub use rss::{HashOn, Rss, RssError, RssKey};

/// The number of a queue of a port, of its kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct QueueIndex(pub(crate) u16);

/// The configuration of a port.
#[derive(Clone, Debug)]
pub struct PortConfig {
    /// The number of receive queues; their buffers come from `mempool`.
    pub rx_queues: u16,
    /// The pool whose buffers received packets are put into.
    pub mempool: Mempool,
    /// The number of transmit queues.
    pub tx_queues: u16,
    /// The number of descriptors of each receive queue; `None` leaves it to the driver.
    pub rx_descriptors: Option<u16>,
    /// The number of descriptors of each transmit queue; `None` leaves it to the driver.
    pub tx_descriptors: Option<u16>,
    /// The largest IP packet in bytes.
    pub mtu: u16,
    /// True to receive frames that are addressed to other stations as well.
    pub promiscuous: bool,
}

/// The limits and functions of a device, as its driver tells them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// The name of DPDK's driver, such as net_ixgbe.
    pub driver: String,
    /// The largest number of receive queues.
    pub rx_queues: u16,
    /// The largest number of transmit queues.
    pub tx_queues: u16,
    /// The largest frame in bytes.
    pub frame: u32,
    /// The smallest and the largest MTU in bytes.
    pub mtu: (u16, u16),
    /// The number of entries in the table from hashes to queues; 0 without receive side scaling.
    pub rss_table: u16,
    /// True if the device verifies the checksums of IPv4 headers and marks each packet with the
    /// result.
    pub checks_ip: bool,
}

/// The state of a port's link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// True while the link is up.
    pub up: bool,
    /// The speed in Mbit/s; `None` where the device does not know it.
    pub speed_mbps: Option<u32>,
}

/// The counters of the device itself, since the port was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Packets that the device has received.
    pub rx_packets: u64,
    /// Packets that the device has sent.
    pub tx_packets: u64,
    /// Bytes that the device has received.
    pub rx_bytes: u64,
    /// Bytes that the device has sent.
    pub tx_bytes: u64,
    /// Packets that the device dropped because no descriptor was free.
    pub rx_missed: u64,
    /// Packets that arrived damaged.
    pub rx_errors: u64,
    /// Packets that the device could not send because of errors.
    pub tx_errors: u64,
    /// Packets not received because the pool was empty.
    pub rx_no_mbuf: u64,
}

/// A started port. When this and all queues are dropped it is stopped and closed.
#[derive(Debug)]
pub struct Port {
    shared: std::sync::Arc<queue::Started>,
    driver: String,
    /// As it was before the port was configured: some drivers then name one as large as there
    /// are queues, and still take the other.
    rss_table: u16,
}

impl Port {
    /// The number that DPDK gave the port.
    pub fn id(&self) -> PortId {
        self.shared.id()
    }

    /// The name of DPDK's driver, such as net_ixgbe.
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// The Ethernet address of the device.
    pub fn mac(&self) -> [u8; 6] {
        let mut address = dpdk_sys::rte_ether_addr::default();
        let _control = control();
        // SAFETY: the port exists while `shared` does; the address is written to a place
        // of ours.
        unsafe { dpdk_sys::rte_eth_macaddr_get(self.id().0, &mut address) };
        address.addr_bytes
    }

    /// Receives frames for this Ethernet address too. Where the NIC has no filter for a further
    /// address, it is set to receive every frame.
    pub fn accept(&self, mac: [u8; 6]) {
        let mut address = dpdk_sys::rte_ether_addr::default();
        address.addr_bytes = mac;
        // Of a device without an address of its own the new one would become it.
        let has_own = self.mac() != [0; 6];
        let _control = control();
        // SAFETY: as above; DPDK copies the address.
        let added = has_own
            && unsafe { dpdk_sys::rte_eth_dev_mac_addr_add(self.id().0, &mut address, 0) } == 0;
        if !added {
            // Not every virtual device can; those receive everything anyway.
            // SAFETY: as above.
            unsafe { dpdk_sys::rte_eth_promiscuous_enable(self.id().0) };
        }
    }

    /// The state of the link as it was last seen; this does not wait for the device.
    pub fn link(&self) -> Link {
        let mut speed = 0;
        let _control = control();
        // SAFETY: as above.
        let up = unsafe { dpdk_sys::tandem_link(self.id().0, &mut speed) } != 0;
        Link { up, speed_mbps: (speed != 0).then_some(speed) }
    }

    /// What the device has told of itself since the port was started. This asks nobody, and takes no
    /// lock.
    pub fn events(&self) -> Events {
        events::of(self.id())
    }

    /// The counters of the device; `None` if it cannot tell.
    pub fn stats(&self) -> Option<Stats> {
        let _control = control();
        let mut stats = MaybeUninit::<dpdk_sys::rte_eth_stats>::zeroed();
        // SAFETY: as above; all zeros are a valid value.
        let stats = unsafe {
            if dpdk_sys::rte_eth_stats_get(self.id().0, stats.as_mut_ptr()) != 0 {
                return None;
            }
            stats.assume_init()
        };
        Some(Stats {
            rx_packets: stats.ipackets,
            tx_packets: stats.opackets,
            rx_bytes: stats.ibytes,
            tx_bytes: stats.obytes,
            rx_missed: stats.imissed,
            rx_errors: stats.ierrors,
            tx_errors: stats.oerrors,
            rx_no_mbuf: stats.rx_nombuf,
        })
    }
}

/// The limits and functions of a port's device.
///
/// # Errors
///
/// Returns [`PortError`] if the device does not tell them.
pub fn capabilities(id: PortId) -> Result<Capabilities, PortError> {
    let _control = control();
    Ok(described(&configure::info(id)?))
}

/// The socket whose memory is near a port's device; [`SocketId::ANY`] if none is.
pub fn socket(id: PortId) -> SocketId {
    let _control = control();
    // SAFETY: DPDK checks the number.
    SocketId(unsafe { dpdk_sys::rte_eth_dev_socket_id(id.0) }.max(SocketId::ANY.0))
}

/// What DPDK tells of a device, in types of ours.
fn described(info: &dpdk_sys::rte_eth_dev_info) -> Capabilities {
    let driver = if info.driver_name.is_null() {
        String::new()
    } else {
        // SAFETY: a driver's name is a static string that ends in zero.
        unsafe { CStr::from_ptr(info.driver_name) }.to_string_lossy().into_owned()
    };
    Capabilities {
        driver,
        rx_queues: info.max_rx_queues,
        tx_queues: info.max_tx_queues,
        frame: info.max_rx_pktlen,
        mtu: (info.min_mtu, info.max_mtu),
        rss_table: info.reta_size,
        checks_ip: info.rx_offload_capa & u64::from(dpdk_sys::TANDEM_RX_IPV4_CHECKSUM) != 0,
    }
}
