//! Ports that are written as names of services.

use std::collections::HashMap;

/// The names that old configurations have, as IANA assigned them; those of `/etc/services` are
/// known besides.
const KNOWN: &[(&str, u16)] = &[
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("tftp", 69),
    ("http", 80),
    ("www", 80),
    ("kerberos", 88),
    ("pop3", 110),
    ("sunrpc", 111),
    ("nntp", 119),
    ("ntp", 123),
    ("imap2", 143),
    ("imap", 143),
    ("snmp", 161),
    ("ldap", 389),
    ("https", 443),
    ("submissions", 465),
    ("syslog", 514),
    ("submission", 587),
    ("ldaps", 636),
    ("rsync", 873),
    ("imaps", 993),
    ("pop3s", 995),
    ("openvpn", 1194),
    ("ms-sql-s", 1433),
    ("radius", 1812),
    ("radius-acct", 1813),
    ("nfs", 2049),
    ("mysql", 3306),
    ("ms-wbt-server", 3389),
    ("sip", 5060),
    ("sip-tls", 5061),
    ("postgresql", 5432),
    ("http-alt", 8080),
];

/// Names of services and their ports.
#[derive(Clone, Debug)]
pub struct Ports(HashMap<String, u16>);

impl Default for Ports {
    fn default() -> Self {
        Ports(KNOWN.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect())
    }
}

impl Ports {
    /// The names of a file like `/etc/services` besides the well-known ones, which stay as
    /// they are.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else { continue };
            let Some(port) = port.split('/').next().and_then(|port| port.parse().ok()) else {
                continue;
            };
            for name in core::iter::once(name).chain(words) {
                self.0.entry(name.to_owned()).or_insert(port);
            }
        }
        self
    }

    /// The port that is written: as a number, or by its name, which is then true.
    pub(crate) fn read(&self, text: &str) -> Option<(u16, bool)> {
        if !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) {
            return text.parse().ok().map(|port| (port, false));
        }
        self.0.get(text).map(|port| (*port, true))
    }

    /// The names that are known.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let ports = Ports::default().with("shop 7000/tcp basket # ours\nhttp 81/tcp\nodd x/tcp\n");
        assert_eq!(ports.read("https"), Some((443, true)));
        assert_eq!(ports.read("basket"), Some((7000, true)));
        assert_eq!(ports.read("http"), Some((80, true)), "well-known names keep their port");
        assert_eq!(ports.read("8080"), Some((8080, false)));
        for wrong in ["", "htps", "65536", "-1", "80x"] {
            assert_eq!(ports.read(wrong), None, "{wrong}");
        }
    }
}
