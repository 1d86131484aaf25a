//! Real servers, and the fallback.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::check::{for_server, set_body};
use super::{Line, Reader};
use crate::model::{Check, Server, Service, quote};
use crate::report::{Outcome, Place};

impl Reader<'_> {
    pub(super) fn reals(
        &mut self,
        line: &Line,
        service: &mut Service,
        port: u16,
        checks: &[Check],
    ) {
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
    pub(super) fn strings(&mut self, line: &Line, strings: &[&str], server: &mut Server) {
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
    pub(super) fn range(
        &mut self,
        line: &Line,
        target: &str,
        port: u16,
    ) -> Option<Vec<SocketAddrV4>> {
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

    pub(super) fn sorry(&mut self, at: Place, value: &str, port: u16, service: &mut Service) {
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
