//! Which multicast frames a NIC receives.

use dpdk_sys::rte_ether_addr;

use super::Port;
use crate::eal::control;

/// How a NIC came to receive the frames of multicast groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MulticastFilter {
    /// It receives the frames of these groups, and of no others.
    Groups,
    /// It has no filter for groups, or too little room in it, and receives all multicast.
    AllMulticast,
    /// It receives every frame, whomever it is addressed to.
    Promiscuous,
    /// Its driver can set none of these. Virtual devices of this kind receive what the other end
    /// sends.
    Unset,
}

impl MulticastFilter {
    /// The end of "the NIC receives".
    pub fn words(self) -> &'static str {
        match self {
            MulticastFilter::Groups => "these groups",
            MulticastFilter::AllMulticast => "all multicast, as it has no filter for these groups",
            MulticastFilter::Promiscuous => "every frame, as it has no filter for multicast",
            MulticastFilter::Unset => "what its driver lets through, which takes no filter",
        }
    }
}

impl Port {
    /// Receives frames to these multicast addresses, too. A NIC that can't tell them from others
    /// is set to receive more.
    ///
    /// This is for once after the start: what a driver changes here may take privileges that the
    /// process gives up later.
    pub fn receive_multicast(&self, groups: &[[u8; 6]]) -> MulticastFilter {
        let address = |&addr_bytes: &[u8; 6]| {
            let mut address = rte_ether_addr::default();
            address.addr_bytes = addr_bytes;
            address
        };
        let mut addresses: Vec<rte_ether_addr> = groups.iter().map(address).collect();
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let port = self.id().0;
        let _control = control();
        // SAFETY: the port exists while `self` does. DPDK reads `count` addresses, as many as the
        // vector has, and keeps none of it.
        if unsafe { dpdk_sys::rte_eth_dev_set_mc_addr_list(port, addresses.as_mut_ptr(), count) }
            == 0
        {
            return MulticastFilter::Groups;
        }
        // SAFETY: as above.
        if unsafe { dpdk_sys::rte_eth_allmulticast_enable(port) } == 0 {
            return MulticastFilter::AllMulticast;
        }
        // SAFETY: as above.
        if unsafe { dpdk_sys::rte_eth_promiscuous_enable(port) } == 0 {
            return MulticastFilter::Promiscuous;
        }
        MulticastFilter::Unset
    }
}
