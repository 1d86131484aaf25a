//! A configuration with what was found in it.

use crate::mistake::Mistake;
use crate::model::Config;
use crate::sources::Sources;

/// A valid configuration and what is odd about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The configuration.
    pub config: Config,
    /// What is allowed but hardly meant, each with its place; sorted by place.
    pub warnings: Vec<Mistake>,
    /// What it was read from.
    pub sources: Sources,
}
