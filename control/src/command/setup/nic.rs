//! The two NICs: found by whatever the operator calls them, and what they carry.

use core::fmt;

use config::{Config, Device, PciAddress};
use host::Host;
use host::carried::{self, Carrier};
use host::interface::{self, Interface};
use host::pci::{self, PciDevice};

/// One of the two sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Public,
    Private,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Public => "public",
            Side::Private => "private",
        })
    }
}

impl Side {
    pub(super) fn of(self, config: &Config) -> &Device {
        match self {
            Side::Public => &config.public.device,
            Side::Private => &config.private.device,
        }
    }

    /// The number of a virtual device for this side.
    fn number(self) -> u8 {
        match self {
            Side::Public => 0,
            Side::Private => 1,
        }
    }
}

/// A NIC as the configuration names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Nic {
    pub(super) side: Side,
    pub(super) device: Device,
    /// The device on the PCI bus; `None` for a virtual one, and below a root without `/sys`.
    pub(super) pci: Option<PciDevice>,
    pub(super) node: Option<u16>,
}

impl Nic {
    fn on_pci(side: Side, device: PciDevice) -> Self {
        let node = device.node;
        Nic { side, device: Device::Pci(device.address), pci: Some(device), node }
    }

    /// The address, where the NIC is to be bound to vfio-pci.
    pub(super) fn handed_over(&self) -> Option<PciAddress> {
        let Device::Pci(address) = self.device else { return None };
        let is_shared = self.pci.as_ref().is_some_and(PciDevice::is_shared);
        (!is_shared).then_some(address)
    }
}

/// The NIC of a PCI address, the name of an interface, or a MAC address.
pub(super) fn find(host: &Host, side: Side, text: &str) -> Result<Nic, String> {
    if let Some(address) = pci::parse(text) {
        return at(host, side, address);
    }
    if let Ok(device @ Device::Virtual(_)) = text.parse() {
        return configured(host, side, &device);
    }
    let interfaces = interface::all(host).unwrap_or_default();
    let matches =
        |interface: &&Interface| interface.name == text || interface.mac == text.to_lowercase();
    // A bond or VLAN has the MAC address of its NIC, which is the one that is meant.
    let mut found: Vec<_> = interfaces.iter().filter(matches).collect();
    found.sort_by_key(|interface| (interface.name != text, interface.pci.is_none()));
    let Some(interface) = found.first() else {
        return Err(format!(
            "no NIC is called {text}: give a PCI address, an interface of the kernel, or a MAC \
             address. (A NIC that DPDK has already has its PCI address only.)\n{}",
            list(host)
        ));
    };
    if interface.name != text {
        one_device(host, text, &found)?;
    }
    match interface.pci {
        Some(address) => at(host, side, address),
        None => {
            let name = &interface.name;
            let device = format!("net_af_packet{},iface={name}", side.number());
            let device = device.parse().map_err(|error| format!("{name}: {error}"))?;
            configured(host, side, &device)
        }
    }
}

/// The members of a bond have one MAC address, and none of them may be picked for the other.
fn one_device(host: &Host, mac: &str, found: &[&Interface]) -> Result<(), String> {
    let mut devices: Vec<PciAddress> = found.iter().filter_map(|of| of.pci).collect();
    devices.sort_by_key(ToString::to_string);
    devices.dedup();
    if devices.len() < 2 {
        return Ok(());
    }
    let devices: Vec<String> = devices.iter().map(ToString::to_string).collect();
    Err(format!(
        "{mac} is the MAC address of {} NICs ({}), as of the members of a bond: say which one by \
         its PCI address or its name.\n{}",
        devices.len(),
        devices.join(", "),
        list(host)
    ))
}

fn at(host: &Host, side: Side, address: PciAddress) -> Result<Nic, String> {
    match pci::device(host, address) {
        Some(device) if device.is_nic() => Ok(Nic::on_pci(side, device)),
        Some(_) => Err(format!("{address} is not an Ethernet NIC.\n{}", list(host))),
        // An image does not know yet what it will run on.
        None if !host.exists("/sys/bus/pci/devices") => {
            Ok(Nic { side, device: Device::Pci(address), pci: None, node: None })
        }
        None => Err(format!("there is no PCI device {address}.\n{}", list(host))),
    }
}

/// The NIC of a device in the configuration's words.
pub(super) fn configured(host: &Host, side: Side, device: &Device) -> Result<Nic, String> {
    match device {
        Device::Pci(address) => at(host, side, *address),
        Device::Virtual(_) => Ok(Nic { side, device: device.clone(), pci: None, node: None }),
    }
}

/// The NICs of the machine, for an operator who has to choose.
pub(super) fn list(host: &Host) -> String {
    let nics = match pci::nics(host) {
        Ok(nics) if !nics.is_empty() => nics,
        Ok(_) => return "This machine has no NIC on the PCI bus.".to_owned(),
        Err(reason) => return format!("The NICs are not known: {reason}."),
    };
    let carriers = carried::all(host);
    let mut text = "These NICs are there:".to_owned();
    for nic in nics {
        let first = nic.interfaces.first().and_then(|name| interface::named(host, name));
        let words = [nic.interfaces.join(" "), first.map_or(String::new(), |first| first.mac)];
        let words: String =
            words.iter().filter(|word| !word.is_empty()).map(|word| format!(" {word}")).collect();
        let driver = nic.driver.as_deref().unwrap_or("no driver");
        let node = nic.node.map_or(String::new(), |node| format!(", NUMA node {node}"));
        let carrier = carried::by(&carriers, &nic);
        let carried =
            carrier.map_or(String::new(), |carrier| format!(", carries {}", carrier.carried));
        text.push_str(&format!("\n  {}{words} ({driver}{node}){carried}", nic.address));
    }
    text
}

/// Refuses NICs without which nobody could reach this machine any more.
pub(super) fn guard(nics: &[Nic; 2], carriers: &[Carrier], is_forced: bool) -> Result<(), String> {
    if is_forced {
        return Ok(());
    }
    for nic in nics.iter().filter(|nic| nic.handed_over().is_some()) {
        let carrier = nic.pci.as_ref().and_then(|device| carried::by(carriers, device));
        if let Some(Carrier { interface, carried }) = carrier {
            return Err(format!(
                "the {} NIC {} is {interface}, which carries {carried}: DPDK takes the NIC from \
                 the kernel with all that is on it, and whoever reaches this machine through it \
                 is cut off. Choose another NIC; or take that off it first; or add --force, which \
                 gives the NIC to DPDK whatever it carries.",
                nic.side, nic.device
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use host::testing::Tree;

    use super::*;

    fn tree() -> Tree {
        let tree = Tree::new();
        tree.nic("0000:03:00.0", Some("i40e"), Some("eth0"));
        tree.nic("0000:03:00.1", Some("mlx5_core"), Some("eth1"));
        tree.file("/sys/class/net/eth1/address", "02:00:00:00:00:0A\n").interface("veth0");
        tree
    }

    fn public(tree: &Tree, text: &str) -> Result<Nic, String> {
        find(&tree.host(), Side::Public, text)
    }

    #[test]
    fn a_nic_is_found_by_address_name_and_mac() {
        let tree = tree();
        let device = |text: &str| public(&tree, text).unwrap().device.to_string();
        assert_eq!(device("03:00.0"), "0000:03:00.0");
        assert_eq!(device("eth0"), "0000:03:00.0");
        assert_eq!(device("02:00:00:00:00:0a"), "0000:03:00.1");
        assert_eq!(device("veth0"), "net_af_packet0,iface=veth0");
        assert_eq!(device("net_tap0"), "net_tap0");
        assert_eq!(public(&tree, "eth1").unwrap().handed_over(), None, "mlx5 stays");
        let said = public(&tree, "eth7").unwrap_err();
        assert!(said.contains("no NIC is called eth7"), "{said}");
        assert!(said.contains("0000:03:00.0 eth0 02:00:00:00:00:01 (i40e, NUMA node 0)"), "{said}");
        assert!(public(&tree, "0000:09:00.0").unwrap_err().contains("there is no PCI device"));
    }

    #[test]
    fn an_image_takes_an_address_as_it_is() {
        let tree = Tree::new();
        let nic = public(&tree, "0000:03:00.0").unwrap();
        assert_eq!(nic.handed_over(), pci::parse("0000:03:00.0"));
    }

    #[test]
    fn the_members_of_a_bond_are_not_told_apart_by_their_mac() {
        let tree = tree();
        tree.file("/sys/class/net/eth1/address", "02:00:00:00:00:01\n").interface("bond0");
        let said = public(&tree, "02:00:00:00:00:01").unwrap_err();
        assert!(said.contains("2 NICs (0000:03:00.0, 0000:03:00.1)"), "{said}");
        assert_eq!(public(&tree, "eth1").unwrap().device.to_string(), "0000:03:00.1");
    }

    #[test]
    fn nics_that_carry_something_are_refused() {
        let tree = tree();
        let host = tree.host();
        let pair = ["eth0", "eth1"].map(|name| public(&tree, name).unwrap());
        let guard = |is_forced| super::guard(&pair, &carried::all(&host), is_forced);
        assert_eq!(guard(false), Ok(()));
        // A VLAN over the NIC has an address, of which no route of the main table knows.
        tree.interface("eth0.5").link("/sys/devices/virtual/net/eth0.5/lower_eth0", "../eth0");
        let line = "20010db8000000000000000000000002 02 40 00 80   eth0.5\n";
        tree.file("/proc/net/if_inet6", line);
        let said = guard(false).unwrap_err();
        assert!(said.contains("eth0, which carries the address 2001:db8::2 of eth0.5"), "{said}");
        assert!(said.contains("--force, which gives the NIC to DPDK"), "{said}");
        assert_eq!(guard(true), Ok(()));
        // Somebody is logged in through it.
        let own = "SSH_CONNECTION=2001:db8::9 50000 2001:db8::2 2222\0";
        tree.file("/proc/self/environ", own);
        let said = guard(false).unwrap_err();
        assert!(said.contains("eth0, which carries the SSH session from 2001:db8::9"), "{said}");
        tree.remove("/proc/self/environ").remove("/proc/net/if_inet6");
        assert_eq!(guard(false), Ok(()));
        tree.file("/proc/net/route", "head\neth0 00000000 010200C0 3 0 0 0 00000000\n");
        assert!(guard(false).unwrap_err().contains("the default route"));
        assert!(list(&host).contains("carries the default route"), "{}", list(&host));
        // What stays with the kernel loses nothing.
        tree.file("/proc/net/route", "head\neth1 00000000 010200C0 3 0 0 0 00000000\n");
        assert_eq!(guard(false), Ok(()));
    }
}
