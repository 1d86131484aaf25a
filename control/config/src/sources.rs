//! The files that a configuration is read from.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::checked::Checked;
use crate::mistake::Mistakes;

/// The texts of a configuration with their names, in the order in which they are read. Two
/// processes that have the same sources have the same configuration, whatever happens to the
/// files meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sources {
    files: Vec<Source>,
}

/// One file: its name and its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// As it is named in mistakes.
    pub name: String,
    /// All of it.
    pub text: String,
}

impl Sources {
    /// From the files with their names, the first of which is the one that the others belong to.
    #[must_use]
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(name, text)| Source { name, text });
        Sources { files: files.collect() }
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// One mistake without a place when the file cannot be read, or with one where it is no text.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Mistakes> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| Mistakes::unreadable(&name, &error))?;
        let text = String::from_utf8(bytes).map_err(|error| Mistakes::not_text(&name, &error))?;
        Ok(Sources::new([(name, text)]))
    }

    /// The configuration that stands in them, with the warnings.
    ///
    /// # Errors
    /// Every mistake in them at once.
    pub fn check(self) -> Result<Checked, Mistakes> {
        crate::validate::check(self)
    }

    /// The files in the order in which they are read.
    #[must_use]
    pub fn files(&self) -> &[Source] {
        &self.files
    }

    pub(crate) fn root(&self) -> (&str, &str) {
        self.files.first().map_or(("", ""), |file| (&file.name, &file.text))
    }

    /// Tells these sources from all others: 32 hexadecimal digits that hang on every name and
    /// text, and are the same on every machine and in every release.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for Source { name, text } in &self.files {
            for part in [name, text] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
        }
        digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(files: &[(&str, &str)]) -> String {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Sources::new(files).digest()
    }

    #[test]
    fn the_digest_hangs_on_every_name_and_text() {
        let one = digest(&[("a", "text")]);
        assert_eq!(one, digest(&[("a", "text")]));
        assert_eq!(one.len(), 32);
        for others in [
            &[("b", "text")][..],
            &[("a", "text ")],
            &[("at", "ext")],
            &[("a", "text"), ("", "")],
            &[("a", ""), ("text", "")],
            &[],
        ] {
            assert_ne!(one, digest(others), "{others:?}");
        }
    }
}
