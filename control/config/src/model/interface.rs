//! One side of the router: its NIC, addresses, routes.

use std::net::Ipv4Addr;

use wire::MacAddress;

use super::device::Device;
use super::multicast::MulticastProtocol;
use wire::Cidr;

/// One side: the public or the private NIC and what belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// The NIC.
    pub device: Device,
    /// The real address, and the network on the wire.
    pub address: Cidr<Ipv4Addr>,
    /// The addresses that move with the active role. Each is in the real address's
    /// network with the same prefix, or has a prefix of 32.
    pub floating: Vec<Cidr<Ipv4Addr>>,
    /// The next hop of whatever no route covers; in the real address's network.
    pub gateway: Option<Ipv4Addr>,
    /// The largest IP packet, in bytes: 68 to 9000.
    pub mtu: u16,
    /// Static routes; their next hops are in the real address's network. The longest
    /// prefix wins; destinations are distinct.
    pub routes: Vec<Route>,
    /// Neighbours that are never asked for.
    pub neighbours: Vec<StaticNeighbour>,
    /// Receive descriptors of each queue; none: the driver's choice.
    pub rx_descriptors: Option<u16>,
    /// Transmit descriptors of each queue; none: the driver's choice.
    pub tx_descriptors: Option<u16>,
    /// The name of the TAP interface through which the kernel has the real address.
    pub kernel_interface: String,
    /// The protocols whose multicast goes to the kernel through it; distinct.
    pub kernel_multicast: Vec<MulticastProtocol>,
    /// The most that a TCP segment leaving here may offer as its maximum segment
    /// size, in bytes; none: left as it is.
    pub mss_clamp: Option<u16>,
    /// The Ethernet address that the floating addresses have, on whichever machine they
    /// are; none: the NIC's own.
    pub virtual_mac: Option<MacAddress>,
}

impl Interface {
    /// The most neighbours with their Ethernet addresses, on both sides together.
    pub const MOST_NEIGHBOURS: usize = 4096;

    /// The public side's TAP interface unless the configuration says otherwise.
    pub const PUBLIC_KERNEL_INTERFACE: &str = "tandem-pub";
    /// The private side's.
    pub const PRIVATE_KERNEL_INTERFACE: &str = "tandem-priv";

    /// A side with every default.
    pub fn new(
        device: Device,
        address: Cidr<Ipv4Addr>,
        kernel_interface: impl Into<String>,
    ) -> Self {
        Interface {
            device,
            address,
            floating: Vec::new(),
            gateway: None,
            mtu: 1500,
            routes: Vec::new(),
            neighbours: Vec::new(),
            rx_descriptors: None,
            tx_descriptors: None,
            kernel_interface: kernel_interface.into(),
            kernel_multicast: Vec::new(),
            mss_clamp: None,
            virtual_mac: None,
        }
    }

    /// True when this is one of the side's floating addresses.
    pub fn is_floating(&self, address: Ipv4Addr) -> bool {
        self.floating.iter().any(|floating| floating.address == address)
    }

    /// The neighbour that a packet for this address goes to: the address itself in
    /// the side's own network, else the next hop of the longest matching route, else
    /// the gateway. None: there is no way.
    pub fn next_hop(&self, address: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.address.contains(address) {
            return Some(address);
        }
        let matching = self.routes.iter().filter(|route| route.to.contains(address));
        matching.max_by_key(|route| route.to.prefix).map(|route| route.via).or(self.gateway)
    }
}

/// A static route.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Route {
    /// The destinations; host bits are zero.
    pub to: Cidr<Ipv4Addr>,
    /// The next hop.
    pub via: Ipv4Addr,
}

/// A neighbour whose Ethernet address is given instead of asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StaticNeighbour {
    /// Its address, in the side's network.
    pub address: Ipv4Addr,
    /// Its Ethernet address, a unicast one.
    pub mac: MacAddress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_route_wins_and_the_gateway_takes_the_rest() {
        let network = |a, b, c, d, prefix| Cidr { address: Ipv4Addr::new(a, b, c, d), prefix };
        let via = |last| Ipv4Addr::new(10, 0, 0, last);
        let device = "net_null0".parse().unwrap();
        let mut side = Interface::new(device, network(10, 0, 0, 2, 24), "tandem-priv");
        side.routes = vec![
            Route { to: network(10, 0, 0, 0, 8), via: via(8) },
            Route { to: network(10, 1, 0, 0, 16), via: via(16) },
        ];
        assert_eq!(side.next_hop(via(77)), Some(via(77)));
        assert_eq!(side.next_hop(Ipv4Addr::new(10, 1, 2, 3)), Some(via(16)));
        assert_eq!(side.next_hop(Ipv4Addr::new(10, 2, 2, 3)), Some(via(8)));
        assert_eq!(side.next_hop(Ipv4Addr::new(192, 0, 2, 1)), None);
        side.gateway = Some(via(254));
        assert_eq!(side.next_hop(Ipv4Addr::new(192, 0, 2, 1)), Some(via(254)));
    }
}
