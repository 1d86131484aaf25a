//! Digests of what both machines of a pair must have alike.

use core::fmt::Debug;

use sha2::{Digest, Sha256};

use crate::model::Config;
use crate::schema::SECTIONS;

/// What is compared: the names of the [`Digests`], in their order.
///
/// `services` is everything in them: servers, schedulers, persistence, limits, also those of their
/// clients, and checks. Each
/// machine checks servers for itself, and a takeover must not change which of them are well; so
/// their checks must be alike too. The order of services is not compared, that of servers and
/// masquerade rules is: tables of hashes are built, and rules are tried, in this order.
pub const SECTIONS_OF_A_PAIR: [&str; 5] =
    ["services", "masquerade", "floating addresses", "timeouts", "peer"];

/// A digest of each part of a configuration that both machines of a pair must have alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Digests {
    /// Of the keys that there are: two releases with other keys cannot be compared.
    pub schema: u64,
    /// Of [`SECTIONS_OF_A_PAIR`].
    pub sections: [u64; SECTIONS_OF_A_PAIR.len()],
}

impl Config {
    /// The digests of this configuration, the same on every machine of the same release.
    #[must_use]
    pub fn digests(&self) -> Digests {
        let mut services: Vec<_> = self.services.iter().collect();
        services.sort_by(|one, other| one.name.cmp(&other.name));
        let floating = [&self.public, &self.private].map(|side| {
            let mut floating = side.floating.clone();
            floating.sort();
            (floating, side.virtual_mac)
        });
        // `dead` and `lease` travel by themselves, since they tell how long a takeover waits.
        let peer = self.peer.as_ref().map(|peer| {
            let timing = peer.timing;
            (peer.port, timing.interval, timing.grace, timing.quiet)
        });
        Digests {
            schema: digest(&SECTIONS),
            sections: [
                digest(&(services, self.node.unserved, &self.sources)),
                digest(&self.masquerade),
                digest(&floating),
                digest(&self.timeouts),
                digest(&peer),
            ],
        }
    }
}

impl Digests {
    /// The names of the sections that differ; none when the two cannot be compared.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<Vec<&'static str>> {
        if self.schema != other.schema {
            return None;
        }
        let pairs = self.sections.iter().zip(other.sections);
        let named = SECTIONS_OF_A_PAIR.into_iter().zip(pairs);
        Some(named.filter(|(_, (own, other))| *own != other).map(|(name, _)| name).collect())
    }
}

/// What a value says of itself for debugging names each of its fields: a field that is added is
/// compared without further code.
fn digest(value: &impl Debug) -> u64 {
    let hash = Sha256::digest(format!("{value:?}"));
    hash.iter().take(8).fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str = include_str!("../../../docs/examples/tandem.toml");

    fn digests(from: &str, to: &str) -> Digests {
        assert!(COMPLETE.contains(from), "{from}");
        Config::from_str("t", &COMPLETE.replacen(from, to, 1)).unwrap().digests()
    }

    #[test]
    fn each_section_is_named_when_it_differs() {
        let own = digests("", "");
        for (from, to, names) in [
            ("weight = 1", "weight = 2", &["services"][..]),
            ("\"rr\"", "\"wrr\"", &["services"]),
            ("10.0.0.0/24\"]\naddress", "10.0.0.0/25\"]\naddress", &["masquerade"]),
            (
                "[\"198.51.100.10/24\"]",
                "[\"198.51.100.10/24\", \"198.51.100.9/24\"]",
                &["floating addresses"],
            ),
            ("[[masquerade]]", "[timeouts]\nfragment = \"9s\"\n[[masquerade]]", &["timeouts"]),
            // What each machine has for itself.
            ("name = \"a\"", "name = \"b\"", &[]),
            ("198.51.100.2/24", "198.51.100.3/24", &[]),
            ("workers = [1]", "workers = [1, 2]", &[]),
            ("scheduler = \"wlc\"\n", "", &[]),
        ] {
            assert_eq!(own.differing(&digests(from, to)).unwrap(), names, "{to}");
        }
        let other = Digests { schema: own.schema + 1, ..own };
        assert_eq!(own.differing(&other), None);
    }

    #[test]
    fn the_order_of_services_does_not_matter() {
        let at = COMPLETE.find("[[service]]").unwrap();
        let (head, services) = COMPLETE.split_at(at);
        let second = services.rfind("[[service]]").unwrap();
        let (first, second) = services.split_at(second);
        let turned = Config::from_str("t", &format!("{head}{second}\n{first}")).unwrap();
        assert_eq!(turned.services[0].name, "dns");
        assert_eq!(digests("", "").differing(&turned.digests()), Some(vec![]));
    }
}
