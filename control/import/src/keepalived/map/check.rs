//! Checkers of real servers.

use core::time::Duration;
use std::net::Ipv4Addr;

use config::DnsType;

use super::Mapper;
use super::times::{Times, Usual};
use crate::keepalived::keywords::{CHECKER, KINDS, Row, URL};
use crate::keepalived::read::{Statement, command};
use crate::model::{Check, quote};
use crate::report::Outcome;

/// All checkers; a server may have several.
pub(super) const CHECKERS: &[&str] = &[
    "HTTP_GET",
    "SSL_GET",
    "TCP_CHECK",
    "SMTP_CHECK",
    "DNS_CHECK",
    "PING_CHECK",
    "UDP_CHECK",
    "MISC_CHECK",
    "BFD_CHECK",
    "FILE_CHECK",
];

const SECOND: Duration = Duration::from_secs(1);

/// The keywords that a kind of checker has besides the common ones.
fn own(kind: &str) -> &'static [&'static str] {
    match kind {
        "HTTP_GET" | "SSL_GET" => &[
            "http_protocol",
            "virtualhost",
            "enable_sni",
            "sni_name",
            "fast_recovery",
            "tls_compliant",
            "url",
        ],
        "SMTP_CHECK" => &["helo_name", "host"],
        "DNS_CHECK" => &["type", "name"],
        "UDP_CHECK" => &["payload", "require_reply", "min_reply_length", "max_reply_length"],
        "MISC_CHECK" => &["misc_path", "misc_timeout", "misc_dynamic", "user"],
        "BFD_CHECK" => &["name"],
        "FILE_CHECK" => &["track_file", "weight"],
        _ => &[],
    }
}

impl Mapper<'_> {
    /// The checks that a checker becomes; `has_no_port` for a server of all ports.
    pub(super) fn checker(
        &mut self,
        statement: &Statement,
        times: &Times,
        has_no_port: bool,
    ) -> Vec<Check> {
        let (mut common, mut checks_own) = (Check::new("", statement.at), times.clone());
        common.keys.clear();
        let mut special = Vec::new();
        for inside in self.counting(statement.inside(), &["url"]) {
            if own(statement.keyword()).contains(&inside.keyword()) {
                special.push(inside);
            } else if !self.times(inside, &mut checks_own) {
                self.common(inside, &mut common);
            }
        }
        let times = times.or(&checks_own);
        let (retry, delay_before_retry) = match statement.keyword() {
            "HTTP_GET" | "SSL_GET" => (1, Some(3 * SECOND)),
            "DNS_CHECK" => (3, None),
            "MISC_CHECK" => (0, Some(SECOND)),
            _ => (1, Some(SECOND)),
        };
        let usual = Usual { retry, delay_before_retry };
        let mut checks = match statement.keyword() {
            "HTTP_GET" => self.http(statement, &special, &times, false),
            "SSL_GET" => self.http(statement, &special, &times, true),
            "TCP_CHECK" => self.plain(statement, "tcp"),
            "PING_CHECK" => self.plain(statement, "ping"),
            "SMTP_CHECK" => self.smtp(statement, &special, &mut common),
            "DNS_CHECK" => self.dns(statement, &special),
            "UDP_CHECK" => self.udp(statement, &special),
            "MISC_CHECK" => self.misc(statement, &special),
            _ => {
                self.fixed(statement, &[super::keywords::REAL_SERVER]);
                Vec::new()
            }
        };
        let mut changed = None;
        for check in &mut checks {
            let asks_port = check.needs_port();
            for (key, value) in &common.keys {
                if check.get(key).is_none() && (*key != "port" || asks_port) {
                    check.set(key, value.clone());
                }
            }
            if has_no_port && asks_port && check.get("port").is_none() {
                let words = "a server of all ports is asked on none; add connect_port";
                self.say(statement, Outcome::NotTaken, words);
                return Vec::new();
            }
            let timeout = check.get("timeout").map(str::to_owned);
            changed = times.apply(check, usual).or(changed);
            if let Some(timeout) = timeout {
                check.set("timeout", timeout);
            }
        }
        if let Some(words) = changed {
            self.say(statement, Outcome::Otherwise, &words);
        }
        checks
    }

    fn common(&mut self, inside: &Statement, check: &mut Check) {
        match inside.keyword() {
            "connect_ip" => match inside.argument(0).map(str::parse::<Ipv4Addr>) {
                Some(Ok(address)) => {
                    self.taken(inside);
                    check.set("address", quote(&address.to_string()));
                }
                _ => self.wrong(inside, "write an IPv4 address, as in connect_ip 10.0.0.11"),
            },
            "connect_port" => {
                let port = inside.argument(0).map(str::to_owned);
                let port = port.and_then(|port| self.port(inside, &port)).filter(|port| *port > 0);
                match port {
                    Some(port) => {
                        self.taken(inside);
                        check.set("port", port.to_string());
                    }
                    None => self.wrong(inside, "write a port, as in connect_port 8080"),
                }
            }
            _ => self.fixed(inside, &[CHECKER]),
        }
    }

    fn plain(&mut self, statement: &Statement, kind: &str) -> Vec<Check> {
        self.taken(statement);
        vec![Check::new(kind, statement.at)]
    }

    fn kind_row(&mut self, inside: &Statement) {
        self.fixed(inside, &[KINDS]);
    }

    fn smtp(
        &mut self,
        statement: &Statement,
        special: &[&Statement],
        common: &mut Check,
    ) -> Vec<Check> {
        const WORDS: &str = "the server's greeting, 220, is waited for; HELO is not sent";
        self.say(statement, Outcome::Otherwise, WORDS);
        let mut check = Check::new("tcp", statement.at);
        check.set("expect", "'220'");
        for inside in special {
            if inside.keyword() == "host" {
                self.taken(inside);
                for line in inside.inside() {
                    self.common(line, common);
                }
            } else {
                self.kind_row(inside);
            }
        }
        vec![check]
    }

    fn dns(&mut self, statement: &Statement, special: &[&Statement]) -> Vec<Check> {
        self.taken(statement);
        let mut check = Check::new("dns", statement.at);
        for inside in special {
            let Some(word) = self.word(inside).map(str::to_owned) else { continue };
            if inside.keyword() == "name" {
                self.taken(inside);
                check.set("name", quote(&word));
                continue;
            }
            let names = DnsType::BY_NAME.iter().map(|(name, _)| *name);
            if names.clone().any(|name| name == word) {
                self.taken(inside);
                check.set("type", quote(&word));
            } else if matches!(word.as_str(), "RRSIG" | "DNSKEY") {
                let words = "Tandem asks for no such records; SOA is asked for instead";
                self.say(inside, Outcome::NotTaken, words);
            } else {
                let words = crate::suggestion::unknown("type of DNS record", &word, names);
                self.wrong(inside, &words);
            }
        }
        vec![check]
    }

    fn udp(&mut self, statement: &Statement, special: &[&Statement]) -> Vec<Check> {
        self.taken(statement);
        let mut check = Check::new("udp", statement.at);
        for inside in special {
            match inside.keyword() {
                "payload" => match bytes(inside.rest(), false) {
                    Some(bytes) => {
                        self.taken(inside);
                        check.set("send", format!("'{bytes}'"));
                    }
                    None => self.wrong(inside, "write bytes in hexadecimal, at most 1,024"),
                },
                "require_reply" if inside.words.len() < 2 => {
                    self.taken(inside);
                    check.set("require_reply", "true");
                }
                "require_reply" => match bytes(inside.rest(), true) {
                    Some(bytes) => {
                        self.taken(inside);
                        check.set("require_reply", "true");
                        check.set("expect", format!("'{bytes}'"));
                    }
                    None => self.wrong(inside, "write bytes in hexadecimal, with X for any digit"),
                },
                _ => self.kind_row(inside),
            }
        }
        vec![check]
    }

    fn misc(&mut self, statement: &Statement, special: &[&Statement]) -> Vec<Check> {
        let mut check = Check::new("exec", statement.at);
        for inside in special {
            match inside.keyword() {
                "misc_path" => {
                    // A block may be quoted as a whole: the program and its arguments.
                    let words = command(inside.rest()).map(|words| match &words[..] {
                        [one] if one.contains(' ') => command(one).unwrap_or_default(),
                        _ => words.clone(),
                    });
                    match words
                        .filter(|words| words.first().is_some_and(|one| one.starts_with('/')))
                    {
                        Some(words) => {
                            let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
                            check.set("command", format!("[{}]", words.join(", ")));
                            let words = "program and user have to be on both machines; address and port \
                                         of the server are in TANDEM_ADDRESS and TANDEM_PORT";
                            self.say(inside, Outcome::Otherwise, words);
                        }
                        None => {
                            let words = "a check of kind exec takes a program's whole path, with its \
                                         arguments, and no shell; write a script and name it";
                            self.say(inside, Outcome::NotTaken, words);
                        }
                    }
                }
                "misc_timeout" => {
                    if let Some(seconds) = self.number(inside, 1..=3600) {
                        self.taken(inside);
                        check.set("timeout", format!("\"{seconds}s\""));
                    }
                }
                "misc_dynamic" => {
                    if self.switch(inside) == Some(true) {
                        check.set("dynamic", "true");
                    }
                    self.taken(inside);
                }
                "user" => {
                    if let Some(user) = inside.argument(0) {
                        check.set("user", quote(user));
                    }
                    self.taken(inside);
                }
                _ => self.kind_row(inside),
            }
        }
        if check.get("command").is_none() {
            let words =
                "it has no command that could be run; without a check its server is always up";
            self.say(statement, Outcome::NotTaken, words);
            return Vec::new();
        }
        self.taken(statement);
        vec![check]
    }

    /// A keyword of a url with what its table says.
    pub(super) fn url_row(&mut self, inside: &Statement) -> Option<&'static Row> {
        let row = URL.row(inside.keyword());
        self.fixed(inside, &[URL]);
        row
    }
}

/// Hexadecimal digits as the escapes of a check's bytes; with `wildcards` X stands for any digit.
pub(super) fn bytes(text: &str, wildcards: bool) -> Option<String> {
    let mut digits = String::new();
    // The last digit of an odd number of them is a byte.
    for word in text.trim_matches('"').split_whitespace() {
        let (pairs, last) = word.split_at_checked(word.len() - word.len() % 2)?;
        digits.push_str(pairs);
        if !last.is_empty() {
            digits.push('0');
            digits.push_str(last);
        }
    }
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index % 2 == 0 {
            shown.push_str("\\x");
        }
        match digit {
            'X' | 'x' if wildcards => shown.push('?'),
            digit if digit.is_ascii_hexdigit() => shown.push(digit.to_ascii_lowercase()),
            _ => return None,
        }
    }
    (!digits.is_empty() && digits.len() <= 2048).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_hexadecimal() {
        assert_eq!(bytes("00 Ff 12f", false).as_deref(), Some(r"\x00\xff\x12\x0f"));
        assert_eq!(bytes("\"4X XX\"", true).as_deref(), Some(r"\x4?\x??"));
        assert_eq!(bytes("4X", false), None);
        assert_eq!(bytes("", false), None);
        assert_eq!(bytes("0g", true), None);
    }
}
