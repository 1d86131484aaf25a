//! What the checks look at.

use config::{Config, Device, PciAddress};
use host::Host;

use super::finding::Finding;
use super::{
    cores, cpu, disks, firewall, hugepages, iommu, kernel, key, links, memory, nics, time, units,
};

/// Runs a program, and returns what it writes or why there is nothing.
pub(in crate::command) type Tool<'m> = &'m dyn Fn(&str, &[&str]) -> Result<String, String>;

/// A machine, and the configuration that it is to run with.
pub(super) struct Machine<'m> {
    pub(super) host: &'m Host,
    /// `None` where it has mistakes: what depends on it is not looked at then.
    pub(super) config: Option<&'m Config>,
    /// A dataplane answers: hugepages and memory that it has taken are not free.
    pub(super) runs: bool,
    pub(super) tool: Tool<'m>,
}

impl Machine<'_> {
    /// Everything but the configuration file itself, in the order in which it is set up.
    pub(super) fn look(&self) -> Vec<Finding> {
        [
            iommu::look,
            nics::look,
            hugepages::look,
            memory::look,
            cores::look,
            cpu::look,
            links::look,
            kernel::look,
            firewall::look,
            key::look,
            units::look,
            disks::look,
            time::look,
        ]
        .iter()
        .flat_map(|look| look(self))
        .collect()
    }

    /// The NICs on the PCI bus that the configuration names.
    pub(super) fn pci_nics(&self) -> Vec<PciAddress> {
        let sides = self.config.map(|config| [&config.public.device, &config.private.device]);
        let devices = sides.into_iter().flatten().filter_map(|device| match device {
            Device::Pci(address) => Some(*address),
            Device::Virtual(_) => None,
        });
        devices.collect()
    }

    /// The NUMA node of the first NIC that has one.
    pub(super) fn nic_node(&self) -> Option<u16> {
        let nics = self.pci_nics();
        nics.iter().find_map(|address| host::pci::device(self.host, *address)?.node)
    }
}
