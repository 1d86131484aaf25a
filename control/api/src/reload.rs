//! Taking a configuration while traffic goes on.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The order to read a configuration file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reload {
    /// The file; `None` stands for the one that the dataplane was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// The answer to a reload that has been carried out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Reloaded {
    /// The generation that is in force; unchanged if the configuration is.
    pub generation: u64,
    /// Warnings about the configuration, one a line.
    pub warnings: Vec<String>,
}
