//! From a text or a file to a configuration.

use std::path::Path;

use crate::checked::Checked;
use crate::mistake::Mistakes;
use crate::model::Config;
use crate::sources::Sources;

impl Config {
    /// Reads a configuration from text; `name` is what mistakes call the file.
    ///
    /// # Errors
    /// Every mistake in the text at once, sorted by place.
    pub fn from_str(name: &str, text: &str) -> Result<Self, Mistakes> {
        Self::check(name, text).map(|checked| checked.config)
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// Every mistake in the file at once, sorted by place; a file that cannot be read
    /// is one mistake without a place.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Mistakes> {
        Self::load_checked(path).map(|checked| checked.config)
    }

    /// [`Config::from_str`], with the warnings.
    ///
    /// # Errors
    /// As [`Config::from_str`].
    pub fn check(name: &str, text: &str) -> Result<Checked, Mistakes> {
        Sources::new([(name.to_owned(), text.to_owned())]).check()
    }

    /// [`Config::load`], with the warnings.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_checked(path: impl AsRef<Path>) -> Result<Checked, Mistakes> {
        Sources::read(path)?.check()
    }
}
