//! Addresses and routes of interfaces, as ip(8) writes them.

use std::net::Ipv4Addr;

use config::Cidr;

use super::Mapper;
use crate::keepalived::read::Statement;
use crate::model::{Address, Route};
use crate::report::Outcome;

/// Words behind an address that take a value.
const WITH_VALUE: &[&str] =
    &["brd", "broadcast", "scope", "label", "peer", "track_group", "preferred_lft"];
/// Those that stand alone.
const ALONE: &[&str] =
    &["home", "-nodad", "nodad", "mngtmpaddr", "noprefixroute", "no_track", "use_vmac"];

/// An address with or without the length of a prefix.
pub(crate) fn read(text: &str) -> Option<(Ipv4Addr, Option<u8>)> {
    match text.split_once('/') {
        None => Some((text.parse().ok()?, None)),
        Some((address, prefix)) => {
            let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
            Some((address.parse().ok()?, Some(prefix)))
        }
    }
}

/// A network: the bits behind its prefix do not count.
pub(crate) fn network(text: &str) -> Option<Cidr<Ipv4Addr>> {
    let (address, prefix) = read(text)?;
    Some(Cidr { address, prefix: prefix.unwrap_or(32) }.network())
}

impl Mapper<'_> {
    /// The address of a line, with the interface of its `dev` or of its instance.
    pub(super) fn address(
        &mut self,
        statement: &Statement,
        interface: Option<&str>,
    ) -> Option<Address> {
        let words = &statement.words;
        let (mut found, mut device) = (None, None);
        let mut rest = words.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            if word == "dev" {
                device = rest.next();
            } else if WITH_VALUE.contains(&word) {
                rest.next();
            } else if ALONE.contains(&word) || (word.starts_with('+') || word == "-") {
                // Flags change nothing of which address it is.
            } else if word.contains(':') && found.is_none() {
                let words = "IPv6 is not supported yet; what is reached over IPv4 is taken over";
                self.say(statement, Outcome::NotTaken, words);
                return None;
            } else if found.is_some() {
                let words = format!("{word:?} is no word of an address; take it out");
                self.wrong(statement, &words);
                return None;
            } else {
                found = read(word);
                if found.is_none() {
                    self.wrong(statement, "this is no address; write it as in 198.51.100.10/24");
                    return None;
                }
            }
        }
        let (address, prefix) = found?;
        let device = device.or(interface).map(str::to_owned);
        Some(Address { at: statement.at, address, prefix, device })
    }

    pub(super) fn static_addresses(&mut self, statement: &Statement) {
        self.taken(statement);
        for inside in statement.inside() {
            if let Some(address) = self.address(inside, None) {
                self.taken(inside);
                self.model.machine.real.push(address);
            }
        }
    }

    /// `static_routes`, or `virtual_routes` of an instance.
    pub(super) fn routes(&mut self, statement: &Statement, _interface: Option<&str>) {
        self.taken(statement);
        for inside in statement.inside() {
            self.route(inside);
        }
    }

    fn route(&mut self, statement: &Statement) {
        const NO_MATTER: &[&str] = &[
            "dev",
            "oif",
            "scope",
            "src",
            "metric",
            "proto",
            "protocol",
            "weight",
            "mtu",
            "track_group",
        ];
        let (mut to, mut via, mut is_plain) = (None, None, true);
        let mut words = statement.words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            match word {
                "to" => to = words.next(),
                "via" | "gw" => {
                    words.next_if_eq(&"inet");
                    via = words.next();
                }
                "onlink" | "no_track" => {}
                word if NO_MATTER.contains(&word) => {
                    words.next();
                }
                word if to.is_none() && (word == "default" || read(word).is_some()) => {
                    to = Some(word)
                }
                _ => is_plain = false,
            }
        }
        let to = to.map(|to| match to {
            "default" | "0.0.0.0/0" => Ok(None),
            to => network(to).map(Some).ok_or(()),
        });
        let via = via.map(str::parse::<Ipv4Addr>);
        let (Some(Ok(to)), Some(Ok(via)), true) = (to, via, is_plain) else {
            let words = "only a plain route is taken over, as in 10.1.0.0/16 via 10.0.0.254 dev eth1: \
                         Tandem has one routing table for each side";
            return self.say(statement, Outcome::NotTaken, words);
        };
        let text = statement.text.clone();
        self.model.machine.routes.push(Route { at: statement.at, to, via, text });
    }
}
