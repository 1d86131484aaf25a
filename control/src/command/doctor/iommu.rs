//! The IOMMU and vfio-pci, which hand a NIC to a process.

use config::PciAddress;
use host::iommu::{self, Iommu};
use host::kernel::{self, Module};
use host::pci::{self, SHARED_DRIVERS};

use super::finding::Finding;
use super::machine::Machine;

const IOMMU: &str = "IOMMU";
const MODULE: &str = "vfio-pci";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    if machine.config.is_some() && !needs_vfio(machine) {
        let why = "not needed: no configured NIC is given to DPDK by vfio-pci";
        return vec![Finding::ok(IOMMU, why)];
    }
    vec![look_at_iommu(machine), look_at_module(machine)]
}

/// NICs that DPDK drives together with the kernel, and those that are not there, need no vfio-pci.
fn needs_vfio(machine: &Machine<'_>) -> bool {
    let is_handed_over = |address: &PciAddress| {
        let driver = pci::device(machine.host, *address).and_then(|device| device.driver);
        !driver.is_some_and(|driver| SHARED_DRIVERS.contains(&driver.as_str()))
    };
    machine.pci_nics().iter().any(is_handed_over)
}

fn look_at_iommu(machine: &Machine<'_>) -> Finding {
    const WHY: &str = "vfio-pci gives a NIC to the dataplane only behind an IOMMU, which keeps \
                       the NIC out of all other memory.";
    let host = machine.host;
    let off = |argument: &str| kernel::argument(host, argument).is_some_and(|value| value == "off");
    match iommu::state(host) {
        Iommu::On => {
            let groups = host.names("/sys/kernel/iommu_groups").unwrap_or_default().len();
            let mode = match kernel::argument(host, "iommu").as_deref() {
                Some("pt") => ", in pass-through mode for the kernel's own devices",
                _ => "",
            };
            Finding::ok(IOMMU, format!("on, {groups} groups{mode}"))
        }
        _ if iommu::is_unsafe_mode_on(host) => Finding::note(
            IOMMU,
            "there is none, and vfio-pci's no-IOMMU mode is on",
            "The NICs can write to all of this machine's memory: a fault of the dataplane or of \
             a NIC can destroy anything.",
            "# Switch the IOMMU on in the firmware (VT-d, AMD-Vi) where there is one.",
        ),
        Iommu::OffInKernel if off("intel_iommu") || off("amd_iommu") || off("iommu") => {
            Finding::wrong(
                IOMMU,
                "the kernel's command line switches it off",
                WHY,
                "# Take intel_iommu=off, amd_iommu=off and iommu=off out of /etc/default/grub.\n\
                 tandem setup && reboot",
            )
        }
        Iommu::OffInKernel => Finding::wrong(
            IOMMU,
            "the firmware has one, and the kernel does not use it",
            WHY,
            "tandem setup && reboot",
        ),
        Iommu::OffInFirmware => Finding::wrong(
            IOMMU,
            "the firmware describes none",
            WHY,
            "# Switch on VT-d (Intel) or AMD-Vi/IOMMU (AMD) in the firmware's setup, and start \
             the machine again.\n\
             # If it has none: tandem setup --no-iommu, which lets the NICs write to all memory.",
        ),
        Iommu::OffInHypervisor => Finding::wrong(
            IOMMU,
            "this virtual machine has none",
            WHY,
            "# Give the machine a virtual IOMMU (QEMU: -device intel-iommu,intremap=on), or use \
             tandem setup --no-iommu, or a NIC of the kernel (net_af_packet0,iface=NAME).",
        ),
    }
}

fn look_at_module(machine: &Machine<'_>) -> Finding {
    const WHY: &str = "The driver vfio-pci hands a NIC to the dataplane.";
    match kernel::pci_driver(machine.host, MODULE) {
        Module::Loaded => Finding::ok(MODULE, "loaded"),
        Module::Available => Finding::wrong(
            MODULE,
            "not loaded",
            WHY,
            "modprobe vfio-pci\necho vfio-pci > /etc/modules-load.d/tandem.conf",
        ),
        Module::Missing => Finding::wrong(
            MODULE,
            "this kernel does not have the module",
            WHY,
            "# Install a kernel of the distribution, such as linux-image-amd64, and start it.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{all_ok, config, look, no_tool, only, tree};
    use super::*;

    #[test]
    fn an_iommu_and_its_driver_are_ok() {
        let found = look(&tree(), &config(), &no_tool, super::look);
        assert!(all_ok(&found), "{found:?}");
        assert_eq!(found[0].found, "on, 2 groups");
    }

    #[test]
    fn where_it_is_lost_decides_what_to_do() {
        let tree = tree();
        tree.remove("/sys/class/iommu");
        let remedy = || {
            let found = look(&tree, &config(), &no_tool, super::look);
            only(&found).remedy.clone().unwrap()
        };
        assert!(remedy().contains("VT-d"));
        tree.file("/proc/cpuinfo", "flags : hypervisor");
        assert!(remedy().contains("virtual IOMMU"));
        tree.file("/sys/firmware/acpi/tables/DMAR", "");
        assert_eq!(remedy(), "tandem setup && reboot");
        tree.file("/proc/cmdline", "intel_iommu=off");
        assert!(remedy().contains("Take intel_iommu=off"));
        tree.file(iommu::UNSAFE_MODE, "Y");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(only(&found).state, super::super::finding::State::Note);
    }

    #[test]
    fn a_module_that_is_not_loaded_is_wrong() {
        let tree = tree();
        tree.remove("/sys/module/vfio_pci");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(only(&found).found, "this kernel does not have the module");
    }

    #[test]
    fn nics_that_stay_with_the_kernel_need_none() {
        let tree = tree();
        tree.remove("/sys/class/iommu").remove("/sys/module/vfio_pci");
        tree.nic("0000:03:00.0", Some("mlx5_core"), None);
        tree.nic("0000:03:00.1", Some("mlx5_core"), None);
        assert!(all_ok(&look(&tree, &config(), &no_tool, super::look)));
    }
}
