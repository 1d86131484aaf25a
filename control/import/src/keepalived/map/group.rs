//! `virtual_server_group`: addresses and ports of a service.

use std::net::Ipv4Addr;

use config::Listen;

use super::{Group, Mapper};
use crate::keepalived::read::Statement;
use crate::model::all_ports;
use crate::report::{At, Outcome};

/// The most addresses that one entry makes.
const MOST: u32 = 1024;

impl Mapper<'_> {
    pub(super) fn virtual_server_group(&mut self, statement: &Statement) {
        let Some(name) = self.word(statement).map(str::to_owned) else { return };
        self.taken(statement);
        let mut group = Group { at: Some(statement.at), ..Group::default() };
        for inside in statement.inside() {
            match self.entry(inside) {
                Some(listens) => group.listens.extend(listens),
                None => group.is_partial = true,
            }
        }
        if group.listens.is_empty() && statement.inside().is_empty() {
            self.wrong(statement, "the group has no entries, and keepalived leaves it out");
        }
        if self.groups.insert(name.clone(), group).is_some() {
            let words = format!("there is another group {name} before; keepalived takes the first");
            self.wrong(statement, &words);
        }
    }

    fn entry(&mut self, statement: &Statement) -> Option<Vec<At<Listen>>> {
        let at = statement.at;
        if statement.keyword() == "fwmark" {
            return self.marked(statement);
        }
        let text = statement.keyword();
        if text.contains(':') {
            self.say(statement, Outcome::NotTaken, "IPv6 is not supported yet");
            return None;
        }
        let Some((first, last)) = addresses(text) else {
            let words = "write an address, a range as in 198.51.100.10-20, or a network as in \
                         198.51.100.16/28";
            self.wrong(statement, words);
            return None;
        };
        if last - first >= MOST {
            let words = format!(
                "a service listens on 64 addresses at the most, and this is {}; give \
                                 the network another way in",
                last - first + 1
            );
            self.say(statement, Outcome::NotTaken, &words);
            return None;
        }
        let port = match statement.argument(0) {
            None => 0,
            Some(text) => self.port(statement, text)?,
        };
        self.taken(statement);
        let listens = (first..=last).map(|address| {
            let address = Ipv4Addr::from(address);
            let listen = match port {
                0 => all_ports(address),
                port => Listen { address, first: port, last: port },
            };
            At { value: listen, at }
        });
        Some(listens.collect())
    }

    /// What the packets of a mark come for, by the firewall's rules.
    pub(super) fn marked(&mut self, statement: &Statement) -> Option<Vec<At<Listen>>> {
        let mark = statement.words.iter().filter_map(|word| word.parse::<u32>().ok()).next();
        let found = mark.and_then(|mark| self.rules.marks.get(&mark));
        let Some(found) = found.filter(|found| !found.is_empty()) else {
            let words = "a firewall mark stands for what the firewall marks; give its rules with \
                         --iptables-save FILE, or write address and port instead";
            self.say(statement, Outcome::NotTaken, words);
            return None;
        };
        let at = statement.at;
        let listens = found.iter().map(|(_, listen)| At { value: *listen, at }).collect();
        self.say(statement, Outcome::Otherwise, "the addresses and ports that the rules mark");
        Some(listens)
    }

    /// A port, by its number or name.
    pub(super) fn port(&mut self, statement: &Statement, text: &str) -> Option<u16> {
        match self.ports.read(text) {
            Some((port, false)) => Some(port),
            Some((port, true)) => {
                let words = format!("keepalived takes numbers alone; {text} is port {port}");
                self.say(statement, Outcome::Otherwise, &words);
                Some(port)
            }
            None => {
                let names = self.ports.names();
                let words = crate::suggestion::unknown("port", text, names);
                self.wrong(statement, &words);
                None
            }
        }
    }

    /// Groups that no service names.
    pub(super) fn unused_groups(&mut self) {
        let mut unused: Vec<_> = self
            .groups
            .iter()
            .filter(|(_, group)| !group.is_used)
            .filter_map(|(name, group)| Some((group.at?, name.clone())))
            .collect();
        unused.sort();
        for (at, name) in unused {
            let text = format!("virtual_server_group {name}");
            self.report.add(at, text, Outcome::Unneeded, "no virtual_server names the group");
        }
    }
}

/// The first and the last address of a range or a network.
fn addresses(text: &str) -> Option<(u32, u32)> {
    if let Some((network, prefix)) = text.split_once('/') {
        let network: Ipv4Addr = network.parse().ok()?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| (1..=32).contains(prefix))?;
        let hosts = u32::MAX.checked_shr(prefix).unwrap_or(0);
        let first = network.to_bits();
        return (first & hosts == 0).then_some((first, first | hosts));
    }
    let Some((first, last)) = text.split_once('-') else {
        let address = text.parse::<Ipv4Addr>().ok()?.to_bits();
        return Some((address, address));
    };
    let first = first.parse::<Ipv4Addr>().ok()?.to_bits();
    let last = match last.parse::<Ipv4Addr>() {
        Ok(last) => last.to_bits(),
        Err(_) => first & !0xff | u32::from(last.parse::<u8>().ok()?),
    };
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> Option<u32> {
        addresses(text).map(|(first, last)| last - first + 1)
    }

    #[test]
    fn ranges_and_networks() {
        assert_eq!(count("198.51.100.10"), Some(1));
        assert_eq!(count("198.51.100.10-20"), Some(11));
        assert_eq!(count("198.51.100.250-198.51.101.5"), Some(12));
        assert_eq!(count("198.51.100.16/28"), Some(16));
        assert_eq!(count("198.51.100.17/32"), Some(1));
        for wrong in ["198.51.100.17/28", "10.0.0.9-3", "10.0.0.0/0", "10.0.0.1-256", "x", "1-2"] {
            assert_eq!(addresses(wrong), None, "{wrong}");
        }
    }
}
