//! The kernel's network interfaces.

use std::fs;

use config::PciAddress;

use crate::{Host, ReadError, pci};

/// A network interface of the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// The name.
    pub name: String,
    /// The Ethernet address, in lower case.
    pub mac: String,
    /// The MTU in bytes.
    pub mtu: u32,
    /// True when the interface was set up (`ip link set NAME up`).
    pub is_up: bool,
    /// The device on the PCI bus below the interface.
    pub pci: Option<PciAddress>,
}

/// Every interface, by name.
///
/// # Errors
/// When the kernel does not list them.
pub fn all(host: &Host) -> Result<Vec<Interface>, ReadError> {
    let names = host.names("/sys/class/net")?;
    Ok(names.iter().filter_map(|name| named(host, name)).collect())
}

/// The interface of this name, if there is one.
#[must_use]
pub fn named(host: &Host, name: &str) -> Option<Interface> {
    let folder = format!("/sys/class/net/{name}");
    // The folder also has files such as bonding_masters.
    let mtu = host.number(&format!("{folder}/mtu")).ok()?;
    let flags = host.read(&format!("{folder}/flags")).unwrap_or_default();
    let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
    let mac = host.read(&format!("{folder}/address")).unwrap_or_default();
    Some(Interface {
        name: name.to_owned(),
        mac: mac.to_lowercase(),
        mtu,
        is_up: flags & 1 != 0,
        pci: pci_address(host, &folder),
    })
}

/// The last PCI device on the way to the interface: that of a virtio NIC is two folders above it.
fn pci_address(host: &Host, folder: &str) -> Option<PciAddress> {
    let target = fs::read_link(host.path(folder)).ok()?;
    let parts: Vec<_> = target.components().collect();
    parts.iter().rev().find_map(|part| pci::parse(&part.as_os_str().to_string_lossy()))
}

/// The interfaces at the bottom of this one: a VLAN's parent, the members of a bond or a bridge.
/// An interface without such is its own bottom.
#[must_use]
pub fn bottom(host: &Host, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![name.to_owned()];
    let mut seen = Vec::new();
    while let Some(next) = left.pop() {
        if seen.contains(&next) {
            continue;
        }
        let names = host.names(&format!("/sys/class/net/{next}")).unwrap_or_default();
        let lower = names.iter().filter_map(|name| name.strip_prefix("lower_"));
        let lower: Vec<String> = lower.map(str::to_owned).collect();
        if lower.is_empty() {
            found.push(next.clone());
        }
        left.extend(lower);
        seen.push(next);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn interfaces_know_their_device() {
        let tree = Tree::new();
        tree.nic("0000:03:00.0", Some("i40e"), Some("eth0")).interface("lo");
        tree.file("/sys/class/net/bonding_masters", "");
        let found = all(&tree.host()).unwrap();
        let [eth0, lo] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(eth0.pci, pci::parse("0000:03:00.0"));
        assert!(eth0.is_up && eth0.mtu == 1500 && eth0.mac == "02:00:00:00:00:01");
        assert_eq!(lo.pci, None);
    }

    #[test]
    fn the_device_of_a_virtio_nic_is_above_virtio() {
        let tree = Tree::new();
        let target = "../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0";
        tree.link("/sys/class/net/eth0", target);
        tree.file("/sys/devices/pci0000:00/0000:00:03.0/virtio2/net/eth0/mtu", "1500");
        let eth0 = named(&tree.host(), "eth0").unwrap();
        assert_eq!(eth0.pci, pci::parse("0000:00:03.0"));
        assert!(!eth0.is_up);
    }

    #[test]
    fn a_vlan_over_a_bond_ends_at_its_members() {
        let tree = Tree::new();
        for name in ["bond0.5", "bond0", "eth0", "eth1"] {
            tree.interface(name);
        }
        tree.link("/sys/devices/virtual/net/bond0.5/lower_bond0", "../bond0");
        tree.link("/sys/devices/virtual/net/bond0/lower_eth0", "../eth0");
        tree.link("/sys/devices/virtual/net/bond0/lower_eth1", "../eth1");
        let mut found = bottom(&tree.host(), "bond0.5");
        found.sort();
        assert_eq!(found, ["eth0", "eth1"]);
        assert_eq!(bottom(&tree.host(), "eth0"), ["eth0"]);
    }
}
