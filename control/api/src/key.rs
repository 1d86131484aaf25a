//! The pair's key as tandem-control sees it. A key itself is in no message of this socket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An order about this machine's keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyOrder {
    /// The number of the run of a command that orders it. A machine takes orders of one run at a
    /// time, and keeps others out until that one has said nothing for a while. 0 is enough to look.
    pub run: u64,
    /// What is to be done.
    pub step: KeyStep,
}

/// What is to be done with this machine's keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStep {
    /// Nothing.
    Look,
    /// A successor of the used key is made, and accepted.
    Make,
    /// The accepted key of this name is used, and the one before it accepted.
    Use(String),
    /// The accepted key of this name is accepted no more.
    Forget(String),
    /// The files have been changed, and are read again.
    Reload,
}

/// The keys of a machine.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KeyState {
    /// The key that the machine seals and dials with.
    pub used: HeldKey,
    /// Another one that it accepts of its peer.
    pub accepted: Option<HeldKey>,
    /// The name of the key with which the peer's heartbeats come; `None` while none come.
    pub peers: Option<String>,
}

/// A key that a machine holds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HeldKey {
    /// A number that tells keys apart, and tells nothing of them.
    pub name: String,
    /// How many keys were before it.
    pub generation: u64,
    /// The same number for a key and those that it came from: only of such a key a later one is the
    /// newer one.
    pub line: String,
}
