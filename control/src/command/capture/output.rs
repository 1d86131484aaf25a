//! Where the blocks go: standard output, a file, or a ring of files.
//!
//! Blocks are written whole. Where only a part of them fits, because the disk is full, the file is cut
//! to what it had before, so that it can be read to its end.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::error::Error;

/// Where blocks go.
pub(super) enum Output<'w> {
    /// To standard output.
    Stream(&'w mut dyn Write),
    /// Into files.
    Files(Files),
}

impl Output<'_> {
    /// Writes blocks.
    pub(super) fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        match self {
            Output::Stream(stream) => stream.write_all(blocks).and_then(|()| stream.flush()),
            Output::Files(files) => files.write(blocks),
        }
    }

    /// True if so many bytes more would make the file larger than it may be.
    pub(super) fn is_full(&self, bytes: usize) -> bool {
        match self {
            Output::Stream(_) => false,
            Output::Files(files) => files.written + bytes as u64 > files.largest,
        }
    }

    /// True when nobody reads standard output any more, which a capture that gets no packets would
    /// not learn from writing.
    pub(super) fn is_abandoned(&self) -> bool {
        let Output::Stream(_) = self else { return false };
        let stdout = io::stdout();
        // An error is told whatever is asked for.
        let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
        let told = rustix::event::poll(&mut asked, Some(&Timespec::default()));
        told.is_ok() && asked.iter().any(|one| one.revents().intersects(PollFlags::ERR))
    }

    /// Begins the next file of a ring; false where there is only one.
    pub(super) fn next(&mut self) -> io::Result<bool> {
        match self {
            Output::Files(files) if files.most.is_some() => files.next().map(|()| true),
            _ => Ok(false),
        }
    }

    /// The files that are there.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Output::Stream(_) => Vec::new(),
            Output::Files(files) => files.paths.iter().cloned().collect(),
        }
    }
}

/// A file or a ring of them.
pub(super) struct Files {
    name: PathBuf,
    /// The largest size of each.
    largest: u64,
    /// How many there are at the most; `None`: one, which has the name as it is.
    most: Option<u32>,
    /// The number of the last one.
    number: u32,
    file: File,
    /// Its bytes.
    written: u64,
    /// Those that are there, the oldest first.
    paths: VecDeque<PathBuf>,
}

impl Files {
    /// Makes the first file.
    pub(super) fn create(name: &Path, largest: u64, most: Option<u32>) -> Result<Self, Error> {
        let path = if most.is_some() { numbered(name, 1) } else { name.to_owned() };
        let file = open(&path).map_err(|error| not_made(&path, &error))?;
        let paths = VecDeque::from([path]);
        let name = name.to_owned();
        Ok(Files { name, largest, most, number: 1, file, written: 0, paths })
    }

    fn write(&mut self, blocks: &[u8]) -> io::Result<()> {
        match self.file.write_all(blocks) {
            Ok(()) => {
                self.written += blocks.len() as u64;
                Ok(())
            }
            Err(error) => {
                // What was written of them would be a block that ends in its middle, and what comes
                // behind it would be lost. Of a file that cannot be cut the error is the first one
                // all the same.
                let _ = self.file.set_len(self.written);
                let _ = self.file.seek(SeekFrom::Start(self.written));
                Err(error)
            }
        }
    }

    fn next(&mut self) -> io::Result<()> {
        let path = numbered(&self.name, self.number.saturating_add(1));
        // Before the next is made: there may be no room for both.
        while self.paths.len() >= self.most.unwrap_or(1) as usize {
            let Some(oldest) = self.paths.pop_front() else { break };
            std::fs::remove_file(oldest)?;
        }
        self.file = open(&path)?;
        self.paths.push_back(path);
        self.number = self.number.saturating_add(1);
        self.written = 0;
        Ok(())
    }
}

/// A new file that its owner alone may read: there are other people's packets in it.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn not_made(path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    let remedy = match error.kind() {
        io::ErrorKind::AlreadyExists => "name another file, or remove this one",
        io::ErrorKind::NotFound => "make its folder first",
        _ => "name a file in a folder that this user may write, such as /tmp",
    };
    Error::Capture(format!("{path} could not be made: {error}; {remedy}"))
}

/// `web.pcapng` as `web-00002.pcapng`.
fn numbered(name: &Path, number: u32) -> PathBuf {
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let file = match name.extension() {
        Some(extension) => format!("{stem}-{number:05}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{number:05}"),
    };
    name.with_file_name(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let name = format!("tandem-capture-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_ring_keeps_the_youngest_files() {
        let folder = folder("ring");
        let name = folder.join("web.pcapng");
        let mut output = Output::Files(Files::create(&name, 10, Some(2)).unwrap());
        for round in 1..=4 {
            assert!(!output.is_full(10));
            output.write(&[b'0' + round; 10]).unwrap();
            assert!(output.is_full(1));
            if round < 4 {
                assert!(output.next().unwrap());
            }
        }
        let left = ["web-00003.pcapng", "web-00004.pcapng"].map(|name| folder.join(name));
        assert_eq!(output.paths(), left);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        assert_eq!(std::fs::read(&left[0]).unwrap(), b"3333333333");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn no_file_is_overwritten() {
        let folder = folder("once");
        let name = folder.join("web.pcapng");
        let mut output = Output::Files(Files::create(&name, 10, None).unwrap());
        assert!(!output.next().unwrap(), "there is only one");
        let error = Files::create(&name, 10, None).map(drop).unwrap_err().to_string();
        assert!(error.contains("web.pcapng") && error.contains("name another"), "{error}");
        let error = Files::create(&folder.join("no/x"), 10, None).map(drop).unwrap_err();
        assert!(error.to_string().contains("make its folder"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_full_disk_is_told_as_it_is() {
        let folder = folder("full");
        let mut files = Files::create(&folder.join("x"), 1000, None).unwrap();
        files.write(b"whole").unwrap();
        files.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = files.write(b"not whole").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(files.written, 5);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn names_are_numbered_before_their_ending() {
        assert_eq!(numbered(Path::new("/tmp/a.pcapng"), 12), Path::new("/tmp/a-00012.pcapng"));
        assert_eq!(numbered(Path::new("a"), 1), Path::new("a-00001"));
    }
}
