//! What the old configurations say, whatever their format: services, and the machine.

use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Cidr, Listen, Protocol};

use crate::report::{At, Place};

/// Everything that was read.
#[derive(Clone, Default, Debug)]
pub(crate) struct Model {
    pub(crate) services: Vec<Service>,
    pub(crate) machine: Machine,
    pub(crate) masquerades: Vec<Masquerade>,
    /// Keys of `[timeouts.service]` with their values.
    pub(crate) timeouts: Vec<At<(&'static str, String)>>,
}

impl Model {
    /// Adds what another file says.
    pub(crate) fn add(&mut self, other: Model) {
        self.services.extend(other.services);
        self.masquerades.extend(other.masquerades);
        for timeout in other.timeouts {
            self.timeouts.retain(|known| known.value.0 != timeout.value.0);
            self.timeouts.push(timeout);
        }
        let machine = other.machine;
        self.machine.name = self.machine.name.take().or(machine.name);
        self.machine.floating.extend(machine.floating);
        self.machine.real.extend(machine.real);
        self.machine.devices.extend(machine.devices);
        self.machine.gateways.extend(machine.gateways);
        self.machine.routes.extend(machine.routes);
        self.machine.paths.extend(machine.paths);
        self.machine.pair = self.machine.pair.or(machine.pair);
        self.machine.priority = self.machine.priority.take().or(machine.priority);
        self.machine.preempt = self.machine.preempt.take().or(machine.preempt);
        self.machine.macs.extend(machine.macs);
    }

    /// A server of it is checked.
    pub(crate) fn has_checks(&self) -> bool {
        self.services.iter().flat_map(|service| &service.servers).any(|one| !one.checks.is_empty())
    }
}

/// A service.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) at: Place,
    /// What the old file calls it.
    pub(crate) what: String,
    /// A name that the old file gives it.
    pub(crate) name: Option<String>,
    /// Where it listens. A whole range of ports stands for all ports that no other service has.
    pub(crate) listens: Vec<At<Listen>>,
    pub(crate) protocols: Vec<Protocol>,
    /// Keys of the service with their values in TOML.
    pub(crate) keys: Vec<At<(&'static str, String)>>,
    pub(crate) servers: Vec<Server>,
    pub(crate) sorry: Vec<Server>,
    /// Servers and whole services that are switched off, which are written as comments.
    pub(crate) is_off: bool,
}

impl Service {
    pub(crate) fn new(at: Place, what: impl Into<String>) -> Self {
        Service {
            at,
            what: what.into(),
            name: None,
            listens: Vec::new(),
            protocols: Vec::new(),
            keys: Vec::new(),
            servers: Vec::new(),
            sorry: Vec::new(),
            is_off: false,
        }
    }

    /// Sets a key; a later one counts.
    pub(crate) fn set(&mut self, key: &'static str, value: impl Into<String>, at: Place) {
        self.keys.retain(|known| known.value.0 != key);
        self.keys.push(At { value: (key, value.into()), at });
    }
}

/// A real server, or a sorry server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) at: Place,
    /// Port 0 stands for the port that the client asks for.
    pub(crate) address: SocketAddrV4,
    pub(crate) weight: u32,
    /// Further keys with their values in TOML: `max_connections` and `resume_below`.
    pub(crate) keys: Vec<(&'static str, String)>,
    pub(crate) checks: Vec<Check>,
    pub(crate) is_off: bool,
}

impl Server {
    pub(crate) fn new(at: Place, address: SocketAddrV4) -> Self {
        let (weight, keys, checks) = (1, Vec::new(), Vec::new());
        Server { at, address, weight, keys, checks, is_off: false }
    }
}

/// A check, as the keys of its table with their values in TOML.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Check {
    /// Where it is written; not part of what it is.
    pub(crate) at: Place,
    pub(crate) keys: Vec<(&'static str, String)>,
}

impl Check {
    pub(crate) fn new(kind: &str, at: Place) -> Self {
        Check { at, keys: vec![("kind", quote(kind))] }
    }

    /// Sets a key; a later one counts.
    pub(crate) fn set(&mut self, key: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => self.keys.push((key, value)),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }

    /// It asks a port.
    pub(crate) fn needs_port(&self) -> bool {
        let kind = self.get("kind").unwrap_or_default();
        !["\"ping\"", "\"exec\"", "\"file\""].contains(&kind)
    }

    /// As an inline table.
    pub(crate) fn toml(&self) -> String {
        let keys: Vec<String> =
            self.keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        format!("{{ {} }}", keys.join(", "))
    }
}

/// The machine: its interfaces' addresses, and the other machine of the pair.
#[derive(Clone, Default, Debug)]
pub(crate) struct Machine {
    pub(crate) name: Option<At<String>>,
    /// Addresses that move with the role.
    pub(crate) floating: Vec<Address>,
    /// Addresses of this machine.
    pub(crate) real: Vec<Address>,
    /// Interfaces that are named without an address.
    pub(crate) devices: Vec<At<String>>,
    /// The gateway address is one of these, whatever interface it is on.
    pub(crate) gateways: Vec<Ipv4Addr>,
    pub(crate) routes: Vec<Route>,
    /// Addresses of this machine and of the other one, on the same network.
    pub(crate) paths: Vec<At<(Option<Ipv4Addr>, Ipv4Addr)>>,
    /// There is another machine.
    pub(crate) pair: Option<Place>,
    pub(crate) priority: Option<At<u8>>,
    pub(crate) preempt: Option<At<Duration>>,
    /// Virtual Ethernet addresses, each of an interface.
    pub(crate) macs: Vec<At<(String, String)>>,
}

/// An address on an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    pub(crate) at: Place,
    pub(crate) address: Ipv4Addr,
    /// The length of its network's prefix, where it is known.
    pub(crate) prefix: Option<u8>,
    pub(crate) device: Option<String>,
}

impl Address {
    /// Its network, where it is known and has more than one address.
    pub(crate) fn network(&self) -> Option<Cidr<Ipv4Addr>> {
        let prefix = self.prefix.filter(|prefix| (1..=30).contains(prefix))?;
        Some(Cidr { address: self.address, prefix }.network())
    }
}

/// A route; one without a destination is the default route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) at: Place,
    pub(crate) to: Option<Cidr<Ipv4Addr>>,
    pub(crate) via: Ipv4Addr,
    pub(crate) text: String,
}

/// A rule of source NAT.
#[derive(Clone, Debug)]
pub(crate) struct Masquerade {
    pub(crate) at: Place,
    pub(crate) source: Cidr<Ipv4Addr>,
    /// None: the address of the interface.
    pub(crate) address: Option<Ipv4Addr>,
}

/// A string of TOML.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A time as the configuration writes it, rounded down to a millisecond.
pub(crate) fn time(time: Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds % 1000 == 0 {
        format!("\"{}s\"", milliseconds / 1000)
    } else {
        format!("\"{milliseconds}ms\"")
    }
}

/// Every port.
pub(crate) fn all_ports(address: Ipv4Addr) -> Listen {
    Listen { address, first: 1, last: u16::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted() {
        assert_eq!(quote("a\"b\\c\td\u{1}é"), "\"a\\\"b\\\\c\\td\\u0001é\"");
        assert_eq!(time(Duration::from_millis(1500)), "\"1500ms\"");
        assert_eq!(time(Duration::from_secs(6)), "\"6s\"");
    }
}
