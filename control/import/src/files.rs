//! Where files are read from: the disk, or memory.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// The largest file that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Where files are read from.
#[derive(Clone, Debug)]
pub enum Files {
    /// The machine's own.
    Disk,
    /// These alone, by absolute path.
    Memory(BTreeMap<PathBuf, Vec<u8>>),
}

impl Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// When it is not there, is no regular file, cannot be read, or is larger than 64 MiB.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self {
            Files::Disk => {
                let metadata = std::fs::metadata(path)?;
                if !metadata.is_file() {
                    return Err(io::Error::other("it is no regular file"));
                }
                if metadata.len() > MOST_BYTES {
                    return Err(io::Error::other("it is larger than 64 MiB"));
                }
                std::fs::read(path)
            }
            Files::Memory(files) => {
                let found = files.get(&plain(path)).cloned();
                found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            }
        }
    }

    /// The bytes of a file that somebody has named, which may also be a pipe.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or has more than 64 MiB.
    pub(crate) fn read_named(&self, path: &Path) -> io::Result<Vec<u8>> {
        let Files::Disk = self else { return self.read(path) };
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MOST_BYTES {
            return Err(io::Error::other("it is larger than 64 MiB"));
        }
        Ok(bytes)
    }

    /// The whole path of a file, without links and dots; as it is where it is not there.
    pub(crate) fn whole(&self, path: &Path) -> PathBuf {
        match self {
            Files::Disk => std::fs::canonicalize(path)
                .or_else(|_| std::path::absolute(path))
                .unwrap_or_else(|_| plain(path)),
            Files::Memory(_) => plain(path),
        }
    }

    /// The names in a folder, sorted.
    pub(crate) fn names(&self, folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Files::Disk => {
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
                entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
            }
            Files::Memory(files) => {
                let folder = plain(folder);
                let below = files.keys().filter_map(|path| path.strip_prefix(&folder).ok());
                let first = below.filter_map(|rest| rest.components().next());
                first.map(|name| name.as_os_str().to_string_lossy().into_owned()).collect()
            }
        };
        names.sort_unstable();
        names.dedup();
        names
    }

    /// True when there is something of this name.
    pub(crate) fn is_there(&self, path: &Path) -> bool {
        match self {
            Files::Disk => path.exists(),
            Files::Memory(files) => {
                let path = plain(path);
                files.keys().any(|known| known.starts_with(&path))
            }
        }
    }
}

/// The path without dots.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_like_a_disk() {
        let paths = ["/etc/a.conf", "/etc/d/b.conf", "/etc/d/c.conf"];
        let files = Files::Memory(paths.map(|path| (PathBuf::from(path), Vec::new())).into());
        assert_eq!(files.names(Path::new("/etc/d/../d")), ["b.conf", "c.conf"]);
        assert_eq!(files.names(Path::new("/etc")), ["a.conf", "d"]);
        assert!(files.read(Path::new("/etc/./d/b.conf")).is_ok());
        assert!(files.read(Path::new("/etc/d")).is_err() && files.is_there(Path::new("/etc/d")));
    }

    #[test]
    fn a_folder_is_no_file() {
        assert!(Files::Disk.read(Path::new("/")).is_err());
        assert!(Files::Disk.read(Path::new("/no/such/file")).is_err());
    }
}
