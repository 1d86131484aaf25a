//! Taking a configuration while traffic goes on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which configuration to take.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reload {
    /// The file; none: the one that the dataplane was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// A configuration was taken.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reloaded {
    /// The generation now in force; the one before when nothing had changed.
    pub generation: u64,
    /// Warnings about it, one a line.
    pub warnings: Vec<String>,
}
