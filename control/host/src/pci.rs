//! NICs on the PCI bus, and the drivers that they are bound to.

use config::{Device, PciAddress};

use crate::{Host, ReadError, interface};

/// Drivers of the kernel that hand the device to a process.
pub const USER_SPACE_DRIVERS: [&str; 3] = ["vfio-pci", "uio_pci_generic", "igb_uio"];
/// Drivers of NICs that the kernel and DPDK drive together: they stay bound.
pub const SHARED_DRIVERS: [&str; 3] = ["mlx5_core", "mlx4_core", "mana"];

/// A device on the PCI bus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PciDevice {
    /// Where the device is.
    pub address: PciAddress,
    /// The 24 bits of class, subclass and interface.
    pub class: u32,
    /// The vendor's number.
    pub vendor: u16,
    /// The vendor's number of the device.
    pub device: u16,
    /// The driver that the device is bound to.
    pub driver: Option<String>,
    /// The NUMA node; `None` when the firmware names none.
    pub node: Option<u16>,
    /// The IOMMU group.
    pub group: Option<String>,
    /// The interfaces that the kernel has over the device.
    pub interfaces: Vec<String>,
}

impl PciDevice {
    /// True for an Ethernet controller.
    #[must_use]
    pub fn is_nic(&self) -> bool {
        self.class >> 8 == 0x0200
    }

    /// True for a bridge, which shares a group with what is behind it and is no obstacle.
    #[must_use]
    pub fn is_bridge(&self) -> bool {
        self.class >> 16 == 0x06
    }

    /// True when the kernel and DPDK drive this NIC together, or would.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.driver.as_deref().is_some_and(|driver| SHARED_DRIVERS.contains(&driver))
    }
}

/// A PCI address: `0000:03:00.0`, or `03:00.0` in domain 0.
#[must_use]
pub fn parse(text: &str) -> Option<PciAddress> {
    match text.parse() {
        Ok(Device::Pci(address)) => Some(address),
        _ => None,
    }
}

/// The device at an address, if there is one.
#[must_use]
pub fn device(host: &Host, address: PciAddress) -> Option<PciDevice> {
    let folder = format!("/sys/bus/pci/devices/{address}");
    if !host.exists(&folder) {
        return None;
    }
    let number = |name: &str| {
        let text = host.read(&format!("{folder}/{name}")).unwrap_or_default();
        u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or(0)
    };
    let interfaces = interface::all(host).unwrap_or_default();
    let interfaces = interfaces.into_iter().filter(|interface| interface.pci == Some(address));
    Some(PciDevice {
        address,
        class: number("class"),
        vendor: number("vendor") as u16,
        device: number("device") as u16,
        driver: host.link_name(&format!("{folder}/driver")),
        // The kernel writes -1 where it knows of no node.
        node: host.number(&format!("{folder}/numa_node")).ok(),
        group: host.link_name(&format!("{folder}/iommu_group")),
        interfaces: interfaces.map(|interface| interface.name).collect(),
    })
}

/// Every Ethernet controller, by address.
///
/// # Errors
/// When the machine has no PCI bus.
pub fn nics(host: &Host) -> Result<Vec<PciDevice>, ReadError> {
    let names = host.names("/sys/bus/pci/devices")?;
    let devices = names.iter().filter_map(|name| device(host, parse(name)?));
    Ok(devices.filter(PciDevice::is_nic).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn a_nic_has_its_driver_and_interface() {
        let tree = Tree::new();
        tree.nic("0000:03:00.0", Some("i40e"), Some("eth0"));
        tree.nic("0000:03:00.1", Some("vfio-pci"), None).iommu_group(7, &["0000:03:00.1"]);
        tree.nic("0000:04:00.0", None, None);
        tree.file("/sys/devices/pci0000:00/0000:04:00.0/class", "0x060400");
        let nics = nics(&tree.host()).unwrap();
        let [first, second] = nics.as_slice() else { panic!("{nics:?}") };
        assert_eq!(first.driver.as_deref(), Some("i40e"));
        assert_eq!(first.interfaces, ["eth0"]);
        assert_eq!((first.vendor, first.device, first.node), (0x8086, 0x1572, Some(0)));
        assert_eq!(second.group.as_deref(), Some("7"));
        assert!(second.interfaces.is_empty());
        let bridge = device(&tree.host(), parse("0000:04:00.0").unwrap()).unwrap();
        assert!(bridge.is_bridge() && !bridge.is_nic());
        assert_eq!(device(&tree.host(), parse("0000:05:00.0").unwrap()), None);
    }

    #[test]
    fn a_device_of_no_node_has_none() {
        let tree = Tree::new();
        tree.nic("0000:03:00.0", None, None);
        tree.file("/sys/devices/pci0000:00/0000:03:00.0/numa_node", "-1\n");
        let nics = nics(&tree.host()).unwrap();
        assert_eq!(nics[0].node, None);
        assert_eq!(nics[0].driver, None);
    }
}
