//! Versions of the configuration: what was applied, is to be confirmed, and can be had again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One file of a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VersionFile {
    /// Its path below the folder of the main file, which is the first of a version's files.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// The order to take these files in place of those in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Apply {
    /// The main file, and those that it includes.
    pub files: Vec<VersionFile>,
    /// The files of before come back after so many milliseconds unless this is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<u64>,
}

/// The order to take the files of an older version.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RollBack {
    /// Its number; `None` stands for the one before that in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// As with [`Apply`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<u64>,
}

/// Which version's files are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionNumber {
    /// The number.
    pub number: u64,
}

/// How a version came to be in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionOrigin {
    /// The files were there at a start or a reload.
    #[default]
    Files,
    /// By `tandem apply`.
    Applied,
    /// By `tandem config rollback`.
    RolledBack,
    /// It came back because the one after it was not confirmed.
    NotConfirmed,
}

/// One version.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Version {
    /// Counted from 1; never used twice.
    pub number: u64,
    /// When it came into force, in seconds since 1970.
    pub time: u64,
    /// How it did.
    pub origin: VersionOrigin,
    /// The version whose files it has, if it has those of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// Tells its files from all others.
    pub digest: String,
    /// When the one before comes back unless this one is confirmed, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_by: Option<u64>,
}

/// The versions that are kept, the newest first: it is the one in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Versions {
    /// All of them.
    pub versions: Vec<Version>,
}

/// The answer to an order that was carried out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Applied {
    /// What is in force now.
    pub version: Version,
    /// The generation of the configuration in the dataplane.
    pub generation: u64,
    /// Warnings about the configuration, one a line.
    pub warnings: Vec<String>,
}

/// The files of one version.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VersionFiles {
    /// The main file first.
    pub files: Vec<VersionFile>,
}
