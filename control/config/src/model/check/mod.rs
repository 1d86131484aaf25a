//! Health checks of real servers.

mod agent;
mod kind;
mod pattern;

use core::time::Duration;
use std::net::Ipv4Addr;

pub use agent::Agent;
pub use kind::{
    CheckKind, Dns, DnsType, Exchange, Exec, Http, HttpMethod, HttpVersion, Rcode, StatusRange,
    Tls, Transport, compile_regex,
};
pub use pattern::Pattern;

/// How it is found out whether a real server is well, and how often.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Check {
    /// What is asked.
    pub kind: CheckKind,
    /// The address that is asked; none: the server's own.
    pub address: Option<Ipv4Addr>,
    /// The port that is asked; none: the server's own.
    pub port: Option<u16>,
    /// From one check to the next while the server is up.
    pub interval: Duration,
    /// From one check to the next after a failure or a success that differs from the state, until
    /// the state is decided; at most the interval.
    pub fast: Duration,
    /// From one check to the next while the server is down.
    pub down: Duration,
    /// How long an answer may take; at most the interval.
    pub timeout: Duration,
    /// Failures in a row that take a server out, at least 1.
    pub fall: u16,
    /// Successes in a row that take it back, at least 1.
    pub rise: u16,
    /// What a server is before its first checks.
    pub start: Start,
    /// The longest that a server which keeps changing has to be well before it is taken back;
    /// zero: `rise` alone decides.
    pub hold_max: Duration,
}

impl Check {
    /// The interval where none is given.
    pub const INTERVAL: Duration = Duration::from_secs(2);

    /// A check with every default.
    pub fn new(kind: CheckKind) -> Self {
        Check {
            kind,
            address: None,
            port: None,
            interval: Check::INTERVAL,
            fast: Check::INTERVAL / 4,
            down: Check::INTERVAL,
            timeout: Duration::from_secs(1),
            fall: 3,
            rise: 2,
            start: Start::default(),
            hold_max: Duration::from_secs(300),
        }
    }

    /// The longest time from a fault to the end of the check that takes the server out: the
    /// fault comes just after a check has begun well, and each check waits for its whole timeout.
    ///
    /// The next check begins when an answer is late by `fast`; a command is not run twice at the
    /// same time, so there the next one waits for the timeout.
    pub fn detection_time(&self) -> Duration {
        let step = match self.kind {
            CheckKind::Exec(_) | CheckKind::File { .. } => self.fast.max(self.timeout),
            _ => self.fast,
        };
        self.interval + step * u32::from(self.fall.saturating_sub(1)) + self.timeout
    }
}

/// What a server is before its first checks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Start {
    /// Up, until `fall` failures.
    #[default]
    Up,
    /// Down, until `rise` successes.
    Down,
    /// Neither: it gets no new connection until the first check, which decides alone.
    Checked,
}
