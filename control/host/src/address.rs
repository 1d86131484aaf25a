//! The addresses of the kernel's interfaces.

use std::net::{IpAddr, Ipv6Addr};

use crate::Host;

/// An address of an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// The interface that has it.
    pub interface: String,
    /// The address.
    pub address: IpAddr,
}

/// The addresses of all interfaces, in whatever table or VRF their routes are. IPv4's are in no
/// file: those of the running machine alone are known.
#[must_use]
pub fn all(host: &Host) -> Vec<Address> {
    let text = host.read("/proc/net/if_inet6").unwrap_or_default();
    let mut found: Vec<Address> = text.lines().filter_map(v6).collect();
    if host.is_running() {
        found.extend(running_v4());
    }
    found
}

/// True for an address by which other machines can reach this one from beyond its links.
#[must_use]
pub fn is_global(address: IpAddr) -> bool {
    let is_special = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    let is_of_link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !is_special && !is_of_link
}

fn running_v4() -> Vec<Address> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let addresses = all.filter_map(|of| {
        let address = of.address?.as_sockaddr_in()?.ip();
        // An address with a label is called eth0:1.
        let interface = of.interface_name.split(':').next()?.to_owned();
        Some(Address { interface, address: address.into() })
    });
    addresses.collect()
}

/// Address, index of the interface, prefix, scope, flags, interface.
fn v6(line: &str) -> Option<Address> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let address = Ipv6Addr::from(u128::from_str_radix(fields.first()?, 16).ok()?);
    Some(Address { interface: (*fields.get(5)?).to_owned(), address: address.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn addresses_are_read_with_their_interface() {
        let tree = Tree::new();
        assert!(all(&tree.host()).is_empty());
        tree.file(
            "/proc/net/if_inet6",
            "20010db8000000000000000000000002 02 40 00 80     eth0\n\
             fe800000000000000000000000000002 03 40 20 80     eth1\n",
        );
        let found = all(&tree.host());
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((first.interface.as_str(), is_global(first.address)), ("eth0", true));
        assert_eq!((second.interface.as_str(), is_global(second.address)), ("eth1", false));
    }

    #[test]
    fn the_running_machine_has_its_loopback() {
        let found = all(&Host::at("/"));
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(found.iter().any(|of| of.interface == "lo" && of.address == loopback), "{found:?}");
        assert!(!is_global(loopback) && is_global("10.0.0.1".parse().unwrap()));
    }
}
