//! What Linux says about a machine: cores, NUMA nodes, hugepages, IOMMU, NICs, routes.
//!
//! Everything is read from files below a root directory, which is `/` for the machine itself.
//! `tandem setup --root` reads another one, and tests make small trees of files. Nothing here
//! changes the machine, and nothing is remembered between two calls.
//!
//! A file that is missing or not understood is a [`ReadError`] with its path, so that a command
//! can say what is not known and why.

#![deny(missing_docs)]

pub mod address;
pub mod carried;
pub mod core_list;
pub mod cpu;
pub mod disk;
pub mod hugepages;
pub mod interface;
pub mod iommu;
pub mod kernel;
pub mod memory;
pub mod pci;
pub mod route;
pub mod ssh;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links that are followed on the way to one file, as many as the kernel follows.
const MOST_LINKS: usize = 40;

/// Why something of the machine is not known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    /// The file does not exist.
    #[error("there is no {0}")]
    Missing(String),
    /// The file exists, and was not read.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// The path on the machine, without the root directory.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The text of the file is not what the kernel's documentation says.
    #[error("{path} has {text:?}, which is not understood")]
    NotUnderstood {
        /// The path on the machine, without the root directory.
        path: String,
        /// The text, or its beginning.
        text: String,
    },
}

/// A machine by the root directory of its files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    root: PathBuf,
}

impl Host {
    /// The machine whose files are below `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Host { root: root.into() }
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// True when the root directory is `/`: the files are those of the running machine.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where an absolute path of the machine is. Below another root, the links on the way lead
    /// where they would if that root were `/`, and never out of it. A link that has the path
    /// itself is not followed.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.resolve(path.as_ref(), false)
    }

    /// The same for the contents of a file or a folder: a link that has the path is followed too.
    pub fn file(&self, path: impl AsRef<Path>) -> PathBuf {
        self.resolve(path.as_ref(), true)
    }

    fn resolve(&self, path: &Path, follows_last: bool) -> PathBuf {
        if self.is_running() {
            return self.root.join(path.strip_prefix("/").unwrap_or(path));
        }
        let mut left = parts(path);
        let mut found = PathBuf::new();
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                found.pop();
                continue;
            }
            let is_followed = follows_last || !left.is_empty();
            let target = fs::read_link(self.root.join(&found).join(&part));
            let Some(target) = target.ok().filter(|_| is_followed) else {
                found.push(part);
                continue;
            };
            links += 1;
            if links > MOST_LINKS {
                // No file has such a name, and the system says so.
                return self.root.join("too many links\0");
            }
            if target.is_absolute() {
                found = PathBuf::new();
            }
            left.extend(parts(&target));
        }
        self.root.join(found)
    }

    /// True when something has this path.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    /// The text of a file without the white space at its ends.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, path: &str) -> Result<String, ReadError> {
        match fs::read(self.file(path)) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).trim().to_owned()),
            Err(error) => Err(unreadable(path, &error)),
        }
    }

    /// The number that is the whole text of a file.
    ///
    /// # Errors
    /// When the file cannot be read or has something else.
    pub fn number<N: core::str::FromStr>(&self, path: &str) -> Result<N, ReadError> {
        let text = self.read(path)?;
        text.parse().map_err(|_| not_understood(path, &text))
    }

    /// The name of what a symbolic link leads to, without its folder.
    #[must_use]
    pub fn link_name(&self, path: &str) -> Option<String> {
        let target = fs::read_link(self.path(path)).ok()?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self, folder: &str) -> Result<Vec<String>, ReadError> {
        let entries = fs::read_dir(self.file(folder)).map_err(|e| unreadable(folder, &e))?;
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into()).collect();
        names.sort();
        Ok(names)
    }
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect()
}

fn unreadable(path: &str, error: &io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        _ => ReadError::Unreadable { path: path.to_owned(), reason: error.to_string() },
    }
}

fn not_understood(path: &str, text: &str) -> ReadError {
    let text = text.chars().take(60).collect();
    ReadError::NotUnderstood { path: path.to_owned(), text }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::testing::Tree;

    #[test]
    fn links_do_not_lead_out_of_another_root() {
        let outside = Tree::new();
        outside.file("/file", "outside");
        let outside = outside.path("/");
        let outside = outside.to_str().unwrap();
        let tree = Tree::new();
        let inside = format!("{outside}/file");
        tree.file(&inside, "inside").file("/data/file", "data");
        // Absolute links, links that climb, and links over links.
        tree.link("/absolute", outside)
            .link("/usr/climbs", &format!("../../../../../../{outside}"));
        tree.link("/over", "/absolute").link("/link", &inside).link("/lib", "usr/../data");
        let host = tree.host();
        for path in ["/absolute/file", "/usr/climbs/file", "/over/file", "/link"] {
            assert_eq!(host.read(path).as_deref(), Ok("inside"), "{path}");
        }
        assert_eq!(host.read("/lib/file").as_deref(), Ok("data"));
        assert_eq!(host.read("/../../lib/file").as_deref(), Ok("data"));
        assert_eq!(host.names("/over").unwrap(), ["file"]);
        assert_eq!(host.path("/over/new"), tree.path("/").join(&outside[1..]).join("new"));
        // The link itself, and what it leads to.
        assert!(fs::symlink_metadata(host.path("/link")).unwrap().is_symlink());
        assert!(fs::symlink_metadata(host.file("/link")).unwrap().is_file());
        // Links in a circle lead nowhere.
        tree.link("/one", "/two").link("/two", "/one");
        assert!(host.read("/one/file").is_err() && host.read("/one").is_err());
    }

    #[test]
    fn what_is_not_known_is_said_with_its_path() {
        let tree = Tree::new();
        tree.file("/sys/number", "12\n").file("/sys/word", "many\n");
        let host = tree.host();
        assert_eq!(host.number("/sys/number"), Ok(12_u32));
        let said = |path: &str| host.number::<u32>(path).unwrap_err().to_string();
        assert_eq!(said("/sys/word"), "/sys/word has \"many\", which is not understood");
        assert_eq!(said("/sys/none"), "there is no /sys/none");
        assert!(said("/sys").starts_with("/sys cannot be read: "));
    }
}
