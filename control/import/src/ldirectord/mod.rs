//! ldirectord.cf: global keys at the first column, and virtual servers with indented keys.

mod check;
mod server;

use std::net::Ipv4Addr;

use config::{Listen, Protocol, Scheduler};

use crate::keepalived::{is_name, prefix_of_mask};
use crate::model::{Model, Service, quote};
use crate::ports::Ports;
use crate::report::{At, Outcome, Place, Report};
use crate::suggestion;

const SCRIPT: &str =
    "Tandem runs no script at changes; what the script does has to be done otherwise";
const MAIL: &str = "Tandem sends no mail; alert on its metrics";
const PROCESS: &str = "it is about ldirectord's own processes";

/// Keys that change nothing of how is forwarded, and those that are not taken over.
const ROWS: &[(&str, Outcome, &str)] = &[
    ("checkcount", Outcome::Unneeded, "it is for pings alone, and old; failurecount counts"),
    ("fallbackcommand", Outcome::NotTaken, SCRIPT),
    ("callback", Outcome::NotTaken, SCRIPT),
    ("execute", Outcome::NotTaken, "it names another configuration; import that one too"),
    ("autoreload", Outcome::Unneeded, "tandem reload takes a changed file, whole or not at all"),
    ("logfile", Outcome::Unneeded, "logs go to the journal"),
    ("supervised", Outcome::Unneeded, PROCESS),
    ("fork", Outcome::Unneeded, PROCESS),
    ("cleanstop", Outcome::Unneeded, PROCESS),
    ("readdquiescent", Outcome::Unneeded, PROCESS),
    ("monitorfile", Outcome::Unneeded, "tandem services and the log have each server's changes"),
    ("emailalert", Outcome::Unneeded, MAIL),
    ("emailalertfrom", Outcome::Unneeded, MAIL),
    ("emailalertfreq", Outcome::Unneeded, MAIL),
    ("emailalertstatus", Outcome::Unneeded, MAIL),
    ("smtp", Outcome::Unneeded, MAIL),
    ("comment", Outcome::Unneeded, "it is for mails alone"),
    ("load", Outcome::Unneeded, "an old key without effect"),
    (
        "maintenancedir",
        Outcome::Otherwise,
        "Tandem has such a folder, node.maintenance, with other names of files",
    ),
    (
        "quiescent",
        Outcome::Otherwise,
        "a server that is down gets no new connection, and those that it has go on (on_down)",
    ),
    ("login", Outcome::NotTaken, "no check logs in"),
    ("passwd", Outcome::NotTaken, "no check logs in; the password is not copied"),
    ("database", Outcome::NotTaken, "no check logs in"),
    ("secret", Outcome::NotTaken, "no check logs in; the secret is not copied"),
];

const KEYS: &[&str] = &[
    "virtual",
    "virtual6",
    "real",
    "real6",
    "fallback",
    "fallback6",
    "checktimeout",
    "negotiatetimeout",
    "checkinterval",
    "failurecount",
    "checktype",
    "service",
    "checkcommand",
    "checkport",
    "request",
    "receive",
    "httpmethod",
    "virtualhost",
    "scheduler",
    "persistent",
    "netmask",
    "protocol",
    "ops",
    "servicename",
    "schedflags",
];

/// A key with its value.
struct Line {
    at: Place,
    key: String,
    value: String,
}

impl Line {
    fn read(text: &str, at: Place) -> Option<Line> {
        let (key, value) = text.split_once('=')?;
        Some(Line { at, key: key.trim().to_owned(), value: value.trim().to_owned() })
    }

    fn text(&self) -> String {
        match self.key.as_str() {
            "passwd" | "secret" => format!("{} = ...", self.key),
            _ => format!("{} = {}", self.key, self.value),
        }
    }

    fn unquoted(&self) -> &str {
        let inside = self.value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inside.unwrap_or(&self.value)
    }
}

/// What holds for all virtual servers, or for one.
#[derive(Clone, Default)]
struct Times {
    check_timeout: Option<u64>,
    negotiate_timeout: Option<u64>,
    interval: Option<u64>,
    failures: Option<u64>,
}

/// Reads a file into the model.
pub(crate) fn read(text: &str, file: u32, model: &mut Model, report: &mut Report, ports: &Ports) {
    let mut reader = Reader { model, report, ports, times: Times::default(), fallback: None };
    let mut open: Option<(Line, Vec<Line>)> = None;
    let mut all: Vec<(Line, Vec<Line>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let at = Place { file, line: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        let wide = line.replace('\t', "    ");
        let trimmed = wide.trim();
        if trimmed.starts_with('#') {
            continue;
        }
        let text = trimmed.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            // An empty line ends a virtual server for ldirectord.
            all.extend(open.take());
            continue;
        }
        let Some(line) = Line::read(text, at) else {
            let words = "write it as key = value, or begin it with #";
            reader.report.add(at, text, Outcome::NotUnderstood, words);
            continue;
        };
        let is_indented = wide.starts_with("    ");
        match (&mut open, is_indented) {
            (Some((_, lines)), true) => lines.push(line),
            (None, true) => {
                let words =
                    "it is indented, and no virtual stands right before it; put it below one";
                reader.say(&line, Outcome::NotUnderstood, words);
            }
            (_, false) => {
                all.extend(open.take());
                if matches!(line.key.as_str(), "virtual" | "virtual6") {
                    open = Some((line, Vec::new()));
                } else if wide.starts_with(' ') {
                    let words =
                        "it is indented by less than four blanks, and ldirectord refuses it";
                    reader.say(&line, Outcome::NotUnderstood, words);
                } else {
                    reader.global(&line);
                }
            }
        }
    }
    all.extend(open);
    // What holds for all may stand behind them.
    for (head, lines) in &all {
        reader.virtual_server(head, lines);
    }
}

struct Reader<'r> {
    model: &'r mut Model,
    report: &'r mut Report,
    ports: &'r Ports,
    times: Times,
    fallback: Option<(Place, String)>,
}

impl Reader<'_> {
    fn say(&mut self, line: &Line, outcome: Outcome, words: impl Into<String>) {
        self.report.add(line.at, line.text(), outcome, words);
    }

    fn taken(&mut self, line: &Line) {
        self.say(line, Outcome::Taken, "");
    }

    fn unknown(&mut self, line: &Line) {
        let known = KEYS.iter().copied().chain(ROWS.iter().map(|(name, ..)| *name));
        let words = suggestion::unknown("key of ldirectord.cf", &line.key, known);
        self.say(line, Outcome::NotUnderstood, words);
    }

    /// True for a key that any place may have and that needs no more than words.
    fn row(&mut self, line: &Line) -> bool {
        let Some((_, outcome, words)) = ROWS.iter().find(|(name, ..)| *name == line.key) else {
            return false;
        };
        self.say(line, *outcome, *words);
        true
    }

    /// True for one of the times, which is then taken.
    fn time(&mut self, line: &Line, times: &mut Times) -> bool {
        let place = match line.key.as_str() {
            "checktimeout" => &mut times.check_timeout,
            "negotiatetimeout" => &mut times.negotiate_timeout,
            "checkinterval" => &mut times.interval,
            "failurecount" => &mut times.failures,
            _ => return false,
        };
        match line.value.parse().ok().filter(|number| *number > 0) {
            Some(number) => {
                *place = Some(number);
                self.taken(line);
            }
            None => self.say(line, Outcome::NotUnderstood, "write a whole number above 0"),
        }
        true
    }

    fn global(&mut self, line: &Line) {
        let mut times = self.times.clone();
        if self.time(line, &mut times) {
            self.times = times;
        } else if line.key == "fallback" {
            self.fallback = Some((line.at, line.value.clone()));
            self.taken(line);
        } else if line.key == "fallback6" {
            self.say(line, Outcome::NotTaken, "IPv6 is not supported yet");
        } else if !self.row(line) {
            self.unknown(line);
        }
    }

    fn virtual_server(&mut self, head: &Line, lines: &[Line]) {
        let Some((vip, port)) = self.listens(head) else {
            for line in lines {
                self.say(
                    line,
                    Outcome::NotTaken,
                    "it is in a virtual server that was not taken over",
                );
            }
            return;
        };
        self.taken(head);
        let get = |key: &str| lines.iter().rev().find(|one| one.key == key);
        let at = head.at;
        let mut service = Service::new(at, head.text());
        let listen = Listen { address: vip, first: port, last: port };
        service.listens = vec![At { value: listen, at }];
        service.set("scheduler", "\"wrr\"", at);
        let is_udp = match get("protocol").map(|one| one.value.as_str()) {
            None => port == 53,
            Some(protocol) => protocol == "udp",
        };
        service.protocols = vec![if is_udp { Protocol::Udp } else { Protocol::Tcp }];
        let mut times = self.times.clone();
        for line in lines {
            self.key(line, lines, &mut service, &mut times);
        }
        let checks = self.checks(lines, &service, port, &times, head);
        let fallback = get("fallback")
            .map(|one| (one.at, one.value.clone()))
            .or_else(|| self.fallback.clone());
        for line in lines.iter().filter(|one| one.key == "real") {
            self.reals(line, &mut service, port, &checks);
        }
        if let Some((at, value)) = fallback {
            self.sorry(at, &value, port, &mut service);
        }
        if service.servers.is_empty() {
            let words = "none of its servers was taken over";
            return self.say(head, Outcome::NotTaken, words);
        }
        self.model.services.push(service);
    }

    fn listens(&mut self, head: &Line) -> Option<(Ipv4Addr, u16)> {
        if head.key == "virtual6" || head.value.starts_with('[') {
            self.say(head, Outcome::NotTaken, "IPv6 is not supported yet");
            return None;
        }
        if !head.value.is_empty() && head.value.bytes().all(|c| c.is_ascii_digit()) {
            let words = "a firewall mark stands for what the firewall marks; write address and port, as \
                         in virtual=198.51.100.10:80";
            self.say(head, Outcome::NotTaken, words);
            return None;
        }
        let (host, port) = head.value.split_once(':').unwrap_or((&head.value, ""));
        let Ok(address) = host.parse() else {
            let words =
                "it is a name or no address; write the address, as in virtual=198.51.100.10:80";
            self.say(head, Outcome::NotTaken, words);
            return None;
        };
        Some((address, self.port(head, port)?))
    }

    fn port(&mut self, line: &Line, text: &str) -> Option<u16> {
        match self.ports.read(text).filter(|(port, _)| *port > 0) {
            Some((port, is_name)) => {
                if is_name {
                    self.say(line, Outcome::Otherwise, format!("{text} is port {port}"));
                }
                Some(port)
            }
            None => {
                let words = suggestion::unknown("port", text, self.ports.names());
                self.say(line, Outcome::NotUnderstood, words);
                None
            }
        }
    }

    fn key(&mut self, line: &Line, lines: &[Line], service: &mut Service, times: &mut Times) {
        let last = lines.iter().rev().find(|one| one.key == line.key);
        if line.key != "real" && last.is_some_and(|last| last.at != line.at) {
            let words = "it is said again below, and the last one counts";
            return self.say(line, Outcome::Unneeded, words);
        }
        if self.time(line, times) || self.row(line) {
            return;
        }
        let at = line.at;
        match line.key.as_str() {
            // Said where they are used.
            "real" | "checktype" | "service" => {}
            "request" | "receive" | "virtualhost" | "httpmethod" | "checkcommand" | "checkport"
            | "fallback" => self.taken(line),
            "protocol" => match line.value.as_str() {
                "tcp" | "udp" => self.taken(line),
                _ => self.say(line, Outcome::NotUnderstood, "write tcp or udp"),
            },
            "scheduler" => {
                let name = line.value.as_str();
                if matches!(name, "lblc" | "lblcr") {
                    service.set("scheduler", "\"mh\"", at);
                    let words = "Tandem has no such scheduler: \"mh\" is written, by which a client \
                                 always finds the same server; docs/schedulers.md has others";
                    self.say(line, Outcome::NotTaken, words);
                } else if Scheduler::ACCEPTED.iter().any(|(known, _)| *known == name) {
                    service.set("scheduler", quote(name), at);
                    self.taken(line);
                } else {
                    let names = Scheduler::ACCEPTED.iter().map(|(name, _)| *name);
                    let words = suggestion::unknown("scheduler", name, names);
                    self.say(line, Outcome::NotUnderstood, words);
                }
            }
            "schedflags" => {
                let words = "hash_port and strict of the service are what it may mean";
                self.say(line, Outcome::NotTaken, words);
            }
            "persistent" => self.persistent(line, lines, service),
            "netmask" => self.taken(line),
            "ops" => {
                self.taken(line);
                if line.value == "yes" && !service.protocols.contains(&Protocol::Tcp) {
                    service.set("one_packet", "true", at);
                }
            }
            "servicename" => {
                let name: String = line
                    .value
                    .chars()
                    .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
                    .collect();
                if is_name(&name) {
                    service.name = Some(name.clone());
                }
                let is_same = name == line.value;
                let outcome = if is_same { Outcome::Taken } else { Outcome::Otherwise };
                let words =
                    if is_same { "" } else { "names have letters, digits, '-', '_' and '.' alone" };
                self.say(line, outcome, words);
            }
            "real6" | "fallback6" => self.say(line, Outcome::NotTaken, "IPv6 is not supported yet"),
            _ => self.unknown(line),
        }
    }

    fn persistent(&mut self, line: &Line, lines: &[Line], service: &mut Service) {
        let Some(seconds @ 1..=2_678_400) = line.value.parse::<u64>().ok() else {
            return self.say(line, Outcome::NotUnderstood, "write seconds, up to 31 days");
        };
        self.taken(line);
        let mask = lines.iter().rev().find(|one| one.key == "netmask");
        let mut prefix = String::new();
        if let Some(mask) = mask {
            match mask.value.parse().ok().and_then(prefix_of_mask) {
                Some(length @ 1..32) => prefix = format!(", prefix = {length}"),
                Some(_) => {}
                None => self.say(
                    mask,
                    Outcome::NotTaken,
                    "the mask is no prefix; each client keeps a server of its own",
                ),
            }
        }
        service.set("persist", format!("{{ timeout = \"{seconds}s\"{prefix} }}"), line.at);
    }
}
