//! The schedulers that a service can have, in one list.
//!
//! The configuration reads these names, `nat` has one algorithm for each, status shows them
//! and docs/configuration.md has a row for each. `config` and `nat` do not know each other,
//! so the list is below both.

use core::fmt;

macro_rules! schedulers {
    ($($(#[$attribute:meta])* $variant:ident $name:literal $sentence:literal,)*) => {
        /// How a new connection finds its real server. The names are those of IPVS.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub enum Kind {
            $(#[doc = $sentence] $(#[$attribute])* $variant,)*
        }

        impl Kind {
            /// Every scheduler, in the order of the documentation.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),*];

            /// Every scheduler by its name.
            pub const BY_NAME: &'static [(&'static str, Kind)] = &[$(($name, Kind::$variant)),*];

            /// The name in the configuration, such as `wlc`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Kind::$variant => $name,)*
                }
            }

            /// What the scheduler does, as the documentation has it.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Kind::$variant => $sentence,)*
                }
            }
        }
    };
}

schedulers! {
    RoundRobin "rr"
        "The servers in turn; a weight counts only in that 0 gets nothing.",
    WeightedRoundRobin "wrr"
        "The servers in turn, each as often as its weight says, evenly mixed.",
    LeastConnection "lc"
        "The server with the fewest connections; a weight counts only in that 0 gets nothing.",
    #[default]
    WeightedLeastConnection "wlc"
        "The server with the fewest connections for its weight.",
    ShortestExpectedDelay "sed"
        "The server that would have the fewest connections for its weight with this one added.",
    NeverQueue "nq"
        "A server without connections if there is one; otherwise as sed.",
    SourceHash "sh"
        "Always the same server for a client's address, by weighted rendezvous hashing.",
    DestinationHash "dh"
        "Always the same server for a virtual IP, by weighted rendezvous hashing; for caches.",
    Maglev "mh"
        "Always the same server for a client's address, by a Maglev table: even, and found at once.",
    Failover "fo"
        "The server with the highest weight; the others wait until it gets nothing.",
    Overflow "ovf"
        "The server with the highest weight that has no more active connections than its weight.",
    PowerOfTwoChoices "twos"
        "Two servers are drawn by weight; the one with fewer connections for its weight.",
}

impl Kind {
    /// Every name that the configuration reads: `p2c` is what others call `twos`.
    pub const ACCEPTED: &'static [(&'static str, Kind)] = &{
        let mut all = [("p2c", Kind::PowerOfTwoChoices); Kind::BY_NAME.len() + 1];
        let mut at = 0;
        while at < Kind::BY_NAME.len() {
            all[at] = Kind::BY_NAME[at];
            at += 1;
        }
        all
    };

    /// True if the connections that a server has already decide: then each choice must know
    /// of those before it.
    pub const fn looks_at_loads(self) -> bool {
        match self {
            Kind::LeastConnection
            | Kind::WeightedLeastConnection
            | Kind::ShortestExpectedDelay
            | Kind::NeverQueue
            | Kind::Overflow
            | Kind::PowerOfTwoChoices => true,
            Kind::RoundRobin
            | Kind::WeightedRoundRobin
            | Kind::SourceHash
            | Kind::DestinationHash
            | Kind::Maglev
            | Kind::Failover => false,
        }
    }

    /// True if a hash of the packet's addresses decides.
    pub const fn is_hash(self) -> bool {
        matches!(self, Kind::SourceHash | Kind::DestinationHash | Kind::Maglev)
    }

    /// True if the hash is the client's.
    pub const fn hashes_clients(self) -> bool {
        matches!(self, Kind::SourceHash | Kind::Maglev)
    }

    /// The scheduler that does the same by weight, of one that takes no account of weights.
    pub const fn weighted(self) -> Option<Kind> {
        match self {
            Kind::RoundRobin => Some(Kind::WeightedRoundRobin),
            Kind::LeastConnection => Some(Kind::WeightedLeastConnection),
            _ => None,
        }
    }
}

/// How the schedulers that hash choose: what IPVS calls the flags of `sh` and `mh`, and bounded
/// loads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HashOptions {
    /// Hash the client's port besides its address (IPVS: `sh-port`, `mh-port`).
    pub port: bool,
    /// Refuse a client whose server gets nothing now. Otherwise it gets another one, always the
    /// same (IPVS: `sh-fallback`, `mh-fallback`).
    pub strict: bool,
    /// The most connections that a server may have before others take its clients, in per cent
    /// of its share of all connections; 0: as many as come.
    pub bound: u16,
    /// Places in a Maglev table, one of [`HashOptions::TABLE_SIZES`].
    pub table_size: u32,
}

impl HashOptions {
    /// The sizes that a Maglev table may have, primes all of them: those of IPVS, and the two of
    /// the paper (Eisenbud et al., "Maglev", NSDI 2016).
    pub const TABLE_SIZES: [u32; 12] =
        [251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_521, 65_537, 131_071, 655_373];
}

impl Default for HashOptions {
    fn default() -> Self {
        HashOptions { port: false, strict: false, bound: 0, table_size: 65_537 }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_mean_their_scheduler() {
        for (at, &kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(Kind::BY_NAME[at], (kind.name(), kind));
            assert_eq!(kind.to_string(), kind.name());
            assert!(Kind::ALL[..at].iter().all(|other| other.name() != kind.name()));
            assert_eq!(Kind::ACCEPTED[at], (kind.name(), kind));
        }
        assert_eq!(Kind::ACCEPTED[Kind::ALL.len()..], [("p2c", Kind::PowerOfTwoChoices)]);
    }

    #[test]
    fn the_sizes_of_tables_are_primes_in_order() {
        let is_prime = |n: u32| (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0);
        assert!(HashOptions::TABLE_SIZES.iter().all(|&size| is_prime(size)));
        assert!(HashOptions::TABLE_SIZES.is_sorted());
    }
}
