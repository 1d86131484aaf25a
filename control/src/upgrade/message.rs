//! What the machines say to each other of upgrades: JSON, a message each.

use serde::{Deserialize, Serialize};

/// What the one that has dialled wants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// How the machine is.
    State,
    /// Take the file whose bytes follow once this is answered with a state, and install it.
    Install(Install),
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Install {
    /// The bytes of the file.
    pub size: u64,
    /// Also when its release is not newer than the machine's.
    pub downgrade: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    State(State),
    /// It is not done; a sentence without its full stop.
    Refused(String),
}

/// How a machine is, as far as upgrades go.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The release of the image that runs; none: the machine was not started from an image.
    pub release: Option<String>,
    /// The slot that runs; none on a machine that was started by network.
    pub slot: Option<String>,
    /// Another one after each start of the machine.
    pub boot: String,
    /// True once the machine has been judged to be well since its start.
    pub good: bool,
    /// The last line of an upgrade that is under way.
    pub doing: Option<String>,
    /// Why the last upgrade from the peer was not carried out.
    pub failed: Option<String>,
    /// When and why a slot was left for the other one.
    pub left: Option<String>,
}
