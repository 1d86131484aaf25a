//! Reading one file: only a regular one, and not without end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// The most bytes of all files of a configuration together.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What tells a file from all others, whatever it is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Unreadable {
    Io(io::Error),
    /// A directory, FIFO, socket or device.
    NotRegular(&'static str),
    /// More than there was room for.
    TooLarge,
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Unreadable::Io(error)
    }
}

/// A file that is open.
pub(super) struct Opened {
    file: File,
    pub(super) identity: Identity,
}

/// Opens a file. What would make its reader wait (a FIFO) is opened without waiting, and refused.
pub(super) fn open(path: &Path) -> Result<Opened, Unreadable> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(Unreadable::NotRegular("a directory"));
    }
    if !metadata.is_file() {
        return Err(Unreadable::NotRegular("a pipe, socket or device"));
    }
    Ok(Opened { file, identity: Identity { device: metadata.dev(), inode: metadata.ino() } })
}

impl Opened {
    /// All of it, if that is no more than `room` bytes.
    pub(super) fn read(self, room: usize) -> Result<Vec<u8>, Unreadable> {
        let mut bytes = Vec::new();
        let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
        self.file.take(most).read_to_end(&mut bytes)?;
        if bytes.len() > room { Err(Unreadable::TooLarge) } else { Ok(bytes) }
    }
}

impl Unreadable {
    /// What is wrong with the file, as the end of a sentence that begins with it, and the remedy.
    pub(super) fn explain(&self) -> (String, &'static str) {
        use io::ErrorKind;
        match self {
            Unreadable::NotRegular("a directory") => {
                ("this is a directory".to_owned(), "give the path of the file in it")
            }
            Unreadable::NotRegular(kind) => {
                (format!("this is {kind}"), "give the path of a regular file")
            }
            Unreadable::TooLarge => (
                format!("the configuration has more than {} MiB", MOST_BYTES / (1024 * 1024)),
                "give the path of a configuration file, or make it shorter with [defaults]",
            ),
            Unreadable::Io(error) => match error.kind() {
                ErrorKind::NotFound => {
                    ("there is no such file".to_owned(), "give the path of a configuration file")
                }
                ErrorKind::PermissionDenied => (
                    "this user may not read the file".to_owned(),
                    "run as its owner or as root, or change its mode",
                ),
                _ => (format!("the file cannot be read: {error}"), "look at the disk it is on"),
            },
        }
    }
}
