//! Real servers, and how they are checked.

use core::time::Duration;
use std::net::{Ipv4Addr, SocketAddrV4};

use config::Protocol;

use super::lines::Line;
use super::{Reader, SERVER};
use crate::model::{Check, Server, Service, quote, time};
use crate::report::Outcome;

impl Reader<'_> {
    pub(super) fn checks(&mut self, inside: &[Line], service: &Service) -> Vec<Check> {
        let get = |key: &str| inside.iter().rev().find(|one| one.key == key);
        let timeout = get("timeout").and_then(|one| one.value.parse::<u64>().ok()).unwrap_or(10);
        let interval = timeout.clamp(2, 3600);
        let times = |check: &mut Check| {
            check.set("interval", time(Duration::from_secs(interval / 2)));
            check.set("timeout", time(Duration::from_secs(interval / 2)));
            check.set("fall", "2");
            check.set("rise", "1");
        };
        let program = get("send_program").filter(|one| !one.value.is_empty());
        if let Some(one) = program {
            let mut words = crate::keepalived::read::command(&one.value).unwrap_or_default();
            if words.first().is_some_and(|path| path.starts_with('/')) {
                let mut check = Check::new("exec", one.at);
                for word in &mut words {
                    if word.contains("%h") {
                        *word = "%h".to_owned();
                    }
                }
                let script = "[ \"$(\"$0\" \"$@\")\" = \"$EXPECTED\" ]";
                // The server's address is known when the check is written out for each server.
                let expected = get("expect").map_or("OK", |one| one.value.as_str());
                let script =
                    script.replace("$EXPECTED", &expected.replace(['"', '\\', '$', '`'], ""));
                let mut command = vec!["/bin/sh".to_owned(), "-c".to_owned(), script];
                command.extend(words);
                let command: Vec<String> = command.iter().map(|word| quote(word)).collect();
                check.set("command", format!("[{}]", command.join(", ")));
                times(&mut check);
                let words =
                    "its output has to be what expect says; the program has to be on both machines";
                self.say(one, Outcome::Otherwise, words);
                return vec![check];
            }
            let words =
                "a check of kind exec takes a program's whole path; its servers are not checked";
            self.say(one, Outcome::NotTaken, words);
            return Vec::new();
        }
        let is_tcp = service.protocols.contains(&Protocol::Tcp);
        if !is_tcp {
            let mut check = Check::new("udp", service.at);
            times(&mut check);
            return vec![check];
        }
        let mut check = Check::new("tcp", service.at);
        if let Some(send) = get("send").filter(|one| !one.value.is_empty()) {
            check.set("send", quote(&escapes(&send.value)));
        }
        let is_regex = get("use_regex").is_some_and(Line::is_on);
        if let Some(expect) = get("expect").filter(|one| !one.value.is_empty()) {
            if is_regex {
                let words = "a check of kind tcp looks for text, and for no regular expression; the \
                             answer is not looked at";
                self.say(expect, Outcome::NotTaken, words);
            } else {
                check.set("expect", quote(&escapes(&expect.value)));
            }
        }
        times(&mut check);
        vec![check]
    }

    pub(super) fn server(
        &mut self,
        line: &Line,
        default_port: u16,
        checks: &[Check],
    ) -> Option<Server> {
        let inside = line.block.as_deref().unwrap_or_default();
        let get = |key: &str| inside.iter().rev().find(|one| one.key == key);
        for one in inside {
            if SERVER.contains(&one.key.as_str()) {
                self.taken(one);
            } else {
                self.unknown(one, SERVER);
            }
        }
        let address = get("address").map(|one| one.value.parse::<Ipv4Addr>());
        let Some(Ok(address)) = address else {
            self.wrong(line, "it has no address; write one, as in address = 10.0.0.11");
            return None;
        };
        let port = match get("port").filter(|one| !one.value.is_empty()) {
            Some(one) => self.port(one)?,
            None => default_port,
        };
        let mut server = Server::new(line.at, SocketAddrV4::new(address, port));
        if let Some(weight) = get("weight") {
            match weight.value.parse() {
                Ok(number) => server.weight = number,
                Err(_) => self.wrong(weight, "write a whole number"),
            }
        }
        server.checks = checks.iter().map(|check| for_server(check, address)).collect();
        server.is_off = !get("active").is_none_or(Line::is_on);
        if server.is_off {
            self.say(line, Outcome::Otherwise, "the server is off; it is written as a comment");
        } else {
            self.taken(line);
        }
        Some(server)
    }
}

/// A check with the server's address in its command.
fn for_server(check: &Check, address: Ipv4Addr) -> Check {
    let mut check = check.clone();
    if let Some(command) =
        check.get("command").map(|command| command.replace("%h", &address.to_string()))
    {
        check.set("command", command);
    }
    check
}

/// The text as bytes of a check: escapes stay what they are, and other backslashes double.
fn escapes(text: &str) -> String {
    let mut escaped = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if matches!(characters.peek(), Some('r' | 'n' | 't')) => {
                escaped.push('\\');
                escaped.extend(characters.next());
            }
            '\\' => escaped.push_str("\\\\"),
            c if c.is_ascii() && !c.is_ascii_control() => escaped.push(c),
            c => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    escaped.push_str(&format!("\\x{byte:02x}"));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_keeps_its_escapes() {
        assert_eq!(escapes(r"GET / HTTP/1.0\r\n\q"), r"GET / HTTP/1.0\r\n\\q");
        assert_eq!(escapes("é"), r"\xc3\xa9");
    }
}
