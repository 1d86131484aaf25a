//! Health checks of real servers.

use core::time::Duration;

/// How it is found out whether a real server is well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What is asked.
    pub kind: CheckKind,
    /// The port that is asked; none: the server's own.
    pub port: Option<u16>,
    /// From one check to the next.
    pub interval: Duration,
    /// How long an answer may take; at most the interval.
    pub timeout: Duration,
    /// Failures in a row that take a server out, at least 1.
    pub fall: u16,
    /// Successes in a row that take it back, at least 1.
    pub rise: u16,
}

impl Check {
    /// A check with every default.
    pub fn new(kind: CheckKind) -> Self {
        Check {
            kind,
            port: None,
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            fall: 3,
            rise: 2,
        }
    }
}

/// What a check asks.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CheckKind {
    /// A TCP connection can be opened.
    Tcp,
    /// A GET is answered with a status in the range.
    Http {
        /// The path, from `/` on.
        path: String,
        /// The Host header; none: the server's address.
        host: Option<String>,
        /// The statuses that are well.
        status: StatusRange,
    },
    /// A DNS query over UDP is answered.
    Dns {
        /// The name whose address is asked for.
        name: String,
    },
    /// An ICMP echo is answered.
    Ping,
}

/// HTTP statuses from the first to the last, both among them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StatusRange {
    /// The first, at least 100.
    pub first: u16,
    /// The last, at most 599.
    pub last: u16,
}

impl Default for StatusRange {
    fn default() -> Self {
        StatusRange { first: 200, last: 299 }
    }
}
