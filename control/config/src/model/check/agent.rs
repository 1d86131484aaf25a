//! Agents on real servers, which tell the weight and state that they want.

use core::time::Duration;

/// An agent that speaks the protocol of HAProxy's `agent-check`: one line over TCP.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Agent {
    /// The port that it listens on.
    pub port: u16,
    /// From one question to the next, and how long an answer may take.
    pub interval: Duration,
    /// What is sent when the connection is open; may be empty.
    pub send: Vec<u8>,
}
