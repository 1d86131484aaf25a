//! How servers are checked.

use core::time::Duration;
use std::net::SocketAddrV4;

use config::Protocol;

use super::{Line, Reader, Times};
use crate::model::{Check, Service, quote, time};
use crate::report::Outcome;
use crate::suggestion;

impl Reader<'_> {
    /// The check of all servers of a service.
    pub(super) fn checks(
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

    pub(super) fn external(
        &mut self,
        command: Option<&Line>,
        head: &Line,
        port: u16,
    ) -> Option<Check> {
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

    pub(super) fn negotiate(
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

    pub(super) fn http(&mut self, lines: &[Line], check: &mut Check) {
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
}

/// What the body has to have, where it can be asked for.
pub(super) fn set_body(check: &mut Check, regex: &str) {
    if !regex.is_empty() && regex.len() <= 1024 && config::compile_regex(regex).is_ok() {
        check.set("body_regex", quote(regex));
    }
}

/// A check with the server's address in its command.
pub(super) fn for_server(check: &Check, address: SocketAddrV4) -> Check {
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
