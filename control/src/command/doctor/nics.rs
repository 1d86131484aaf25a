//! The configured NICs: are they there, and may DPDK drive them?

use config::{Device, PciAddress, VirtualDevice};
use host::pci::{self, PciDevice, SHARED_DRIVERS};
use host::{carried, interface, iommu};

use super::finding::Finding;
use super::machine::Machine;

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let Some(config) = machine.config else { return Vec::new() };
    let sides = [("public NIC", &config.public), ("private NIC", &config.private)];
    let mut findings = Vec::new();
    for (check, side) in sides {
        findings.push(match &side.device {
            Device::Pci(address) => on_pci(machine, check, *address),
            Device::Virtual(device) => in_software(machine, check, device),
        });
    }
    findings.extend(nodes(machine));
    findings
}

fn on_pci(machine: &Machine<'_>, check: &str, address: PciAddress) -> Finding {
    let Some(device) = pci::device(machine.host, address) else {
        return Finding::wrong(
            check,
            format!("there is no PCI device {address}"),
            format!("These NICs are there: {}.", those_there(machine)),
            "# Write the right address into the configuration (port = ...).\nlspci -D -nn -d ::0200",
        );
    };
    let bind = format!("driverctl set-override {address} vfio-pci");
    match device.driver.as_deref() {
        None => Finding::wrong(
            check,
            format!("{address} has no driver"),
            "DPDK drives a NIC that is bound to vfio-pci.",
            bind,
        ),
        Some("vfio-pci") => behind_vfio(machine, check, &device),
        Some(driver) if SHARED_DRIVERS.contains(&driver) => {
            Finding::ok(check, format!("{address} stays with {driver}, as DPDK wants it"))
        }
        Some(driver @ ("uio_pci_generic" | "igb_uio")) => Finding::note(
            check,
            format!("{address} is bound to {driver}"),
            "No IOMMU keeps the NIC out of other memory; the unit needs CAP_SYS_ADMIN and \
             CAP_SYS_RAWIO in a drop-in, and Secure Boot forbids it.",
            bind,
        ),
        Some(driver) => with_the_kernel(machine, check, &device, driver, bind),
    }
}

fn with_the_kernel(
    machine: &Machine<'_>,
    check: &str,
    device: &PciDevice,
    driver: &str,
    bind: String,
) -> Finding {
    let names = device.interfaces.join(", ");
    let names = if names.is_empty() { String::new() } else { format!(" as {names}") };
    let found = format!("{} is driven by the kernel's {driver}{names}", device.address);
    // As setup refuses it: nobody types the command that cuts them off.
    if let Some(carrier) = carried::by(&carried::all(machine.host), device) {
        return Finding::wrong(
            check,
            format!("{found}, and carries {}", carrier.carried),
            "DPDK takes the NIC from the kernel, and whoever reaches this machine through it is \
             cut off.",
            format!(
                "# Use another NIC, or take that off it; or, from the console and whatever it \
                 carries: {bind}"
            ),
        );
    }
    Finding::wrong(check, found, "DPDK drives a NIC that is bound to vfio-pci.", bind)
}

/// VFIO hands out a whole group or nothing.
fn behind_vfio(machine: &Machine<'_>, check: &str, device: &PciDevice) -> Finding {
    let (host, address) = (machine.host, device.address);
    let found = format!("{address} is bound to vfio-pci");
    let Some(group) = &device.group else {
        if iommu::is_unsafe_mode_on(host) {
            return Finding::ok(check, format!("{found}, without an IOMMU"));
        }
        return Finding::wrong(
            check,
            format!("{found}, and no IOMMU group has it"),
            "Without an IOMMU vfio-pci gives the NIC to nobody.",
            "# Mend the IOMMU first, see above.",
        );
    };
    let devices = match iommu::devices(host, group) {
        Ok(devices) => devices,
        Err(reason) => return Finding::unknown(check, format!("{found}; its group: {reason}")),
    };
    let others = devices.into_iter().filter(|other| *other != address);
    let others = others.filter_map(|other| pci::device(host, other));
    let in_the_way: Vec<String> = others
        .filter(|other| !other.is_bridge())
        .filter_map(|other| {
            let driver = other.driver.as_deref()?;
            (!pci::USER_SPACE_DRIVERS.contains(&driver) && driver != "pci-stub")
                .then(|| format!("{} ({driver})", other.address))
        })
        .collect();
    if in_the_way.is_empty() {
        return Finding::ok(check, format!("{found}, in IOMMU group {group}"));
    }
    Finding::wrong(
        check,
        format!("{found}, and shares IOMMU group {group} with {}", in_the_way.join(", ")),
        "VFIO gives out a group only as a whole: while the kernel drives a device of it, the \
         dataplane does not get the NIC.",
        "# Put the NIC into another slot, switch on ACS in the firmware, or bind the other \
         devices to vfio-pci as well.",
    )
}

fn in_software(machine: &Machine<'_>, check: &str, device: &VirtualDevice) -> Finding {
    let over_kernel = matches!(device.driver(), "net_af_packet" | "net_af_xdp");
    if !over_kernel {
        return Finding::ok(check, format!("{device} is made in software, and needs no NIC"));
    }
    let Some(name) = device.argument("iface") else {
        return Finding::wrong(
            check,
            format!("{device} has no iface="),
            "The driver works over an interface of the kernel.",
            "# Write it into the configuration, such as port = \"net_af_packet0,iface=eth1\".",
        );
    };
    let Some(interface) = interface::named(machine.host, name) else {
        return Finding::wrong(
            check,
            format!("there is no interface {name}"),
            format!("{device} works over this interface of the kernel."),
            "ip -br link",
        );
    };
    if !interface.is_up {
        return Finding::wrong(
            check,
            format!("the interface {name} is down"),
            format!("{device} gets no packet from it."),
            format!("ip link set {name} up"),
        );
    }
    Finding::ok(check, format!("{device}: the interface {name} is up"))
}

fn those_there(machine: &Machine<'_>) -> String {
    let nics = match pci::nics(machine.host) {
        Ok(nics) => nics,
        Err(reason) => return format!("unknown, {reason}"),
    };
    let texts = nics.iter().map(|nic| {
        let driver = nic.driver.as_deref().unwrap_or("no driver");
        format!("{} ({:04x}:{:04x}, {driver})", nic.address, nic.vendor, nic.device)
    });
    let text = texts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "none on the PCI bus".to_owned() } else { text }
}

/// Both NICs should be on one NUMA node; the cores are compared with it elsewhere.
fn nodes(machine: &Machine<'_>) -> Option<Finding> {
    let nics = machine.pci_nics();
    let nodes = nics
        .iter()
        .filter_map(|address| Some((*address, pci::device(machine.host, *address)?.node?)));
    let nodes: Vec<_> = nodes.collect();
    let [(first, node), (second, other)] = nodes.as_slice() else { return None };
    if node == other {
        return Some(Finding::ok("NUMA node", format!("both NICs are on node {node}")));
    }
    Some(Finding::note(
        "NUMA node",
        format!("{first} is on node {node}, {second} on node {other}"),
        "Each packet crosses between the nodes, which costs throughput.",
        "# Put both NICs into slots of one CPU, or use NICs of one node.",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, only, tree};

    #[test]
    fn nics_behind_vfio_are_ok() {
        let found = look(&tree(), &config(), &no_tool, super::look);
        assert!(all_ok(&found), "{found:?}");
        assert_eq!(found[0].found, "0000:03:00.0 is bound to vfio-pci, in IOMMU group 0");
    }

    #[test]
    fn a_nic_that_is_not_there_is_told_with_those_that_are() {
        let tree = tree();
        tree.remove("/sys/bus/pci/devices/0000:03:00.1");
        let found = look(&tree, &config(), &no_tool, super::look);
        let finding = only(&found);
        assert_eq!(finding.state, State::Wrong);
        assert!(finding.why.as_ref().unwrap().contains("0000:03:00.0 (8086:1572, vfio-pci)"));
    }

    #[test]
    fn the_kernels_driver_is_wrong_and_cuts_off_whom_it_carries() {
        let tree = tree();
        tree.nic("0000:03:00.0", Some("i40e"), Some("eth0"));
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(only(&found).found, "0000:03:00.0 is driven by the kernel's i40e as eth0");
        let remedy = only(&found).remedy.clone().unwrap();
        assert_eq!(remedy, "driverctl set-override 0000:03:00.0 vfio-pci");

        tree.file("/proc/net/route", "head\neth0 00000000 010200C0 0003 0 0 0 00000000\n");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert!(only(&found).found.ends_with("as eth0, and carries the default route"));
        assert!(only(&found).remedy.as_ref().unwrap().starts_with('#'), "not to be typed blindly");

        // As setup does, it looks at addresses over the NIC and at sessions.
        tree.remove("/proc/net/route").interface("br0");
        tree.link("/sys/devices/virtual/net/br0/lower_eth0", "../eth0");
        let line = "20010db8000000000000000000000002 02 40 00 80   br0\n";
        tree.file("/proc/net/if_inet6", line);
        let found = look(&tree, &config(), &no_tool, super::look);
        assert!(only(&found).found.ends_with("and carries the address 2001:db8::2 of br0"));
        assert!(only(&found).remedy.as_ref().unwrap().starts_with('#'), "not to be typed blindly");
    }

    #[test]
    fn another_device_of_the_group_is_in_the_way() {
        let tree = tree();
        tree.nic("0000:03:00.2", Some("ahci"), None);
        tree.iommu_group(0, &["0000:03:00.2"]);
        let found = look(&tree, &config(), &no_tool, super::look);
        assert!(only(&found).found.contains("shares IOMMU group 0 with 0000:03:00.2 (ahci)"));
        // A bridge and the other NIC are not.
        tree.file("/sys/devices/pci0000:00/0000:03:00.2/class", "0x060400");
        tree.iommu_group(0, &["0000:03:00.1"]);
        assert!(all_ok(&look(&tree, &config(), &no_tool, super::look)));
    }

    #[test]
    fn virtual_devices_need_their_interface() {
        let tree = tree();
        let mut config = config();
        config.public.device = "net_af_packet0,iface=eth9".parse().unwrap();
        let said = |tree| only(&look(tree, &config, &no_tool, super::look)).found.clone();
        assert_eq!(said(&tree), "there is no interface eth9");
        tree.interface("eth9").file("/sys/class/net/eth9/flags", "0x1002");
        assert_eq!(said(&tree), "the interface eth9 is down");
        tree.interface("eth9");
        assert!(all_ok(&look(&tree, &config, &no_tool, super::look)));
        config.private.device = "net_tap0".parse().unwrap();
        assert!(all_ok(&look(&tree, &config, &no_tool, super::look)));
    }

    #[test]
    fn nics_of_two_nodes_are_noted() {
        let tree = tree();
        tree.file("/sys/devices/pci0000:00/0000:03:00.1/numa_node", "1");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!((only(&found).state, only(&found).check.as_str()), (State::Note, "NUMA node"));
    }
}
