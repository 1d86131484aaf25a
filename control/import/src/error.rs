//! Why nothing could be imported.

use std::io;

use crate::format::Format;

/// Why nothing could be imported.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{file}: {why}; name a file that can be read")]
    Unreadable {
        /// Its name.
        file: String,
        /// Why not.
        why: String,
    },
    /// Nobody writes so much by hand: something multiplies itself.
    #[error("{file}:{line}: {what}; look for a variable, sequence or include that multiplies")]
    TooMuch {
        /// The file.
        file: String,
        /// The line, or 0.
        line: u32,
        /// What there is too much of.
        what: String,
    },
    /// No format could be told from the content.
    #[error(
        "{file}: this is none of {formats}; if it is one, say which, as in --from keepalived",
        formats = Format::NAMES
    )]
    Unknown {
        /// Its name.
        file: String,
    },
    /// What was read could not be written so that it is right.
    #[error("what was read makes no right configuration:\n{0}")]
    NotRight(String),
}

impl Error {
    pub(crate) fn unreadable(file: &str, error: &io::Error) -> Self {
        Error::Unreadable { file: file.to_owned(), why: error.to_string() }
    }

    pub(crate) fn too_much(file: &str, line: u32, what: &str) -> Self {
        Error::TooMuch { file: file.to_owned(), line, what: what.to_owned() }
    }
}
