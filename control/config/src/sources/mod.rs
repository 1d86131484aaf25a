//! The files that a configuration is read from.

mod file;
mod include;

use core::ops::Range;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::checked::Checked;
use crate::mistake::{Mistakes, Severity};

/// The texts of a configuration with their names, in the order in which they are read. Two
/// processes that have the same sources have the same configuration, whatever happens to the
/// files meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sources {
    files: Vec<Source>,
    problems: Vec<Problem>,
}

/// One file: its name and its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// As it is named in mistakes.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// What went wrong while the files were read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// The file that names the other one, by its number, and where it does.
    pub(crate) file: usize,
    pub(crate) at: Range<usize>,
    pub(crate) kind: ProblemKind,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

/// How bad it is, and what it means for the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ProblemKind {
    Warning,
    /// A file was not read.
    Missing,
    /// The file has an end here, though more bytes follow.
    Broken,
}

impl Sources {
    /// From the files with their names, the first of which is the one that the others belong to.
    #[must_use]
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(name, text)| Source { name, text });
        Sources { files: files.collect(), problems: Vec::new() }
    }

    /// Reads a configuration file, and the files that it includes. What is wrong with those is
    /// told by [`Sources::check`], with everything else.
    ///
    /// # Errors
    /// One mistake without a place when the file cannot be read, or with one where it is no text.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Mistakes> {
        include::read(path.as_ref())
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

    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
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

impl ProblemKind {
    pub(crate) fn severity(self) -> Severity {
        match self {
            ProblemKind::Warning => Severity::Warning,
            ProblemKind::Missing | ProblemKind::Broken => Severity::Error,
        }
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
