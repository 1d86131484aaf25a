//! What differs between two configurations, in the words of the file.
//!
//! Whether something differs is decided by what it means: a default that is written out, another
//! order of files or a comment is no difference. How it differs is told by the keys of the file,
//! after defaults and named checks have been filled in.

mod render;
mod tables;

use crate::document::{Report, parse};
use crate::mistake::Mistakes;
use crate::model::Config;
use crate::resolve::resolve;
use crate::sources::Sources;

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The section: `service`, `node`.
    pub section: &'static str,
    /// Which of several: a service's name, a masquerade rule's networks.
    pub name: Option<String>,
    /// The address of the real server that differs in the service.
    pub server: Option<String>,
    /// The key, with dots; none: all of it is there on one side only.
    pub key: Option<String>,
    /// What it is in the first configuration, as TOML; none: it is not there.
    pub old: Option<String>,
    /// What it is in the second one.
    pub new: Option<String>,
}

/// Every difference between two configurations, in the order of the sections in the file.
///
/// # Errors
/// Every mistake in the first one of the two that has some.
pub fn compare(old: &Sources, new: &Sources) -> Result<Vec<Difference>, Mistakes> {
    let (old_config, new_config) = (old.clone().check()?.config, new.clone().check()?.config);
    if old_config == new_config {
        return Ok(Vec::new());
    }
    let (old_report, new_report) = (Report::new(old), Report::new(new));
    let old = resolve(parse(&old_report), &old_report).table;
    let new = resolve(parse(&new_report), &new_report).table;
    Ok(tables::compare(
        Side { table: &old, config: &old_config },
        Side { table: &new, config: &new_config },
    ))
}

/// One of two configurations: as tables, and as what they mean.
#[derive(Clone, Copy)]
struct Side<'c, 't> {
    table: &'c toml::de::DeTable<'t>,
    config: &'c Config,
}
