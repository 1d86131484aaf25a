//! What is known of each server: its operational state, and why.

use core::fmt;
use core::time::Duration;
use std::net::SocketAddrV4;
use std::time::{Instant, SystemTime};

/// What the checks of a server say. The administrative state (what an operator or an agent wants)
/// is another thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operational {
    /// It has no check, and is taken to be up.
    Unchecked,
    /// Its first check has not ended, and `start = "checked"` waits for that.
    Waiting,
    /// It is up.
    Up,
    /// It is up, and the last checks have failed.
    GoingDown {
        /// Failures in a row.
        failed: u16,
        /// How many take it out.
        of: u16,
    },
    /// It is down.
    Down,
    /// It is down, and the last checks have passed.
    GoingUp {
        /// Successes in a row.
        passed: u16,
        /// How many take it back.
        of: u16,
    },
    /// It is well again, and has changed too often to be believed at once.
    Flapping {
        /// How much longer it has to be well.
        held: Duration,
    },
}

impl Operational {
    /// True when the server may get new connections.
    #[must_use]
    pub fn is_up(self) -> bool {
        matches!(self, Self::Unchecked | Self::Up | Self::GoingDown { .. })
    }

    /// A word for labels: `up`, `down`, `waiting` and so on.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Waiting => "waiting",
            Self::Up => "up",
            Self::GoingDown { .. } => "going_down",
            Self::Down => "down",
            Self::GoingUp { .. } => "going_up",
            Self::Flapping { .. } => "flapping",
        }
    }

    /// The larger, the more it decides what a server with several checks is.
    pub(super) fn gravity(self) -> u8 {
        match self {
            Self::Unchecked => 0,
            Self::Up => 1,
            Self::GoingDown { .. } => 2,
            Self::Waiting => 3,
            Self::GoingUp { .. } => 4,
            Self::Flapping { .. } => 5,
            Self::Down => 6,
        }
    }
}

impl fmt::Display for Operational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchecked => f.write_str("not checked"),
            Self::Waiting => f.write_str("waiting for its first check"),
            Self::Up => f.write_str("up"),
            Self::GoingDown { failed, of } => write!(f, "up, {failed} of {of} checks failed"),
            Self::Down => f.write_str("down"),
            Self::GoingUp { passed, of } => write!(f, "down, {passed} of {of} checks passed"),
            Self::Flapping { held } => {
                write!(f, "flapping, held {} s", held.as_secs_f64().ceil() as u64)
            }
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// How a check ended, in HAProxy's words.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Each of them.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// As HAProxy writes it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// The connection was opened, the echo answered, or the port not refused.
    L4Ok "L4OK",
    /// No answer to the opening of a connection, or to an echo, in time.
    L4Timeout "L4TOUT",
    /// The connection was refused, or the server cannot be reached.
    L4Connection "L4CON",
    /// No end of the TLS handshake in time.
    L6Timeout "L6TOUT",
    /// TLS failed: among others, the certificate is not believed.
    L6Response "L6RSP",
    /// The answer is well.
    L7Ok "L7OK",
    /// No answer in time.
    L7Timeout "L7TOUT",
    /// The answer is none of the protocol, or has not what it must.
    L7Response "L7RSP",
    /// The answer is a failure: an HTTP status, a DNS response code, an agent's or file's word.
    L7Status "L7STS",
    /// The command ended with success.
    ProcessOk "PROCOK",
    /// The command failed.
    ProcessError "PROCERR",
    /// The command did not end in time.
    ProcessTimeout "PROCTOUT",
    /// The check could not be made on this machine, which says nothing of the server.
    Local "SOCKERR",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the last check of a kind ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Last {
    pub code: Code,
    /// In words: `500 Internal Server Error`.
    pub text: String,
    /// From its beginning to its end.
    pub duration: Duration,
    /// When it ended.
    pub at: SystemTime,
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} after {} ms", self.code, self.text, self.duration.as_millis())
    }
}

/// A weight that a command, a file or an agent wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DynamicWeight {
    /// Of the configured one, in hundredths.
    Percent(u16),
    /// Instead of the configured one.
    Absolute(u16),
}

impl DynamicWeight {
    /// The weight of a server that is configured with this one. A part of it that is not nothing
    /// is at least 1.
    #[must_use]
    pub fn of(self, configured: u16) -> u16 {
        match self {
            DynamicWeight::Absolute(weight) => weight,
            DynamicWeight::Percent(percent) => {
                let product = u32::from(configured) * u32::from(percent);
                u16::try_from(product.div_ceil(100)).unwrap_or(u16::MAX)
            }
        }
    }
}

/// What an agent or a file asks for beside a state of health.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Administrative {
    /// It takes new connections: ends what the same agent asked for before.
    Ready,
    /// It takes no new connection.
    Drain,
    /// It is out for maintenance.
    Maintenance,
}

/// One check of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckReport {
    /// The kind, as in the configuration; `agent` for an agent.
    pub kind: &'static str,
    pub operational: Operational,
    /// When it came up or went down last.
    pub since: Instant,
    /// How it ended last; none before the first.
    pub last: Option<Last>,
    /// Failures since the check was configured.
    pub failures: u64,
    /// How often it began more than 20 ms after its time.
    pub late: u64,
}

/// A server of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    pub service: String,
    pub server: SocketAddrV4,
    /// What all of its checks together say.
    pub operational: Operational,
    /// When it came up or went down last, or was configured.
    pub since: Instant,
    /// How often it came up or went down.
    pub transitions: u64,
    /// Its checks and its agent, in the order of the configuration.
    pub checks: Vec<CheckReport>,
    /// The weights that its commands, files and agent want; the smallest counts.
    pub weights: Vec<DynamicWeight>,
    /// What its agent or files ask for.
    pub administrative: Option<Administrative>,
    /// The most connections that its agent wants.
    pub max_connections: Option<u32>,
}

impl Report {
    /// The weight of a server that is configured with this one.
    #[must_use]
    pub fn weight(&self, configured: u16) -> u16 {
        let weights = self.weights.iter().map(|weight| weight.of(configured));
        weights.min().unwrap_or(configured)
    }

    /// The check that makes it what it is: `http: L7STS: 500 after 12 ms`. None without one.
    #[must_use]
    pub fn deciding(&self) -> Option<&CheckReport> {
        let mut checks = self.checks.iter();
        checks.find(|check| check.operational.gravity() >= self.operational.gravity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_weight_is_not_nothing() {
        assert_eq!(DynamicWeight::Percent(75).of(4), 3);
        assert_eq!(DynamicWeight::Percent(1).of(1), 1);
        assert_eq!(DynamicWeight::Percent(0).of(100), 0);
        assert_eq!(DynamicWeight::Percent(200).of(65_535), 65_535);
        assert_eq!(DynamicWeight::Absolute(7).of(1), 7);
    }
}
