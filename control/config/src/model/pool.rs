//! How the real servers of a service are used while some of them are not available.

use core::fmt;
use core::time::Duration;

/// What the keys of a service say about its servers as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolRules {
    /// How long the weight of a server that comes up takes to rise; zero: it is whole at once.
    pub slow_start: Duration,
    /// Below this share of available servers, in per cent, checks are ignored; 0: never.
    pub panic: u8,
    /// What is done when no server is available; none: [`PoolRules::all_down`] decides.
    pub when_all_down: Option<WhenAllDown>,
    /// What the weights of the available servers have to add up to.
    pub quorum: u32,
    /// How far beyond the quorum they have to rise to reach it, and to fall to lose it.
    pub hysteresis: u32,
}

impl Default for PoolRules {
    fn default() -> Self {
        PoolRules {
            slow_start: Duration::ZERO,
            panic: 0,
            when_all_down: None,
            quorum: 1,
            hysteresis: 0,
        }
    }
}

impl PoolRules {
    /// What is done when no server is available, in a service with or without sorry servers.
    pub fn all_down(&self, has_sorry: bool) -> WhenAllDown {
        match (self.when_all_down, has_sorry) {
            (Some(chosen), _) => chosen,
            (None, true) => WhenAllDown::Sorry,
            (None, false) => WhenAllDown::Keep,
        }
    }
}

/// What is done when no server of a service is available.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WhenAllDown {
    /// The servers that were the last available ones are used.
    Keep,
    /// Clients are refused.
    Refuse,
    /// The sorry servers are used.
    Sorry,
}

impl fmt::Display for WhenAllDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WhenAllDown::Keep => "keep",
            WhenAllDown::Refuse => "refuse",
            WhenAllDown::Sorry => "sorry",
        })
    }
}
