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
}

impl Kind {
    /// True if the connections that a server has already decide: then each choice must know
    /// of those before it.
    pub const fn looks_at_loads(self) -> bool {
        match self {
            Kind::RoundRobin | Kind::WeightedRoundRobin => false,
            Kind::LeastConnection | Kind::WeightedLeastConnection => true,
        }
    }

    /// The scheduler that does the same by weight, of one that takes no account of weights.
    pub const fn weighted(self) -> Option<Kind> {
        match self {
            Kind::RoundRobin => Some(Kind::WeightedRoundRobin),
            Kind::LeastConnection => Some(Kind::WeightedLeastConnection),
            Kind::WeightedRoundRobin | Kind::WeightedLeastConnection => None,
        }
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
        }
    }
}
