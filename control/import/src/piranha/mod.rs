//! lvs.cf of Piranha: `key = value`, and blocks of virtual and real servers.

mod lines;
mod server;

use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Listen, Protocol, Scheduler};

use self::lines::{Line, lines};
use crate::keepalived::{is_name, prefix_of_mask};
use crate::model::{Address, Model, Server, Service, quote, time};
use crate::ports::Ports;
use crate::report::{At, Outcome, Report};
use crate::suggestion;

const GLOBAL: &[(&str, Outcome, &str)] = &[
    ("serial_no", Outcome::Unneeded, "tandem config list numbers the versions"),
    ("primary_shared", Outcome::Unneeded, "heartbeats take the paths of both NICs"),
    ("backup_shared", Outcome::Unneeded, "heartbeats take the paths of both NICs"),
    ("backup_active", Outcome::Taken, ""),
    ("heartbeat", Outcome::Unneeded, "a machine with [peer] always has heartbeats"),
    ("heartbeat_port", Outcome::Unneeded, "heartbeats take port 7405"),
    ("keepalive", Outcome::Otherwise, TIMERS),
    ("deadtime", Outcome::Otherwise, TIMERS),
    ("debug_level", Outcome::Unneeded, "node.log says how much is logged"),
    ("rsh_command", Outcome::Unneeded, "a load_monitor is an agent on the server in Tandem"),
    ("sync", Outcome::Taken, ""),
    ("syncdaemon", Outcome::Taken, ""),
    ("syncd_iface", Outcome::Unneeded, "connections are synchronized over the paths of [peer]"),
    ("syncd_id", Outcome::Unneeded, "connections are synchronized over the paths of [peer]"),
    ("monitor_links", Outcome::Taken, ""),
    (
        "hard_shutdown",
        Outcome::Unneeded,
        "a machine whose links are down is not fit, and hands over",
    ),
    ("active_cmd", Outcome::NotTaken, SCRIPT),
    ("inactive_cmd", Outcome::NotTaken, SCRIPT),
    (
        "reservation_conflict_action",
        Outcome::Unneeded,
        "the higher term of two active machines wins",
    ),
    ("reservation_conflict_act", Outcome::Unneeded, "the higher term of two active machines wins"),
    ("ipvsadm", Outcome::Unneeded, "Tandem needs no ipvsadm"),
    ("probe", Outcome::Unneeded, "both NICs and their next hops are always watched"),
    ("service", Outcome::Taken, ""),
];

const SPECIAL: &[&str] = &[
    "primary",
    "primary_private",
    "backup",
    "backup_private",
    "network",
    "nat_router",
    "nat_nmask",
    "tcp_timeout",
    "tcpfin_timeout",
    "udp_timeout",
    "virtual",
    "failover",
];

const VIRTUAL: &[&str] = &[
    "active",
    "address",
    "vip_nmask",
    "fwmark",
    "port",
    "protocol",
    "scheduler",
    "persistent",
    "pmask",
    "client_monitor",
    "send",
    "send_program",
    "expect",
    "use_regex",
    "timeout",
    "reentry",
    "load_monitor",
    "quiesce_server",
    "sorry_server",
    "start_cmd",
    "stop_cmd",
    "server",
];

const SERVER: &[&str] = &["address", "active", "weight", "port"];

const TIMERS: &str = "Tandem's heartbeats come every 20 ms, and 150 ms of silence on every path are enough \
                      (peer.interval, peer.dead)";
const SCRIPT: &str =
    "Tandem runs no script at changes; what the script does has to be done otherwise";

/// Reads a file into the model.
pub(crate) fn read(text: &str, file: u32, model: &mut Model, report: &mut Report, ports: &Ports) {
    let lines = lines(text, file, report);
    let mut reader = Reader { model, report, ports, router: None, mask: None };
    for line in &lines {
        reader.global(line);
    }
    reader.finish();
}

struct Reader<'r> {
    model: &'r mut Model,
    report: &'r mut Report,
    ports: &'r Ports,
    router: Option<Address>,
    mask: Option<u8>,
}

impl Reader<'_> {
    fn say(&mut self, line: &Line, outcome: Outcome, words: impl Into<String>) {
        self.report.add(line.at, line.text(), outcome, words);
    }

    fn taken(&mut self, line: &Line) {
        self.say(line, Outcome::Taken, "");
    }

    fn unknown(&mut self, line: &Line, known: &[&'static str]) {
        let words = suggestion::unknown("key of lvs.cf here", &line.key, known.iter().copied());
        self.say(line, Outcome::NotUnderstood, words);
        for inside in line.block.iter().flatten() {
            self.unknown(inside, &[]);
        }
    }

    fn wrong(&mut self, line: &Line, words: &str) {
        self.say(line, Outcome::NotUnderstood, words);
    }

    fn global(&mut self, line: &Line) {
        let address = line.value.parse::<Ipv4Addr>();
        match line.key.as_str() {
            "primary" | "primary_private" => match address {
                Ok(address) => {
                    self.taken(line);
                    let (at, prefix, device) = (line.at, None, None);
                    self.model.machine.real.push(Address { at, address, prefix, device });
                }
                Err(_) => self.wrong(line, "write an address, as in primary = 198.51.100.2"),
            },
            "backup" | "backup_private" => match address {
                Ok(address) => {
                    self.taken(line);
                    self.model.machine.pair.get_or_insert(line.at);
                    self.model.machine.paths.push(At { value: (None, address), at: line.at });
                }
                Err(_) if line.value.is_empty() || line.value == "0.0.0.0" => self.taken(line),
                Err(_) => self.wrong(line, "write an address, as in backup = 198.51.100.3"),
            },
            "network" if line.value == "nat" => self.taken(line),
            "network" => {
                let words = "Tandem forwards by NAT alone: change the servers (default route to the \
                             gateway address, no virtual IP on lo, no tunnel), write network = nat, and \
                             look at each service below";
                self.say(line, Outcome::NotTaken, words);
            }
            "nat_router" => self.nat_router(line),
            "nat_nmask" => match address.ok().and_then(prefix_of_mask) {
                Some(prefix) => {
                    self.taken(line);
                    self.mask = Some(prefix);
                }
                None => self.wrong(line, "write a mask, as in nat_nmask = 255.255.255.0"),
            },
            "tcp_timeout" | "tcpfin_timeout" | "udp_timeout" => self.timeout(line),
            "service" if line.value == "fos" => {
                self.say(line, Outcome::NotTaken, "failover services alone are no load balancing");
            }
            "virtual" => self.virtual_server(line),
            "failover" => {
                let words = "a failover service runs on the router itself, and Tandem serves nothing itself";
                self.say(line, Outcome::NotTaken, words);
                for inside in line.block.iter().flatten() {
                    self.say(inside, Outcome::NotTaken, words);
                }
            }
            key => match GLOBAL.iter().find(|(known, ..)| *known == key) {
                Some((_, outcome, words)) => self.say(line, *outcome, *words),
                None => {
                    let known: Vec<&str> = GLOBAL
                        .iter()
                        .map(|(name, ..)| *name)
                        .chain(SPECIAL.iter().copied())
                        .collect();
                    self.unknown(line, &known);
                }
            },
        }
    }

    fn nat_router(&mut self, line: &Line) {
        match socket(&line.value) {
            Some((address, device)) => {
                self.taken(line);
                self.router = Some(Address { at: line.at, address, prefix: None, device });
            }
            None => self
                .wrong(line, "write address and interface, as in nat_router = \"10.0.0.1 eth1\""),
        }
    }

    fn timeout(&mut self, line: &Line) {
        let key = match line.key.as_str() {
            "tcp_timeout" => "established",
            "tcpfin_timeout" => "fin_wait",
            _ => "udp",
        };
        match line.value.parse::<u64>() {
            Ok(0) => self.taken(line),
            Ok(seconds @ 1..=604_800) => {
                self.taken(line);
                let value = (key, time(Duration::from_secs(seconds)));
                self.model.timeouts.push(At { value, at: line.at });
            }
            _ => self.wrong(line, "write seconds, up to 604800"),
        }
    }

    fn finish(&mut self) {
        if let Some(mut router) = self.router.take() {
            router.prefix = self.mask.or(router.prefix);
            self.model.machine.gateways.push(router.address);
            self.model.machine.floating.push(router);
        }
        self.report.note(
            "Piranha's lvs.cf has no masquerading: what private hosts may open to the public side is in \
             the firewall's rules (--iptables-save FILE).",
        );
    }

    fn virtual_server(&mut self, line: &Line) {
        let inside = line.block.as_deref().unwrap_or_default();
        let get = |key: &str| inside.iter().rev().find(|one| one.key == key);
        let value = |key: &str| get(key).map(|one| one.value.as_str());
        let mut service = Service::new(line.at, line.text());
        service.name = is_name(&line.value).then(|| line.value.clone());
        service.is_off = !get("active").is_none_or(Line::is_on);
        let first_entry = self.report.len();
        for one in inside {
            match one.key.as_str() {
                "fwmark" | "port" | "protocol" | "address" => {}
                "server" => {}
                "active" if !one.is_on() => {
                    let words = "the service is off; it is written as a comment";
                    self.say(one, Outcome::Otherwise, words);
                }
                "client_monitor" | "reentry" => {
                    let words =
                        "a server comes back after rise successes, and servers need no client";
                    self.say(one, Outcome::Unneeded, words);
                }
                "load_monitor" if one.value == "none" || one.value.is_empty() => self.taken(one),
                "load_monitor" => {
                    let words = "weights by load come from an agent on each server (service.agent); \
                                 weights stay as they are written";
                    self.say(one, Outcome::NotTaken, words);
                }
                "quiesce_server" => {
                    let words = "connections of a server that is down always go on (on_down)";
                    self.say(one, Outcome::Unneeded, words);
                }
                "start_cmd" | "stop_cmd" => self.say(one, Outcome::NotTaken, SCRIPT),
                "sorry_server" if one.value.is_empty() || one.value == "0" => self.taken(one),
                key if VIRTUAL.contains(&key) => self.taken(one),
                _ => self.unknown(one, VIRTUAL),
            }
        }
        let port_line = get("port");
        let port = match port_line {
            None => Some(80),
            Some(one) => self.port(one),
        };
        service.protocols = vec![match value("protocol") {
            None | Some("tcp") => Protocol::Tcp,
            Some("udp") => Protocol::Udp,
            Some(_) => {
                if let Some(one) = get("protocol") {
                    self.wrong(one, "write tcp or udp");
                }
                Protocol::Tcp
            }
        }];
        for key in ["port", "protocol"] {
            if let Some(one) = get(key).filter(|one| !self.report.tells_of(one.at)) {
                self.taken(one);
            }
        }
        let refused = if value("fwmark").is_some_and(|mark| mark != "0" && !mark.is_empty()) {
            Some(
                "a firewall mark joins several ports, as for FTP; write a service that listens on them",
            )
        } else if get("address").is_none() {
            Some("it has no address")
        } else if port.is_none() {
            Some("its port is none")
        } else {
            None
        };
        let address = get("address").and_then(|one| {
            let found = socket(&one.value);
            match found {
                Some(_) => self.taken(one),
                None => self.wrong(
                    one,
                    "write address and interface, as in address = \"198.51.100.10 eth0:1\"",
                ),
            }
            found
        });
        let (Some((vip, device)), Some(port), None) = (address, port, refused) else {
            self.mark_servers(inside, "it is in a virtual server that was not taken over");
            let words = format!(
                "it is in the virtual server of line {}, which was not taken over",
                line.at.line
            );
            self.report.refuse_block(first_entry, line.at, &words);
            return self.say(line, Outcome::NotTaken, refused.unwrap_or("its address is none"));
        };
        self.taken(line);
        let mask = value("vip_nmask").and_then(|mask| mask.parse().ok()).and_then(prefix_of_mask);
        self.model.machine.floating.push(Address {
            at: line.at,
            address: vip,
            prefix: mask,
            device,
        });
        let listen = Listen { address: vip, first: port, last: port };
        service.listens = vec![At { value: listen, at: line.at }];
        self.options(inside, &mut service);
        let checks = self.checks(inside, &service);
        for one in inside.iter().filter(|one| one.key == "server") {
            if let Some(server) = self.server(one, port, &checks) {
                service.servers.push(server);
            }
        }
        if let Some(one) = get("sorry_server").filter(|one| !matches!(one.value.as_str(), "" | "0"))
        {
            match one.value.split([':', ' ']).next().unwrap_or_default().parse::<Ipv4Addr>() {
                Ok(address) if !address.is_loopback() => {
                    service.sorry.push(Server::new(one.at, SocketAddrV4::new(address, port)));
                }
                _ => {
                    let words = "Tandem serves nothing itself; put the sorry server on a machine of the \
                                 private network";
                    self.say(one, Outcome::NotTaken, words);
                }
            }
        }
        self.model.services.push(service);
    }

    fn mark_servers(&mut self, inside: &[Line], words: &str) {
        for one in inside.iter().filter(|one| one.block.is_none()) {
            if !self.report.tells_of(one.at) {
                self.say(one, Outcome::NotTaken, words);
            }
        }
        for one in inside.iter().filter(|one| one.block.is_some()) {
            self.say(one, Outcome::NotTaken, words);
            for line in one.block.iter().flatten() {
                self.say(line, Outcome::NotTaken, words);
            }
        }
    }

    fn port(&mut self, line: &Line) -> Option<u16> {
        match self.ports.read(&line.value).filter(|(port, _)| *port > 0) {
            Some((port, is_name)) => {
                if is_name {
                    self.say(line, Outcome::Otherwise, format!("{} is port {port}", line.value));
                }
                Some(port)
            }
            None => {
                let words = suggestion::unknown("port", &line.value, self.ports.names());
                self.say(line, Outcome::NotUnderstood, words);
                None
            }
        }
    }

    fn options(&mut self, inside: &[Line], service: &mut Service) {
        let get = |key: &str| inside.iter().rev().find(|one| one.key == key);
        match get("scheduler") {
            Some(one) if matches!(one.value.as_str(), "lblc" | "lblcr") => {
                service.set("scheduler", "\"mh\"", one.at);
                let words = "Tandem has no such scheduler: \"mh\" is written, by which a client always \
                             finds the same server; docs/schedulers.md has others";
                self.say(one, Outcome::NotTaken, words);
            }
            // "pcc" of the first versions is persistence.
            Some(one) if Scheduler::ACCEPTED.iter().any(|(name, _)| *name == one.value) => {
                service.set("scheduler", quote(&one.value), one.at);
            }
            Some(one) => {
                let names = Scheduler::ACCEPTED.iter().map(|(name, _)| *name);
                let words = suggestion::unknown("scheduler", &one.value, names);
                self.say(one, Outcome::NotUnderstood, words);
            }
            None => {}
        }
        let Some(persistent) = get("persistent") else { return };
        match persistent.value.parse::<u64>() {
            Ok(0) => {}
            Ok(seconds @ 1..=2_678_400) => {
                let mask =
                    get("pmask").and_then(|one| one.value.parse().ok()).and_then(prefix_of_mask);
                let prefix = mask.filter(|prefix| (1..32).contains(prefix));
                let prefix = prefix.map_or(String::new(), |prefix| format!(", prefix = {prefix}"));
                service.set(
                    "persist",
                    format!("{{ timeout = \"{seconds}s\"{prefix} }}"),
                    persistent.at,
                );
            }
            _ => self.wrong(persistent, "write seconds, up to 31 days"),
        }
    }
}

/// An address with its interface, without the number of an alias.
fn socket(text: &str) -> Option<(Ipv4Addr, Option<String>)> {
    let mut words = text.split_whitespace();
    let address = words.next()?.parse().ok()?;
    let device = words.next().map(|device| device.split(':').next().unwrap_or_default().to_owned());
    Some((address, device.filter(|device| !device.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_its_interface() {
        let address = Ipv4Addr::new(10, 0, 0, 1);
        assert_eq!(socket("10.0.0.1 eth0:1"), Some((address, Some("eth0".to_owned()))));
        assert_eq!(socket("10.0.0.1"), Some((address, None)));
    }
}
