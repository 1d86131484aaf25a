//! What `ipvsadm-save` writes, and scripts of ipvsadm commands: one command a line.

mod command;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Listen, Protocol, Scheduler};

use self::command::{Command, OPTIONS};
use crate::keepalived::prefix_of_mask;
use crate::model::{Model, Server, Service, all_ports, quote, time};
use crate::ports::Ports;
use crate::report::{At, Outcome, Place, Report};
use crate::rules::Rules;
use crate::suggestion;

/// Reads all commands into the model.
pub(crate) fn read(
    text: &str,
    file: u32,
    model: &mut Model,
    report: &mut Report,
    ports: &Ports,
    rules: &Rules,
) {
    let mut reader = Reader { model, report, ports, rules, known: HashMap::new() };
    for (index, line) in text.lines().enumerate() {
        let at = Place { file, line: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            reader.line(line, at);
        }
    }
    reader.report.note(
        "ipvsadm knows services and servers alone: health checks, the other machine, interfaces and \
         timeouts are in other files.",
    );
}

struct Reader<'r> {
    model: &'r mut Model,
    report: &'r mut Report,
    ports: &'r Ports,
    rules: &'r Rules,
    /// Services by what their commands call them: where they are in the model, or nowhere.
    known: HashMap<String, Option<usize>>,
}

impl Reader<'_> {
    fn say(&mut self, line: &str, at: Place, outcome: Outcome, words: impl Into<String>) {
        self.report.add(at, line, outcome, words);
    }

    fn line(&mut self, line: &str, at: Place) {
        if line.contains('$') {
            let words =
                "variables of a shell are not known here; import what ipvsadm-save -n writes";
            return self.say(line, at, Outcome::NotUnderstood, words);
        }
        let command = match Command::read(line) {
            Ok(command) => command,
            Err(option) => {
                let names = OPTIONS.iter().map(|(_, name, _)| *name);
                let words =
                    suggestion::unknown("option of ipvsadm", option.trim_matches('-'), names);
                return self.say(line, at, Outcome::NotUnderstood, format!("{option}: {words}"));
            }
        };
        if command.has("add-service") || command.has("edit-service") {
            self.service(&command, line, at);
        } else if command.has("add-server") || command.has("edit-server") {
            self.server(&command, line, at);
        } else if command.has("set") {
            self.timeouts(&command, line, at);
        } else if command.has("start-daemon") || command.has("stop-daemon") {
            self.say(line, at, Outcome::Taken, "");
        } else if command.has("clear") || command.has("zero") {
            let words = "Tandem's table holds what its configuration says, and nothing else";
            self.say(line, at, Outcome::Unneeded, words);
        } else if command.has("delete-service") || command.has("delete-server") {
            let words = "what is taken out again has to be taken out of the result by hand";
            self.say(line, at, Outcome::NotTaken, words);
        } else {
            let words = "this is no command of ipvsadm that adds anything; take it out";
            self.say(line, at, Outcome::NotUnderstood, words);
        }
    }

    /// What a command calls its service.
    fn key(command: &Command<'_>) -> Option<(&'static str, String)> {
        let kinds = ["tcp-service", "udp-service", "sctp-service", "fwmark-service"];
        kinds.into_iter().find_map(|kind| Some((kind, command.get(kind)?.to_owned())))
    }

    fn service(&mut self, command: &Command<'_>, line: &str, at: Place) {
        let Some((kind, address)) = Self::key(command) else {
            let words = "it names no service; write one, as in -t 198.51.100.10:80";
            return self.say(line, at, Outcome::NotUnderstood, words);
        };
        let key = format!("{kind} {address}");
        if let Some(Some(index)) = self.known.get(&key) {
            if command.has("edit-service") {
                let index = *index;
                self.options(index, command, line, at);
                return self.say(line, at, Outcome::Taken, "");
            }
            let words = "the service is added twice, and ipvsadm refuses the second";
            return self.say(line, at, Outcome::NotUnderstood, words);
        }
        let service = self.new_service(kind, &address, line, at);
        let index = service.map(|service| {
            self.model.services.push(service);
            self.model.services.len() - 1
        });
        self.known.insert(key, index);
        if let Some(index) = index {
            self.options(index, command, line, at);
            if !self.report.tells_of(at) {
                self.say(line, at, Outcome::Taken, "");
            }
        }
    }

    fn new_service(&mut self, kind: &str, address: &str, line: &str, at: Place) -> Option<Service> {
        let mut service = Service::new(at, format!("{kind} {address}"));
        match kind {
            "sctp-service" => {
                self.say(line, at, Outcome::NotTaken, "Tandem forwards TCP and UDP, and no SCTP");
                return None;
            }
            "fwmark-service" => {
                let found = address.parse().ok().and_then(|mark: u32| self.rules.marks.get(&mark));
                let Some(found) = found.filter(|found| !found.is_empty()) else {
                    let words = "a firewall mark stands for what the firewall marks; give its rules \
                                 with --iptables-save FILE";
                    self.say(line, at, Outcome::NotTaken, words);
                    return None;
                };
                service.listens = found.iter().map(|(_, value)| At { value: *value, at }).collect();
                service.protocols = found.iter().map(|(protocol, _)| *protocol).collect();
                service.protocols.dedup();
                let words = "the addresses and ports that the rules mark";
                self.say(line, at, Outcome::Otherwise, words);
                return Some(service);
            }
            "tcp-service" => service.protocols = vec![Protocol::Tcp],
            _ => service.protocols = vec![Protocol::Udp],
        }
        let socket = self.socket(address, line, at)?;
        let value = match socket.port() {
            0 => all_ports(*socket.ip()),
            port => Listen { address: *socket.ip(), first: port, last: port },
        };
        service.listens = vec![At { value, at }];
        Some(service)
    }

    /// Address and port, which may be a name; none when it is neither.
    fn socket(&mut self, text: &str, line: &str, at: Place) -> Option<SocketAddrV4> {
        if text.starts_with('[') {
            self.say(line, at, Outcome::NotTaken, "IPv6 is not supported yet");
            return None;
        }
        let (host, port) = text.split_once(':').unwrap_or((text, "0"));
        let Ok(address) = host.parse::<Ipv4Addr>() else {
            let words = format!(
                "{host} is a name, whose address nobody knows here for sure; import what ipvsadm-save \
                 -n writes"
            );
            self.say(line, at, Outcome::NotTaken, words);
            return None;
        };
        match self.ports.read(port) {
            Some((port, is_name)) => {
                if is_name {
                    let name = text.split_once(':').map_or("", |(_, name)| name);
                    self.say(line, at, Outcome::Otherwise, format!("{name} is port {port}"));
                }
                Some(SocketAddrV4::new(address, port))
            }
            None => {
                let words = suggestion::unknown("port", port, self.ports.names());
                self.say(line, at, Outcome::NotUnderstood, words);
                None
            }
        }
    }

    fn options(&mut self, index: usize, command: &Command<'_>, line: &str, at: Place) {
        let mut keys: Vec<(&'static str, String)> = Vec::new();
        let mut said: Vec<(Outcome, String)> = Vec::new();
        let scheduler = command.get("scheduler").unwrap_or("wlc");
        match scheduler {
            "lblc" | "lblcr" => {
                keys.push(("scheduler", "\"mh\"".to_owned()));
                let words = format!(
                    "Tandem has no {scheduler}: \"mh\" is written, by which a client always finds the \
                     same server; docs/schedulers.md has others"
                );
                said.push((Outcome::NotTaken, words));
            }
            name if Scheduler::ACCEPTED.iter().any(|(known, _)| *known == name) => {
                keys.push(("scheduler", quote(name)));
            }
            name => {
                let names = Scheduler::ACCEPTED.iter().map(|(name, _)| *name);
                said.push((Outcome::NotUnderstood, suggestion::unknown("scheduler", name, names)));
            }
        }
        for flag in command.get("sched-flags").unwrap_or_default().split(',') {
            match flag {
                "" => {}
                "sh-port" | "mh-port" | "flag-2" if matches!(scheduler, "sh" | "mh") => {
                    keys.push(("hash_port", "true".to_owned()));
                }
                "sh-fallback" | "mh-fallback" | "flag-1" => {
                    let words =
                        "Tandem always gives a client of a server that gets nothing another one";
                    said.push((Outcome::Otherwise, words.to_owned()));
                }
                flag => said.push((Outcome::NotTaken, format!("{flag}: no scheduler here has it"))),
            }
        }
        if command.has("ops") {
            keys.push(("one_packet", "true".to_owned()));
        }
        if command.get("pe").is_some() {
            let words = "persistence by the call-ID of SIP is not there; clients keep their server by \
                         address";
            said.push((Outcome::NotTaken, words.to_owned()));
        }
        self.persistence(command, &mut keys, &mut said, index);
        if let Some(service) = self.model.services.get_mut(index) {
            if service.protocols.contains(&Protocol::Tcp) {
                keys.retain(|(key, _)| *key != "one_packet");
            }
            for (key, value) in keys {
                service.set(key, value, at);
            }
        }
        for (outcome, words) in said {
            self.say(line, at, outcome, words);
        }
    }

    fn persistence(
        &mut self,
        command: &Command<'_>,
        keys: &mut Vec<(&'static str, String)>,
        said: &mut Vec<(Outcome, String)>,
        index: usize,
    ) {
        let service = self.model.services.get(index);
        let is_all = service.is_some_and(|service| {
            service.listens.iter().any(|one| one.value.first == 1 && one.value.last == u16::MAX)
        });
        if !command.has("persistent") && !is_all {
            return;
        }
        let timeout = match command.get("persistent").unwrap_or_default() {
            "" => 360,
            text => match text.parse::<u64>() {
                Ok(seconds @ 1..=2_678_400) => seconds,
                _ => {
                    let words = "the timeout of persistence is none; 360 s is written";
                    said.push((Outcome::NotUnderstood, words.to_owned()));
                    360
                }
            },
        };
        let mut persist = format!("{{ timeout = \"{timeout}s\"");
        if let Some(mask) = command.get("netmask") {
            let prefix = match mask.parse::<Ipv4Addr>() {
                Ok(mask) => prefix_of_mask(mask).filter(|prefix| *prefix > 0),
                Err(_) => mask.parse::<u8>().ok().filter(|prefix| (1..=32).contains(prefix)),
            };
            match prefix {
                Some(prefix) if prefix < 32 => persist.push_str(&format!(", prefix = {prefix}")),
                Some(_) => {}
                None => {
                    let words = "the mask is no prefix; each client keeps a server of its own";
                    said.push((Outcome::NotTaken, words.to_owned()));
                }
            }
        }
        persist.push_str(" }");
        keys.push(("persist", persist));
    }

    fn server(&mut self, command: &Command<'_>, line: &str, at: Place) {
        let key = Self::key(command).map(|(kind, address)| format!("{kind} {address}"));
        let Some(known) = key.as_ref().and_then(|key| self.known.get(key)).copied() else {
            let words = "its service is not added before it; put -A before -a";
            return self.say(line, at, Outcome::NotUnderstood, words);
        };
        let Some(index) = known else {
            let words = "its service was not taken over";
            return self.say(line, at, Outcome::NotTaken, words);
        };
        if command.has("gatewaying") || command.has("ipip") || !command.has("masquerading") {
            let words = "it forwards by DR or TUN, and Tandem by NAT alone: change the server (default \
                         route to the gateway address, no virtual IP on lo), and write -m";
            return self.say(line, at, Outcome::NotTaken, words);
        }
        let Some(address) = command.get("real-server") else {
            return self.say(line, at, Outcome::NotUnderstood, "it names no server; write -r");
        };
        let Some(mut address) = self.socket(address, line, at) else { return };
        let Some(service) = self.model.services.get(index) else { return };
        let port = match &service.listens[..] {
            [one] if one.value.first == one.value.last => one.value.first,
            _ => 0,
        };
        if address.port() == 0 {
            address.set_port(port);
        }
        let mut server = Server::new(at, address);
        let number = |name: &str, most: u32| match command.get(name) {
            None => Ok(None),
            Some(text) => match text.parse::<u32>() {
                Ok(number) if number <= most => Ok(Some(number)),
                _ => Err(name.to_owned()),
            },
        };
        let numbers = [
            ("weight", 2_147_483_647),
            ("u-threshold", 1_000_000_000),
            ("l-threshold", 1_000_000_000),
        ]
        .map(|(name, most)| number(name, most));
        for wrong in numbers.iter().filter_map(|number| number.as_ref().err()) {
            self.say(
                line,
                at,
                Outcome::NotUnderstood,
                format!("the value of {wrong} is no number"),
            );
        }
        let [weight, upper, lower] = numbers.map(|number| number.ok().flatten());
        server.weight = weight.unwrap_or(1);
        if let Some(upper) = upper.filter(|upper| *upper > 0) {
            server.keys.push(("max_connections", upper.to_string()));
            if let Some(lower) = lower.filter(|lower| (1..=upper).contains(lower)) {
                server.keys.push(("resume_below", lower.to_string()));
            }
        }
        let is_edit = command.has("edit-server");
        let Some(service) = self.model.services.get_mut(index) else { return };
        let address = server.address;
        let known = service.servers.iter_mut().filter(|_| is_edit);
        match known.into_iter().find(|known| known.address == address) {
            Some(known) => *known = server,
            // Duplicates are said where all formats' are.
            None => service.servers.push(server),
        }
        if !self.report.tells_of(at) {
            self.say(line, at, Outcome::Taken, "");
        }
    }

    fn timeouts(&mut self, command: &Command<'_>, line: &str, at: Place) {
        let numbers: Vec<u64> = command.words.iter().filter_map(|word| word.parse().ok()).collect();
        let (3, [established, fin_wait, udp]) = (command.words.len(), &numbers[..]) else {
            let words = "write three times in seconds, as in --set 900 120 300";
            return self.say(line, at, Outcome::NotUnderstood, words);
        };
        for (key, seconds) in [("established", established), ("fin_wait", fin_wait), ("udp", udp)] {
            if (1..=604_800).contains(seconds) {
                let value = (key, time(core::time::Duration::from_secs(*seconds)));
                self.model.timeouts.retain(|known| known.value.0 != key);
                self.model.timeouts.push(At { value, at });
            }
        }
        self.say(line, at, Outcome::Taken, "");
    }
}
