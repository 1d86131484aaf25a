//! The kernel's routes: which interface leads to an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Host;

/// A route of the main table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The network that the route leads to.
    pub network: IpAddr,
    /// The bits of the network's prefix.
    pub prefix: u8,
    /// The interface that packets leave through.
    pub interface: String,
}

impl Route {
    fn covers(&self, address: IpAddr) -> bool {
        let (network, address, width) = match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (u128::from(network.to_bits()), u128::from(address.to_bits()), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits(), address.to_bits(), 128)
            }
            _ => return false,
        };
        let host_bits = width - u32::from(self.prefix).min(width);
        (network ^ address).checked_shr(host_bits).unwrap_or(0) == 0
    }
}

/// The routes of both families. Without an address of a family there is no file, and no route.
#[must_use]
pub fn all(host: &Host) -> Vec<Route> {
    let ipv4 = host.read("/proc/net/route").unwrap_or_default();
    let ipv6 = host.read("/proc/net/ipv6_route").unwrap_or_default();
    ipv4.lines().skip(1).filter_map(v4).chain(ipv6.lines().filter_map(v6)).collect()
}

/// The interfaces through which packets to an address may leave: those of the longest prefix.
/// Several routes can have it, and it is not said here which of them the kernel prefers.
#[must_use]
pub fn interfaces_to(routes: &[Route], address: IpAddr) -> Vec<&str> {
    let covering = || routes.iter().filter(|route| route.covers(address));
    let longest = covering().map(|route| route.prefix).max();
    let best = covering().filter(|route| Some(route.prefix) == longest);
    best.map(|route| route.interface.as_str()).collect()
}

/// The interfaces of the default routes.
pub fn defaults(routes: &[Route]) -> impl Iterator<Item = &str> {
    routes.iter().filter(|route| route.prefix == 0).map(|route| route.interface.as_str())
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask`, addresses as they lie in memory.
fn v4(line: &str) -> Option<Route> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let address = |index: usize| {
        let bits = u32::from_str_radix(fields.get(index)?, 16).ok()?;
        Some(Ipv4Addr::from(bits.to_le_bytes()))
    };
    let (network, mask) = (address(1)?, address(7)?);
    let prefix = u8::try_from(mask.to_bits().count_ones()).ok()?;
    Some(Route { network: network.into(), prefix, interface: (*fields.first()?).to_owned() })
}

/// Destination, prefix, source, prefix, next hop, metric, two counters, flags, interface.
fn v6(line: &str) -> Option<Route> {
    const RTF_REJECT: u32 = 0x0200;
    let fields: Vec<_> = line.split_whitespace().collect();
    let network = Ipv6Addr::from(u128::from_str_radix(fields.first()?, 16).ok()?);
    let prefix = u8::from_str_radix(fields.get(1)?, 16).ok()?;
    let flags = u32::from_str_radix(fields.get(8)?, 16).ok()?;
    let interface = (*fields.get(9)?).to_owned();
    // "No route" is a route as well, over the loopback interface.
    let leads_somewhere = flags & RTF_REJECT == 0;
    leads_somewhere.then_some(Route { network: network.into(), prefix, interface })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    const V4: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth1\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
";
    const V6: &str = "\
20010db8000000000000000000000000 20 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth1
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth2
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
";

    #[test]
    fn the_longest_prefix_leads_to_an_address() {
        let tree = Tree::new();
        assert!(all(&tree.host()).is_empty());
        tree.file("/proc/net/route", V4).file("/proc/net/ipv6_route", V6);
        let routes = all(&tree.host());
        let to = |address: &str| interfaces_to(&routes, address.parse().unwrap());
        assert_eq!(to("192.168.2.77"), ["eth1"]);
        assert_eq!(to("192.168.3.77"), ["eth0"]);
        assert_eq!(to("2001:db8::1"), ["eth1"]);
        assert_eq!(to("2001:db9::1"), ["eth2"]);
        assert_eq!(defaults(&routes).collect::<Vec<_>>(), ["eth0", "eth2"]);
    }

    #[test]
    fn equal_prefixes_are_all_named() {
        let tree = Tree::new();
        // The smaller metric counts for the kernel, and it comes first here.
        let more = "eth3\t00000000\t010300C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
        tree.file("/proc/net/route", &format!("{V4}{more}"));
        let routes = all(&tree.host());
        assert_eq!(interfaces_to(&routes, "192.168.3.77".parse().unwrap()), ["eth0", "eth3"]);
        assert!(interfaces_to(&routes, "2001:db8::1".parse().unwrap()).is_empty());
    }
}
