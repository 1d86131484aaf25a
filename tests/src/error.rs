//! What goes wrong in the lab itself.

use std::io;

/// Why the lab could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Namespaces take root.
    #[error("the lab makes network namespaces, which takes root: run it with sudo")]
    NotRoot,
    /// A program that is not installed or does not start.
    #[error("{program} could not be started: {source}; `make setup` installs what the lab needs")]
    Start { program: String, source: io::Error },
    /// A command of the lab's own set-up.
    #[error("`{command}` failed: {words}")]
    Command { command: String, words: String },
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    /// Something did not come about in time.
    #[error("waited {seconds} s in vain until {what}{words}")]
    Waited {
        seconds: u64,
        what: String,
        /// Last lines of a log that may say why.
        words: String,
    },
}

impl Error {
    /// For `map_err`: an I/O error of a file.
    pub(crate) fn file(path: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { path, source }
    }
}
