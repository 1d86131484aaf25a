//! Requests that were not done, and why.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::version::VERSION;

/// Why a request was not done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure, by which a program decides what to do.
    pub failure: FailureKind,
    /// One sentence for the operator, without its full stop.
    pub message: String,
    /// What the sentence sums up, one item a line: the mistakes in a configuration, or the keys
    /// that take a restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The kinds of failure that a program can tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The message speaks another version of the protocol.
    Version,
    /// The message is not JSON, or not one of this version.
    Malformed,
    /// The message, or the answer to it, is larger than a frame.
    TooLarge,
    /// There are mistakes in the configuration; the running one stays.
    Configuration,
    /// The configuration changes what only a restart can change; the running one stays.
    RestartNeeded,
    /// The server did not get to the request in time; it may be tried again.
    Busy,
    /// What the request names is not in the configuration.
    NotFound,
    /// The machine is not in the state that the request needs.
    NotNow,
    /// The server has failed in a way that no request should cause.
    Internal,
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

impl Failure {
    /// Makes a failure without details.
    pub fn new(failure: FailureKind, message: impl Into<String>) -> Self {
        Failure { failure, message: message.into(), details: Vec::new() }
    }

    /// Adds details, one a line, and returns the failure.
    #[must_use]
    pub fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    pub(crate) fn version(theirs: u32) -> Self {
        Failure::new(
            FailureKind::Version,
            format!(
                "the message speaks version {theirs} of the protocol and version {VERSION} is \
                 spoken here: install the same release of tandem and tandem-dataplane"
            ),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.details.iter().try_for_each(|detail| write!(f, "\n  {detail}"))
    }
}

impl core::error::Error for Failure {}
