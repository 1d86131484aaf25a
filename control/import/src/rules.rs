//! `iptables-save`: what its marks stand for, and who is masqueraded.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use config::{Listen, Protocol};

use crate::keepalived::read_network;
use crate::model::{Masquerade, all_ports};
use crate::report::{Outcome, Place, Report};

/// What the rules say that concerns an import.
#[derive(Clone, Default, Debug)]
pub(crate) struct Rules {
    /// What is given each mark.
    pub(crate) marks: HashMap<u32, Vec<(Protocol, Listen)>>,
    pub(crate) masquerades: Vec<Masquerade>,
}

/// A rule, as its options with their values; one behind `!` has it in its name.
struct Rule<'r>(Vec<(String, &'r str)>);

impl<'r> Rule<'r> {
    fn read(line: &'r str) -> Option<Self> {
        let mut words = line.split_whitespace().peekable();
        if words.next()? != "-A" {
            return None;
        }
        let mut options = vec![("-A".to_owned(), words.next()?)];
        let mut not = "";
        while let Some(word) = words.next() {
            if word == "!" {
                not = "!";
                continue;
            }
            let value = words.next_if(|next| !next.starts_with('-') && *next != "!");
            options.push((format!("{not}{word}"), value.unwrap_or_default()));
            not = "";
        }
        Some(Rule(options))
    }

    fn get(&self, names: &[&str]) -> Option<&'r str> {
        self.0.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| *value)
    }
}

/// Reads what `iptables-save` wrote.
pub(crate) fn read(text: &str, file: u32, report: &mut Report) -> Rules {
    let (mut rules, mut table) = (Rules::default(), "");
    for (index, line) in text.lines().enumerate() {
        let at = Place { file, line: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        let line = line.trim();
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        }
        let Some(rule) = Rule::read(line) else { continue };
        match (table, rule.get(&["-j", "--jump"])) {
            ("mangle", Some("MARK")) => rules.mark(&rule, line, at, report),
            ("nat", Some("MASQUERADE" | "SNAT")) => rules.masquerade(&rule, line, at, report),
            ("nat", Some("DNAT" | "REDIRECT")) => {
                let words = "Tandem forwards to services alone; write it as one, if it is needed";
                report.add(at, line, Outcome::NotTaken, words);
            }
            _ => {}
        }
    }
    rules
}

impl Rules {
    fn mark(&mut self, rule: &Rule<'_>, line: &str, at: Place, report: &mut Report) {
        let mark = rule.get(&["--set-mark", "--set-xmark", "--set-mark-return"]);
        let mark = mark.and_then(|mark| number(mark.split('/').next().unwrap_or_default()));
        let address = rule.get(&["-d", "--destination"]).and_then(read_network);
        let address = address.filter(|network| network.prefix == 32).map(|one| one.address);
        let protocol = match rule.get(&["-p", "--protocol"]) {
            Some("tcp") => Some(Protocol::Tcp),
            Some("udp") => Some(Protocol::Udp),
            _ => None,
        };
        let (Some(mark), Some(address), Some(protocol)) = (mark, address, protocol) else {
            let words = "a service needs one address and tcp or udp; write it by hand";
            return report.add(at, line, Outcome::NotTaken, words);
        };
        let ports = rule.get(&["--dport", "--dports", "--destination-port"]);
        let listens: Option<Vec<Listen>> = match ports {
            None => Some(vec![all_ports(address)]),
            Some(ports) => ports.split(',').map(|range| listen(address, range)).collect(),
        };
        let Some(listens) = listens else {
            return report.add(at, line, Outcome::NotUnderstood, "its ports are no numbers");
        };
        report.add(at, line, Outcome::Taken, "");
        let known = self.marks.entry(mark).or_default();
        known.extend(listens.into_iter().map(|listen| (protocol, listen)));
    }

    fn masquerade(&mut self, rule: &Rule<'_>, line: &str, at: Place, report: &mut Report) {
        let source = rule.get(&["-s", "--source"]).and_then(read_network);
        let Some(source) = source.filter(|source| source.prefix > 0) else {
            let words = "it is for every source; write a [[masquerade]] with the private networks";
            return report.add(at, line, Outcome::NotTaken, words);
        };
        let address = match rule.get(&["--to-source"]) {
            None => None,
            Some(to) => match to.split([':', '-']).next().unwrap_or_default().parse::<Ipv4Addr>() {
                Ok(address) => Some(address),
                Err(_) => {
                    let words = "its --to-source is no address; write a [[masquerade]] by hand";
                    return report.add(at, line, Outcome::NotUnderstood, words);
                }
            },
        };
        report.add(at, line, Outcome::Taken, "");
        self.masquerades.push(Masquerade { at, source, address });
    }
}

fn listen(address: Ipv4Addr, range: &str) -> Option<Listen> {
    let (first, last) = range.split_once(':').unwrap_or((range, range));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some(Listen { address, first, last })
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "\
*mangle
-A PREROUTING -d 198.51.100.10/32 -p tcp -m multiport --dports 80,443 -j MARK --set-xmark 0x15/0xffffffff
-A PREROUTING -d 198.51.100.10/32 -p tcp -m tcp --dport 10000:20000 -j MARK --set-mark 21
-A PREROUTING -p tcp -j MARK --set-mark 9
COMMIT
*nat
-A POSTROUTING -s 10.0.0.0/24 ! -d 10.0.0.0/24 -o eth0 -j MASQUERADE
-A POSTROUTING -s 10.1.0.0/24 -j SNAT --to-source 198.51.100.11
COMMIT
";

    #[test]
    fn marks_and_masquerades() {
        let mut report = Report::default();
        let file = report.file("rules");
        let rules = read(SAVED, file, &mut report);
        let listens: Vec<String> = rules.marks[&21]
            .iter()
            .map(|(protocol, listen)| format!("{listen} {protocol}"))
            .collect();
        let expected =
            ["198.51.100.10:80 tcp", "198.51.100.10:443 tcp", "198.51.100.10:10000-20000 tcp"];
        assert_eq!(listens, expected);
        assert_eq!(rules.masquerades.len(), 2);
        assert_eq!(rules.masquerades[1].address, Some(Ipv4Addr::new(198, 51, 100, 11)));
        assert_eq!(report.count(Outcome::NotTaken), 1, "one is for every address");
    }
}
