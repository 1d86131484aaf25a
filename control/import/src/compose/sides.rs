//! What is public and what is private: interfaces, addresses, gateways and routes.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use config::Cidr;

use super::Known;
use super::document::{Floating, Masquerade, Plan, Route, Side};
use crate::model::Model;
use crate::report::{FillIn, Outcome, Place, Report};

/// What is found out of both sides.
pub(super) struct Finder<'f> {
    pub(super) model: &'f Model,
    pub(super) known: &'f Known,
    fill_in: &'f mut Vec<FillIn>,
    report: &'f mut Report,
    pub(super) vips: Vec<Ipv4Addr>,
    pub(super) servers: Vec<Ipv4Addr>,
    /// Addresses that somebody has.
    pub(super) used: HashSet<Ipv4Addr>,
}

pub(super) const PUBLIC: usize = 0;
pub(super) const PRIVATE: usize = 1;
const NAMES: [&str; 2] = ["public", "private"];

pub(super) fn find(
    model: &Model,
    known: &Known,
    fill_in: &mut Vec<FillIn>,
    report: &mut Report,
) -> Plan {
    let on = || model.services.iter().filter(|service| !service.is_off);
    let mut seen = HashSet::new();
    let listens = on().flat_map(|service| &service.listens).map(|listen| listen.value.address);
    let ordinary = |address: &Ipv4Addr| wire::ipv4::is_forwardable(*address);
    let vips: Vec<Ipv4Addr> =
        listens.filter(ordinary).filter(|address| seen.insert(*address)).collect();
    let mut seen = HashSet::new();
    let servers = on().flat_map(|service| service.servers.iter().chain(&service.sorry));
    let servers = servers.map(|server| *server.address.ip());
    let servers: Vec<Ipv4Addr> =
        servers.filter(ordinary).filter(|address| seen.insert(*address)).collect();
    let machine = &model.machine;
    let mut used: HashSet<Ipv4Addr> = vips.iter().chain(&servers).copied().collect();
    used.extend(machine.floating.iter().chain(&machine.real).map(|one| one.address));
    used.extend(machine.paths.iter().map(|path| path.value.1));
    used.extend(machine.routes.iter().map(|route| route.via));
    let finder = Finder { model, known, fill_in, report, vips, servers, used };
    finder.find()
}

impl Finder<'_> {
    fn find(mut self) -> Plan {
        let name = self.name();
        let workers = match &self.known.workers {
            Some(workers) => workers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            None => {
                self.missing("node.workers", "[1]", "the cores that forward; lscpu -e lists them");
                "1".to_owned()
            }
        };
        let devices = self.devices();
        let networks = self.networks(&devices);
        let found = self.resolve(networks);
        let mut sides = [PUBLIC, PRIVATE].map(|side| {
            let is_known = networks[side].is_some();
            self.side(side, &devices, found[side], is_known)
        });
        self.floating(&mut sides, &devices);
        self.routes(&mut sides);
        self.macs(&mut sides, &devices);
        let masquerades = self.masquerades(&mut sides);
        let [public, private] = sides;
        Plan { name, workers, sides: [public, private], masquerades, ..Plan::default() }
    }

    fn missing(&mut self, key: &str, value: &str, words: impl Into<String>) {
        let (key, value, words) = (key.to_owned(), value.to_owned(), words.into());
        self.fill_in.push(FillIn { key, value, words });
    }

    fn name(&mut self) -> String {
        let old = self.model.machine.name.as_ref().map(|name| name.value.clone());
        if let Some(name) = self.known.name.clone().or(old) {
            return name;
        }
        self.missing("node.name", "tandem-a", "this machine's name, unique in the pair");
        "tandem-a".to_owned()
    }

    fn side(
        &mut self,
        side: usize,
        devices: &[Option<String>; 2],
        network: Cidr<Ipv4Addr>,
        is_known: bool,
    ) -> Side {
        let name = NAMES[side];
        let (port, address) = match side {
            PUBLIC => (self.known.public_port.clone(), self.known.public_address),
            _ => (self.known.private_port.clone(), self.known.private_address),
        };
        let port = port.unwrap_or_else(|| self.port(side, devices[side].as_deref()));
        let address =
            address.unwrap_or_else(|| self.real(name, network, is_known, devices[side].as_ref()));
        Side { port, address, ..Side::default() }
    }

    fn port(&mut self, side: usize, device: Option<&str>) -> String {
        let key = format!("{}.port", NAMES[side]);
        let towards = if side == PUBLIC { "clients" } else { "the real servers" };
        match device.filter(|device| is_interface(device)) {
            Some(device) => {
                let port = format!("net_af_packet{side},iface={device}");
                let words = format!(
                    "the NIC towards {towards}: {device} over the kernel works, and is slow; write its PCI \
                     address, which tells: basename $(readlink /sys/class/net/{device}/device)"
                );
                self.missing(&key, &format!("\"{port}\""), words);
                port
            }
            None => {
                let port = format!("0000:00:00.{side}");
                let words =
                    format!("the NIC towards {towards}; dpdk-devbind.py --status lists them");
                self.missing(&key, &format!("\"{port}\""), words);
                port
            }
        }
    }

    /// The machine's own address in a network.
    fn real(
        &mut self,
        name: &str,
        network: Cidr<Ipv4Addr>,
        is_known: bool,
        device: Option<&String>,
    ) -> Cidr<Ipv4Addr> {
        let real = self.model.machine.real.iter();
        let own = real
            .filter(|one| network.contains(one.address))
            .find(|one| one.device.is_none() || device.is_none() || one.device.as_ref() == device);
        let key = format!("{name}.address");
        if let Some(own) = own {
            let address = Cidr { address: own.address, prefix: network.prefix };
            if !is_known {
                let words = "its own address is in the old file, the length of the network's prefix is not; \
                             ip address shows it";
                self.missing(&key, &format!("\"{address}\""), words);
            }
            return address;
        }
        let address = Cidr { address: self.unused(network), prefix: network.prefix };
        let words = "this machine's own address there, which never moves; ip address shows it. This one is \
                     made up";
        self.missing(&key, &format!("\"{address}\""), words);
        address
    }

    fn floating(&mut self, sides: &mut [Side; 2], devices: &[Option<String>; 2]) {
        let mut seen = HashSet::new();
        let vips: HashSet<Ipv4Addr> = self.vips.iter().copied().collect();
        let model = self.model;
        for one in &model.machine.floating {
            let text = format!("address {}", one.address);
            if !seen.insert(one.address) {
                continue;
            }
            let of_network = |side: usize| sides[side].address.contains(one.address);
            let of_device = |side: usize| one.device.is_some() && one.device == devices[side];
            let side = if vips.contains(&one.address) {
                PUBLIC
            } else if model.machine.gateways.contains(&one.address) || of_network(PRIVATE) {
                PRIVATE
            } else if of_network(PUBLIC) || of_device(PUBLIC) {
                PUBLIC
            } else if of_device(PRIVATE) {
                PRIVATE
            } else {
                let words = "it is on neither of Tandem's two sides: another interface, or none that could \
                             be told; a third network takes a router of its own";
                self.report.add(one.at, text, Outcome::NotTaken, words);
                continue;
            };
            if one.address == sides[side].address.address {
                let words =
                    "it is the machine's own address too, which never moves; use another one";
                self.report.add(one.at, text, Outcome::NotTaken, words);
                continue;
            }
            self.add_floating(&mut sides[side], one.address, one.at);
        }
        let mut missing = Vec::new();
        for vip in &self.vips {
            if seen.insert(*vip) && *vip != sides[PUBLIC].address.address {
                missing.push(*vip);
            }
        }
        let places: HashMap<Ipv4Addr, Place> = model
            .services
            .iter()
            .rev()
            .flat_map(|service| &service.listens)
            .map(|listen| (listen.value.address, listen.at))
            .collect();
        for vip in missing {
            let Some(at) = places.get(&vip).copied() else { continue };
            self.add_floating(&mut sides[PUBLIC], vip, at);
            if self.model.machine.pair.is_some() {
                let words = "no instance has this address, and something else gave it to the machine; here \
                             it is a floating address, which moves with the role";
                self.report.add(at, format!("address {vip}"), Outcome::Otherwise, words);
            }
        }
        if sides[PRIVATE].floating.is_empty() {
            let address = self.unused(sides[PRIVATE].address);
            let at = Place { file: 0, line: 0 };
            self.add_floating(&mut sides[PRIVATE], address, at);
            let prefix = sides[PRIVATE].address.prefix;
            let words = "the gateway address: the real servers' default route, which moves with the role. \
                         This one is made up";
            self.missing("private.floating", &format!("[\"{address}/{prefix}\"]"), words);
        }
    }

    fn add_floating(&mut self, side: &mut Side, address: Ipv4Addr, at: Place) {
        // The first and the last address of a network are ordinary ones by themselves.
        let is_inside = side.address.contains(address)
            && Cidr { address, prefix: side.address.prefix }.is_host();
        let prefix = if is_inside { side.address.prefix } else { 32 };
        side.floating.push(Floating { at, address: Cidr { address, prefix } });
    }

    fn routes(&mut self, sides: &mut [Side; 2]) {
        sides[PUBLIC].gateway =
            self.known.public_gateway.map(|gateway| (gateway, Place { file: 0, line: 0 }));
        for route in &self.model.machine.routes {
            let on = (0..2).find(|side| sides[*side].address.contains(route.via));
            let side = on.and_then(|side| sides.get_mut(side));
            let Some(side) = side else {
                let words = "its next hop is on neither side";
                self.report.add(route.at, route.text.clone(), Outcome::NotTaken, words);
                continue;
            };
            match route.to {
                None if side.gateway.is_none() => side.gateway = Some((route.via, route.at)),
                None => {
                    let words = "the side has a default route already";
                    self.report.add(route.at, route.text.clone(), Outcome::Unneeded, words);
                    continue;
                }
                Some(to) if side.routes.iter().any(|known| known.to == to) => {
                    let words = "the side has a route there already";
                    self.report.add(route.at, route.text.clone(), Outcome::Unneeded, words);
                    continue;
                }
                Some(to) => side.routes.push(Route { at: route.at, to, via: route.via }),
            }
            self.report.add(route.at, route.text.clone(), Outcome::Taken, "");
        }
        if sides[PUBLIC].gateway.is_none() {
            let words = "the next hop towards clients, as ip route show default tells; without it only \
                         clients in the public network are answered";
            self.missing("public.gateway", "missing", words);
        }
    }

    fn macs(&mut self, sides: &mut [Side; 2], devices: &[Option<String>; 2]) {
        for mac in &self.model.machine.macs {
            let (device, address) = &mac.value;
            let side = devices.iter().position(|known| known.as_ref() == Some(device));
            match side.and_then(|side| sides.get_mut(side)) {
                Some(side) => side.virtual_mac = Some((address.clone(), mac.at)),
                None => {
                    let words = "its interface is on neither side";
                    self.report.add(
                        mac.at,
                        format!("use_vmac on {device}"),
                        Outcome::NotTaken,
                        words,
                    );
                }
            }
        }
    }

    fn masquerades(&mut self, sides: &mut [Side; 2]) -> Vec<Masquerade> {
        let mut rules = Vec::new();
        for one in &self.model.masquerades {
            let first = sides[PUBLIC].floating.first().map(|floating| floating.address.address);
            let address = match one.address {
                Some(address) => {
                    let known = &sides[PUBLIC].floating;
                    if !known.iter().any(|floating| floating.address.address == address) {
                        if address == sides[PUBLIC].address.address {
                            first
                        } else {
                            self.add_floating(&mut sides[PUBLIC], address, one.at);
                            Some(address)
                        }
                    } else {
                        Some(address)
                    }
                }
                None => first,
            };
            let text = format!("masquerade {}", one.source);
            let Some(address) = address else {
                let words =
                    "there is no floating address to masquerade as; add one to public.floating";
                self.report.add(one.at, text, Outcome::NotTaken, words);
                continue;
            };
            if one.address != Some(address) {
                let words = format!(
                    "private hosts leave under the floating address {address}, which moves with the role"
                );
                self.report.add(one.at, text, Outcome::Otherwise, words);
            }
            rules.push(Masquerade { at: one.at, source: one.source, address });
        }
        rules
    }
}

/// A name that an interface can have, and that no argument of a device ends at.
fn is_interface(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || b".-_@".contains(&c))
}
