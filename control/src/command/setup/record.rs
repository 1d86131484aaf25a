//! What setup has done, and what was there before: `/var/lib/tandem/setup.json`.

use std::io;

use host::Host;
use serde::{Deserialize, Serialize};

use super::apply::write_file;
use crate::error::Error;

pub(super) const PATH: &str = "/var/lib/tandem/setup.json";
const FOLDER: &str = "/var/lib/tandem";

/// A file as it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) text: String,
    pub(super) mode: u32,
}

/// One step that was begun. It is written down before it is done, so that also a step that broke
/// off can be undone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Done {
    /// A file was written; `digest` is that of what it got.
    Write {
        path: String,
        before: Option<Before>,
        digest: String,
        /// It became the operator's: what they have made of it is theirs.
        #[serde(default)]
        is_operators: bool,
    },
    /// A setting of the running kernel was set.
    Set { path: String, before: String },
    /// A command was begun, and `is_done` once it has succeeded.
    Run {
        command: Vec<String>,
        undo: Vec<String>,
        undo_last: bool,
        #[serde(default = "yes")]
        is_done: bool,
    },
}

/// Earlier records do not say it.
fn yes() -> bool {
    true
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    /// Folders that setup made, the outer ones first.
    pub(super) folders: Vec<String>,
    pub(super) done: Vec<Done>,
}

impl Record {
    /// What earlier runs have done; nothing where there is no file.
    pub(super) fn load(host: &Host) -> Result<Self, Error> {
        match std::fs::read_to_string(host.file(PATH)) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                Error::Setup(format!(
                    "{PATH} is not understood ({error}): what an earlier run changed is not known; \
                     put the file right, or move it away to begin anew"
                ))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(Error::Setup(format!("{PATH} cannot be read: {error}"))),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.folders.is_empty()
    }

    /// True when this command was begun and has not succeeded since.
    pub(super) fn is_unfinished(&self, command: &[&str]) -> bool {
        let last = self.done.iter().rev().find_map(|done| match done {
            Done::Run { command: there, is_done, .. } if there == command => Some(*is_done),
            _ => None,
        });
        last == Some(false)
    }

    /// What was in a file before each time that setup wrote it.
    pub(super) fn earlier(&self, path: &str) -> impl Iterator<Item = &str> {
        self.done.iter().filter_map(move |done| match done {
            Done::Write { path: there, before: Some(before), .. } if there == path => {
                Some(before.text.as_str())
            }
            _ => None,
        })
    }

    /// Writes the record down, or takes it away when it is empty.
    pub(super) fn save(&mut self, host: &Host) -> Result<(), Error> {
        let failed = |error: io::Error| Error::Setup(format!("{PATH} cannot be written: {error}"));
        let path = host.file(PATH);
        if self.is_empty() {
            return match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        self.make_folders(host, FOLDER, 0o700).map_err(failed)?;
        let text = serde_json::to_vec_pretty(&self).map_err(|error| failed(error.into()))?;
        write_file(&path, &text, 0o600).map_err(failed)
    }

    /// Makes a folder and those above it, and notes the new ones.
    pub(super) fn make_folders(&mut self, host: &Host, folder: &str, mode: u32) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let wanted = std::path::Path::new(folder);
        let mut missing: Vec<_> =
            wanted.ancestors().take_while(|folder| !host.file(folder).is_dir()).collect();
        while let Some(next) = missing.pop() {
            let mode = if next == wanted { mode } else { 0o755 };
            std::fs::DirBuilder::new().mode(mode).create(host.file(next))?;
            self.folders.push(next.display().to_string());
        }
        Ok(())
    }
}
