//! The term on disk: written before it is used, so that a machine that crashed does not use
//! it again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use failover::Term;
use tokio::sync::mpsc;

use super::{DriverHandle, DriverRequest};

/// The file that keeps the term over a restart.
#[derive(Clone, Debug)]
pub struct TermFile {
    folder: PathBuf,
}

/// Why the term was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum TermError {
    /// The file or its folder cannot be used.
    #[error("the file of the term, {path}, cannot be used: {error}")]
    Io {
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is no number in it.
    #[error("the file of the term, {0}, has no number in it")]
    Malformed(PathBuf),
}

impl TermFile {
    /// Keeps the term in this folder, which is made if it is not there.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        TermFile { folder: folder.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("term")
    }

    fn failed(&self, error: io::Error) -> TermError {
        TermError::Io { path: self.path(), error }
    }

    /// The term that is on disk; 0 before the first.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or holds no number.
    pub fn read(&self) -> Result<Term, TermError> {
        match fs::read_to_string(self.path()) {
            Ok(text) => {
                let term = text.trim().parse().map(Term);
                term.map_err(|_| TermError::Malformed(self.path()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Term(0)),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Writes the term so that it, or the one before, is there after any crash.
    ///
    /// # Errors
    /// When it may not be on disk.
    pub fn write(&self, term: Term) -> Result<(), TermError> {
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let draft = self.folder.join("term.new");
            let mut file = File::create(&draft)?;
            writeln!(file, "{}", term.0)?;
            file.sync_all()?;
            fs::rename(&draft, self.path())?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| self.failed(error))
    }
}

/// Writes the terms that are sent to it, one after the other, and tells the driver. Ends
/// when nobody can send any more.
pub fn keep(file: &TermFile, mut terms: mpsc::UnboundedReceiver<Term>, driver: &DriverHandle) {
    let mut written = file.read().unwrap_or_default();
    while let Some(term) = terms.blocking_recv() {
        let result = if term > written { file.write(term) } else { Ok(()) };
        if let Err(error) = &result {
            tracing::error!("{error}");
        } else {
            written = written.max(term);
        }
        driver.tell(DriverRequest::TermStored { term, stored: result.is_ok() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_term_outlives_the_process() {
        let folder = std::env::temp_dir().join(format!("tandem-term-{}", std::process::id()));
        let file = TermFile::new(&folder);
        assert_eq!(file.read().unwrap(), Term(0));
        file.write(Term(7)).unwrap();
        file.write(Term(u64::MAX)).unwrap();
        assert_eq!(TermFile::new(&folder).read().unwrap(), Term(u64::MAX));
        fs::write(folder.join("term"), "seven").unwrap();
        assert!(file.read().unwrap_err().to_string().contains("has no number in it"));
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "in the way").unwrap();
        assert!(file.write(Term(8)).is_err());
        fs::remove_file(&folder).unwrap();
    }
}
