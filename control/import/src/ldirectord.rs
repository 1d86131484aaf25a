//! ldirectord.cf: global keys at the first column, and virtual servers with indented keys.

use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::{Listen, Protocol, Scheduler};

use crate::keepalived::{is_name, prefix_of_mask};
use crate::model::{Check, Model, Server, Service, quote, time};
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

    /// The check of all servers of a service.
    fn checks(
        &mut self,
        lines: &[Line],
        service: &Service,
        port: u16,
        times: &Times,
        head: &Line,
    ) -> Vec<Check> {
        let get = |key: &str| lines.iter().rev().find(|one| one.key == key);
        let kind = get("checktype").map_or("negotiate", |one| one.value.as_str());
        let of_port = match port {
            80 | 3128 => "http",
            443 => "https",
            53 => "dns",
            21 => "ftp",
            25 | 587 => "smtp",
            110 => "pop",
            119 => "nntp",
            143 => "imap",
            _ => "none",
        };
        let protocol = get("service").map_or(of_port, |one| one.value.as_str());
        for key in ["checktype", "service"] {
            if let Some(one) = get(key).filter(|one| !self.report.tells_of(one.at)) {
                self.taken(one);
            }
        }
        let at = get("checktype").unwrap_or(head);
        let negotiates = kind == "negotiate" || kind.bytes().all(|c| c.is_ascii_digit());
        if kind != "negotiate" && negotiates {
            let words = "each check negotiates, and none only connects";
            self.say(at, Outcome::Otherwise, words);
        }
        let is_udp = service.protocols.contains(&Protocol::Udp);
        let check = match kind {
            "on" => return Vec::new(),
            "off" => {
                let words = "no server of it is ever used by ldirectord; here all are, without a check: \
                             take the service out, or give its servers weight = 0";
                self.say(at, Outcome::NotTaken, words);
                return Vec::new();
            }
            "ping" => Check::new("ping", at.at),
            "connect" if is_udp => Check::new("ping", at.at),
            "connect" => Check::new("tcp", at.at),
            "external" | "external-perl" => match self.external(get("checkcommand"), head, port) {
                Some(check) => check,
                None => return Vec::new(),
            },
            _ if negotiates => match self.negotiate(lines, protocol, is_udp, head) {
                Some(check) => check,
                None => return Vec::new(),
            },
            _ => {
                let kinds =
                    ["connect", "external", "external-perl", "negotiate", "off", "on", "ping"];
                let words = suggestion::unknown("checktype", kind, kinds);
                self.say(at, Outcome::NotUnderstood, words);
                return Vec::new();
            }
        };
        let mut check = check;
        if let Some(one) = get("checkport").filter(|_| check.needs_port()) {
            if let Some(port) = self.port(one, &one.value) {
                check.set("port", port.to_string());
            }
        }
        let timeout = if negotiates {
            times.negotiate_timeout.or(times.check_timeout).unwrap_or(30)
        } else {
            times.check_timeout.or(times.negotiate_timeout).unwrap_or(5)
        };
        let interval = times.interval.unwrap_or(10).clamp(1, 3600);
        if timeout > interval {
            let words = format!("the timeout of its checks is {interval} s: at most the interval");
            self.say(head, Outcome::Otherwise, words);
        }
        check.set("interval", time(Duration::from_secs(interval)));
        check.set("fast", time(Duration::from_secs(interval)));
        check.set("timeout", time(Duration::from_secs(timeout.clamp(1, interval))));
        check.set("fall", times.failures.unwrap_or(1).clamp(1, 100).to_string());
        check.set("rise", "1");
        vec![check]
    }

    fn external(&mut self, command: Option<&Line>, head: &Line, port: u16) -> Option<Check> {
        let Some(line) = command.filter(|line| line.unquoted().starts_with('/')) else {
            let words = "a check of kind exec takes a program's whole path (checkcommand); its servers \
                         are not checked";
            self.say(command.unwrap_or(head), Outcome::NotTaken, words);
            return None;
        };
        let words = "program and user have to be on both machines; it has the server's address and port as \
                     third and fourth argument, as with ldirectord";
        self.say(line, Outcome::Otherwise, words);
        let vip = head.value.split(':').next().unwrap_or_default();
        let words = [line.unquoted(), vip, &port.to_string(), "%a", "%p"].map(quote);
        let mut check = Check::new("exec", line.at);
        check.set("command", format!("[{}]", words.join(", ")));
        Some(check)
    }

    fn negotiate(
        &mut self,
        lines: &[Line],
        protocol: &str,
        is_udp: bool,
        head: &Line,
    ) -> Option<Check> {
        let get = |key: &str| lines.iter().rev().find(|one| one.key == key);
        let at = get("service").unwrap_or(head);
        let greeting = match protocol {
            "smtp" | "submission" | "ftp" => Some("220"),
            "pop" => Some("+OK"),
            "imap" => Some("* OK"),
            "nntp" => Some("20"),
            _ => None,
        };
        if let Some(greeting) = greeting {
            let words = format!("the server's greeting, {greeting}, is waited for; nobody logs in");
            self.say(at, Outcome::Otherwise, words);
            let mut check = Check::new("tcp", at.at);
            check.set("expect", quote(greeting));
            return Some(check);
        }
        match protocol {
            "http" | "https" => {
                let mut check = Check::new(protocol, at.at);
                if protocol == "https" {
                    check.set("verify", "false");
                }
                self.http(lines, &mut check);
                Some(check)
            }
            "dns" => {
                let mut check = Check::new("dns", at.at);
                let name = get("request").map(|one| one.unquoted().trim_matches('/').to_owned());
                if let Some(name) = name.filter(|name| !name.is_empty()) {
                    check.set("name", quote(&name));
                    check.set("type", "\"A\"");
                }
                if let Some(receive) = get("receive") {
                    let words = "any answer without an error is well; which address it has is not looked at";
                    self.say(receive, Outcome::NotTaken, words);
                }
                if !is_udp {
                    check.set("transport", "\"tcp\"");
                }
                Some(check)
            }
            "none" => Some(Check::new(if is_udp { "ping" } else { "tcp" }, at.at)),
            "simpletcp" => {
                let mut check = Check::new("tcp", at.at);
                if let Some(request) = get("request") {
                    check.set(
                        "send",
                        quote(
                            &request
                                .unquoted()
                                .replace("\\n", "\n")
                                .replace('\\', "\\\\")
                                .replace('\n', "\\n"),
                        ),
                    );
                }
                if let Some(receive) = get("receive") {
                    let text = receive.unquoted();
                    if text.bytes().all(|c| c.is_ascii_alphanumeric() || b" _-:/@,;".contains(&c)) {
                        check.set("expect", quote(text));
                    } else {
                        let words = "a check of kind tcp looks for text, and for no regular expression; \
                                     the answer is not looked at";
                        self.say(receive, Outcome::NotTaken, words);
                    }
                }
                Some(check)
            }
            "ldap" | "ldaps" | "imaps" | "pops" | "mysql" | "oracle" | "pgsql" | "radius"
            | "sip" | "http_proxy" => {
                let words = format!(
                    "no check speaks {protocol}; only {} is asked for: write a check of kind exec if \
                     that is not enough",
                    if is_udp { "a ping" } else { "a connection" }
                );
                self.say(at, Outcome::NotTaken, words);
                Some(Check::new(if is_udp { "ping" } else { "tcp" }, at.at))
            }
            other => {
                let known = [
                    "dns",
                    "ftp",
                    "http",
                    "https",
                    "imap",
                    "ldap",
                    "mysql",
                    "nntp",
                    "none",
                    "pgsql",
                    "pop",
                    "radius",
                    "simpletcp",
                    "sip",
                    "smtp",
                ];
                let words = suggestion::unknown("service of a check", other, known);
                self.say(at, Outcome::NotUnderstood, words);
                None
            }
        }
    }

    fn http(&mut self, lines: &[Line], check: &mut Check) {
        let get = |key: &str| lines.iter().rev().find(|one| one.key == key);
        if let Some(request) = get("request") {
            let text = request.unquoted();
            let path = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
            check.set("path", quote(&path));
        }
        if get("httpmethod").is_some_and(|one| one.value.eq_ignore_ascii_case("HEAD")) {
            check.set("method", "\"HEAD\"");
        }
        if let Some(host) = get("virtualhost") {
            check.set("host", quote(host.unquoted()));
        }
        if let Some(receive) = get("receive").filter(|_| check.get("method").is_none()) {
            set_body(check, receive.unquoted());
            if check.get("body_regex").is_none() {
                let words = "body_regex takes no look-around and no back references; the text is not \
                             looked at";
                self.say(receive, Outcome::NotTaken, words);
            }
        }
    }

    fn reals(&mut self, line: &Line, service: &mut Service, port: u16, checks: &[Check]) {
        let mut words = line.value.split_whitespace();
        let Some(target) = words.next() else {
            return self.say(line, Outcome::NotUnderstood, "it has no address; write one");
        };
        match words.next() {
            Some("masq") => {}
            Some(kind @ ("gate" | "ipip")) => {
                let words = format!(
                    "it forwards by {kind}, and Tandem by NAT alone: change the server (default route to \
                     the gateway address, no virtual IP on lo), and write masq"
                );
                return self.say(line, Outcome::NotTaken, words);
            }
            _ => {
                let words = "write how it is forwarded, as in real=10.0.0.11:80 masq";
                return self.say(line, Outcome::NotUnderstood, words);
            }
        }
        let rest = line.value.split_once("masq").map_or("", |(_, rest)| rest).trim();
        let Some(addresses) = self.range(line, target, port) else { return };
        let (before, quoted) = rest.split_once('"').unwrap_or((rest, ""));
        let mut weight = 1;
        for word in before.split_whitespace() {
            match word.parse() {
                Ok(number) => weight = number,
                Err(_) => {
                    let words = format!("{word:?} is no weight; take it out");
                    return self.say(line, Outcome::NotUnderstood, words);
                }
            }
        }
        let strings: Vec<&str> =
            quoted.split('"').step_by(2).filter(|text| !text.is_empty()).collect();
        for address in addresses {
            let mut server = Server::new(line.at, address);
            server.weight = weight;
            server.checks = checks.iter().map(|check| for_server(check, address)).collect();
            self.strings(line, &strings, &mut server);
            service.servers.push(server);
        }
        if !self.report.tells_of(line.at) {
            self.taken(line);
        }
    }

    /// Request, response and limits of a server of its own.
    fn strings(&mut self, line: &Line, strings: &[&str], server: &mut Server) {
        let (mut upper, mut lower, mut asked) = (None, None, Vec::new());
        for text in strings {
            if let Some(number) = text.trim_matches(['<', '>']).strip_prefix("u:") {
                upper = number.parse::<u32>().ok();
            } else if let Some(number) = text.trim_matches(['<', '>']).strip_prefix("l:") {
                lower = number.parse::<u32>().ok();
            } else if !matches!(text.trim(), "," | "") {
                asked.push(*text);
            }
        }
        if let Some(upper) = upper.filter(|upper| (1..=1_000_000_000).contains(upper)) {
            server.keys.push(("max_connections", upper.to_string()));
            if let Some(lower) = lower.filter(|lower| (1..=upper).contains(lower)) {
                server.keys.push(("resume_below", lower.to_string()));
            }
        }
        let Some(request) = asked.first() else { return };
        let check = server.checks.first_mut();
        let check =
            check.filter(|check| check.get("kind").is_some_and(|kind| kind.starts_with("\"http")));
        match check.filter(|_| !request.contains("://")) {
            Some(check) => {
                let path = if request.starts_with('/') {
                    (*request).to_owned()
                } else {
                    format!("/{request}")
                };
                check.set("path", quote(&path));
                if let Some(receive) = asked.get(1) {
                    set_body(check, receive);
                }
            }
            None => {
                let words =
                    "its own request is for another place or no HTTP; the service's is asked";
                self.say(line, Outcome::NotTaken, words);
            }
        }
    }

    /// The addresses of one word, which may be a range.
    fn range(&mut self, line: &Line, target: &str, port: u16) -> Option<Vec<SocketAddrV4>> {
        let (hosts, port) = match target.rsplit_once(':') {
            Some((hosts, text)) => (hosts, self.port(line, text)?),
            None => (target, port),
        };
        let (first, last) = hosts.split_once("->").unwrap_or((hosts, hosts));
        let (Ok(first), Ok(last)) = (first.parse::<Ipv4Addr>(), last.parse::<Ipv4Addr>()) else {
            let words = format!("{hosts} is a name or no address; write addresses");
            self.say(line, Outcome::NotTaken, words);
            return None;
        };
        let (first, last) = (first.to_bits(), last.to_bits());
        if last < first || last - first >= 1024 {
            self.say(
                line,
                Outcome::NotUnderstood,
                "a range goes up, and has 1,024 addresses at the most",
            );
            return None;
        }
        Some((first..=last).map(|bits| SocketAddrV4::new(Ipv4Addr::from(bits), port)).collect())
    }

    fn sorry(&mut self, at: Place, value: &str, port: u16, service: &mut Service) {
        let line = Line { at, key: "fallback".to_owned(), value: value.to_owned() };
        let target = value.split_whitespace().next().unwrap_or_default();
        let (host, port) = match target.split_once(':') {
            Some((host, text)) => match self.port(&line, text) {
                Some(port) => (host, port),
                None => return,
            },
            None => (target, port),
        };
        match host.parse::<Ipv4Addr>() {
            Ok(address) if !address.is_loopback() => {
                service.sorry.push(Server::new(at, SocketAddrV4::new(address, port)));
            }
            _ => {
                let words = "Tandem serves nothing itself; put the sorry server on a machine of the private \
                             network, and write it as sorry";
                self.say(&line, Outcome::NotTaken, words);
            }
        }
    }
}

/// What the body has to have, where it can be asked for.
fn set_body(check: &mut Check, regex: &str) {
    if !regex.is_empty() && regex.len() <= 1024 && config::compile_regex(regex).is_ok() {
        check.set("body_regex", quote(regex));
    }
}

/// A check with the server's address in its command.
fn for_server(check: &Check, address: SocketAddrV4) -> Check {
    let mut check = check.clone();
    let command = check.get("command").map(|command| {
        command
            .replace("\"%a\"", &quote(&address.ip().to_string()))
            .replace("\"%p\"", &quote(&address.port().to_string()))
    });
    if let Some(command) = command {
        check.set("command", command);
    }
    check
}
