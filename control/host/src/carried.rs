//! What interfaces carry that is lost when the kernel loses them.
//!
//! A session is known by the address of this machine that it was opened to, and the address by
//! the interface that has it: that holds for link-local addresses, VRFs and rules of routing
//! too. Routes to whoever is logged in are looked at besides. What nobody can know (a console
//! over IP, a port that is forwarded, a peer that has yet to come) is why an address on an
//! interface that is up counts by itself.

use core::fmt;
use std::net::IpAddr;

use crate::address::{self, Address};
use crate::pci::PciDevice;
use crate::ssh::{self, Session};
use crate::{Host, interface, route};

/// What an interface carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Carried {
    /// Somebody's session, by where they come from.
    Session(IpAddr),
    /// The way to everywhere else.
    DefaultRoute,
    /// An address by which this machine is reached.
    Address {
        /// The address.
        address: IpAddr,
        /// The interface that has it: the same, or one over it (a VLAN, a bond, a bridge).
        interface: String,
    },
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Carried::Session(remote) => write!(f, "the SSH session from {remote}"),
            Carried::DefaultRoute => f.write_str("the default route"),
            Carried::Address { address, interface } => {
                write!(f, "the address {address} of {interface}")
            }
        }
    }
}

/// An interface that is over no other one, and what it carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Carrier {
    /// The name of the interface.
    pub interface: String,
    /// What it carries.
    pub carried: Carried,
}

/// What the interfaces of the machine carry, the worst first.
#[must_use]
pub fn all(host: &Host) -> Vec<Carrier> {
    with(host, &address::all(host), &ssh::sessions(host))
}

/// The same of these addresses and sessions.
#[must_use]
pub fn with(host: &Host, addresses: &[Address], sessions: &[Session]) -> Vec<Carrier> {
    let routes = route::all(host);
    let of_sessions = sessions.iter().flat_map(|session| {
        let owners = addresses.iter().filter(|of| of.address == session.local);
        let owners = owners.map(|of| of.interface.as_str());
        let ways = route::interfaces_to(&routes, session.remote);
        owners.chain(ways).map(|name| (name, Carried::Session(session.remote))).collect::<Vec<_>>()
    });
    let defaults = route::defaults(&routes).map(|name| (name, Carried::DefaultRoute));
    let is_up = |name: &str| interface::named(host, name).is_none_or(|interface| interface.is_up);
    let of_addresses = addresses.iter().filter(|of| address::is_global(of.address));
    let of_addresses = of_addresses.filter(|of| is_up(&of.interface)).map(|of| {
        let carried = Carried::Address { address: of.address, interface: of.interface.clone() };
        (of.interface.as_str(), carried)
    });
    let all = of_sessions.chain(defaults).chain(of_addresses);
    let carriers = all.flat_map(|(name, carried)| {
        let bottom = interface::bottom(host, name).into_iter();
        bottom.map(move |interface| Carrier { interface, carried: carried.clone() })
    });
    carriers.collect()
}

/// The worst that a NIC carries.
#[must_use]
pub fn by<'c>(carriers: &'c [Carrier], nic: &PciDevice) -> Option<&'c Carrier> {
    carriers.iter().find(|carrier| nic.interfaces.contains(&carrier.interface))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci;
    use crate::testing::Tree;

    fn tree() -> Tree {
        let tree = Tree::new();
        tree.nic("0000:03:00.0", Some("i40e"), Some("eth0"));
        tree.nic("0000:03:00.1", Some("i40e"), Some("eth1"));
        tree
    }

    fn address(interface: &str, address: &str) -> Address {
        Address { interface: interface.to_owned(), address: address.parse().unwrap() }
    }

    fn session(local: &str, remote: &str) -> Session {
        Session { local: local.parse().unwrap(), remote: remote.parse().unwrap() }
    }

    /// What eth0's and eth1's NICs carry, in words.
    fn said(tree: &Tree, addresses: &[Address], sessions: &[Session]) -> [Option<String>; 2] {
        let host = tree.host();
        let carriers = with(&host, addresses, sessions);
        ["0000:03:00.0", "0000:03:00.1"].map(|nic| {
            let nic = pci::device(&host, pci::parse(nic).unwrap()).unwrap();
            by(&carriers, &nic).map(|carrier| carrier.carried.to_string())
        })
    }

    #[test]
    fn a_session_is_where_its_local_address_is() {
        let tree = tree();
        // The routes of the main table say nothing of it: a VRF, or a link-local address.
        let addresses = [address("eth0", "fe80::1"), address("eth1", "10.0.0.2")];
        let sessions = [session("fe80::1", "fe80::9")];
        let from = |remote: &str| Some(format!("the SSH session from {remote}"));
        assert_eq!(said(&tree, &addresses[..1], &sessions), [from("fe80::9"), None]);
        let sessions = [session("10.0.0.2", "192.0.2.7")];
        assert_eq!(said(&tree, &addresses, &sessions), [None, from("192.0.2.7")]);
    }

    #[test]
    fn all_ways_to_a_session_are_guarded() {
        let tree = tree();
        let route =
            |name: &str, metric: u32| format!("{name} 00000000 010200C0 3 0 0 {metric} 00000000\n");
        tree.file("/proc/net/route", &format!("h\n{}{}", route("eth0", 100), route("eth1", 200)));
        let sessions = [session("192.0.2.1", "192.0.2.7")];
        let expected = Some("the SSH session from 192.0.2.7".to_owned());
        assert_eq!(said(&tree, &[], &sessions), [expected.clone(), expected]);
        let expected = Some("the default route".to_owned());
        assert_eq!(said(&tree, &[], &[]), [expected.clone(), expected]);
    }

    #[test]
    fn an_address_counts_by_itself_where_its_interface_is_up() {
        let tree = tree();
        tree.interface("bond0.5").interface("bond0");
        tree.link("/sys/devices/virtual/net/bond0.5/lower_bond0", "../bond0");
        tree.link("/sys/devices/virtual/net/bond0/lower_eth1", "../eth1");
        let addresses = [
            address("bond0.5", "10.0.0.2"),
            address("eth0", "fe80::1"),
            address("eth0", "169.254.1.1"),
            address("lo", "127.0.0.1"),
        ];
        let expected = Some("the address 10.0.0.2 of bond0.5".to_owned());
        assert_eq!(said(&tree, &addresses, &[]), [None, expected]);
        tree.file("/sys/class/net/bond0.5/flags", "0x1002\n");
        assert_eq!(said(&tree, &addresses, &[]), [None, None]);
    }
}
