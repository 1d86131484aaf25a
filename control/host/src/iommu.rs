//! The IOMMU, and the groups of devices that it cannot tell apart.

use config::PciAddress;

use crate::{Host, ReadError, kernel, pci};

/// Where the IOMMU is lost, if it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Iommu {
    /// The kernel drives an IOMMU.
    On,
    /// The firmware describes an IOMMU, and the kernel does not use it.
    OffInKernel,
    /// The firmware of this machine describes none.
    OffInFirmware,
    /// The same on a virtual machine, where the hypervisor is the firmware.
    OffInHypervisor,
}

/// Whether there is an IOMMU.
#[must_use]
pub fn state(host: &Host) -> Iommu {
    let has_one = |folder| host.names(folder).is_ok_and(|names| !names.is_empty());
    let tables = ["DMAR", "IVRS"];
    if has_one("/sys/class/iommu") {
        Iommu::On
    } else if tables.iter().any(|name| host.exists(format!("/sys/firmware/acpi/tables/{name}"))) {
        Iommu::OffInKernel
    } else if crate::cpu::flags(host).is_ok_and(|flags| flags.contains("hypervisor")) {
        Iommu::OffInHypervisor
    } else {
        Iommu::OffInFirmware
    }
}

/// True when vfio-pci takes devices without an IOMMU.
#[must_use]
pub fn is_unsafe_mode_on(host: &Host) -> bool {
    let parameter = host.read(UNSAFE_MODE);
    parameter.is_ok_and(|value| matches!(value.as_str(), "Y" | "1"))
        || kernel::argument(host, "vfio.enable_unsafe_noiommu_mode")
            .is_some_and(|value| matches!(value.as_str(), "Y" | "1" | "y" | "on"))
}

/// True when the kernel's vfio can take devices without an IOMMU: kernels are built without that
/// mode, too.
#[must_use]
pub fn has_unsafe_mode(host: &Host) -> bool {
    if host.exists(UNSAFE_MODE) || host.exists("/sys/module/vfio") {
        return host.exists(UNSAFE_MODE);
    }
    let release = host.read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let built = host.read(&format!("/boot/config-{release}"));
    built.map_or(true, |built| built.lines().any(|line| line == "CONFIG_VFIO_NOIOMMU=y"))
}

/// The file that switches vfio's no-IOMMU mode.
pub const UNSAFE_MODE: &str = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";

/// The devices of a group.
///
/// # Errors
/// When the group cannot be read.
pub fn devices(host: &Host, group: &str) -> Result<Vec<PciAddress>, ReadError> {
    let names = host.names(&format!("/sys/kernel/iommu_groups/{group}/devices"))?;
    Ok(names.iter().filter_map(|name| pci::parse(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn where_the_iommu_is_lost() {
        let tree = Tree::new();
        assert_eq!(state(&tree.host()), Iommu::OffInFirmware);
        tree.file("/proc/cpuinfo", "flags : hypervisor\n").folder("/sys/class/iommu");
        assert_eq!(state(&tree.host()), Iommu::OffInHypervisor);
        tree.file("/sys/firmware/acpi/tables/DMAR", "");
        assert_eq!(state(&tree.host()), Iommu::OffInKernel);
        tree.iommu_group(3, &["0000:03:00.0", "0000:03:00.1"]);
        assert_eq!(state(&tree.host()), Iommu::On);
        assert_eq!(devices(&tree.host(), "3").unwrap().len(), 2);
    }

    #[test]
    fn the_unsafe_mode_is_on_when_the_module_says_so() {
        let tree = Tree::new();
        tree.file(UNSAFE_MODE, "N\n");
        assert!(!is_unsafe_mode_on(&tree.host()));
        tree.file(UNSAFE_MODE, "Y\n");
        assert!(is_unsafe_mode_on(&tree.host()));
    }

    #[test]
    fn a_kernel_without_the_unsafe_mode_is_known() {
        let tree = Tree::new();
        assert!(has_unsafe_mode(&tree.host()));
        tree.file("/proc/sys/kernel/osrelease", "6.12.1\n");
        tree.file("/boot/config-6.12.1", "# CONFIG_VFIO_NOIOMMU is not set\n");
        assert!(!has_unsafe_mode(&tree.host()));
        tree.file("/boot/config-6.12.1", "CONFIG_VFIO_NOIOMMU=y\n");
        assert!(has_unsafe_mode(&tree.host()));
        tree.folder("/sys/module/vfio");
        assert!(!has_unsafe_mode(&tree.host()));
        tree.file(UNSAFE_MODE, "N\n");
        assert!(has_unsafe_mode(&tree.host()));
    }
}
