//! From a text or a file to a configuration.

use std::path::Path;

use crate::checked::Checked;
use crate::mistake::Mistakes;
use crate::model::Config;

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
        crate::validate::check(name, text)
    }

    /// [`Config::load`], with the warnings.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_checked(path: impl AsRef<Path>) -> Result<Checked, Mistakes> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| Mistakes::unreadable(&name, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| Mistakes::not_text(&name, &error))?;
        Self::check(&name, &text)
    }
}
