//! The files of a machine's keys: `KEY` is used, and `KEY.accepted` is accepted as well.
//!
//! Each step is one rename, and so is done or not done after a power cut. The files change places
//! when the other key comes into use: at no moment is there a key less than before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::{Fingerprint, KeyError, KeyRing, SharedKey};

/// The files of a machine's keys.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    used: PathBuf,
    accepted: PathBuf,
}

/// The keys that were found.
pub struct Held {
    /// The keys.
    pub ring: KeyRing,
    /// Why a second key that is there cannot be used; nothing waits for that one.
    pub trouble: Option<KeyError>,
}

/// Why a key's files were not changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key that was named is not there.
    #[error("there is no key {name} in {path}")]
    Unknown {
        /// The key.
        name: Fingerprint,
        /// The file that would hold it.
        path: PathBuf,
    },
    /// It is no name of a key.
    #[error("{0} is no name of a key")]
    Name(String),
    /// The key is in use.
    #[error("the key {0} is in use")]
    InUse(Fingerprint),
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The file system refuses.
    #[error("{path} cannot be written: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl KeyFiles {
    /// The files of the machine whose used key is in this file.
    #[must_use]
    pub fn of(key_file: &Path) -> Self {
        KeyFiles { used: key_file.to_owned(), accepted: beside(key_file, ".accepted") }
    }

    /// The file of the used key.
    #[must_use]
    pub fn used(&self) -> &Path {
        &self.used
    }

    /// The file of the other key that is accepted, if there is one.
    #[must_use]
    pub fn accepted(&self) -> &Path {
        &self.accepted
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// When the used one cannot be read. That the other one cannot is told in [`Held::trouble`].
    pub fn load(&self) -> Result<Held, KeyError> {
        let used = SharedKey::load(&self.used)?;
        let (accepted, trouble) = match SharedKey::load(&self.accepted) {
            Ok(key) => (Some(key), None),
            Err(KeyError::Missing(_)) => (None, None),
            Err(error) => (None, Some(error)),
        };
        Ok(Held { ring: KeyRing::new(used, accepted), trouble })
    }

    /// Makes the used key where there is none.
    ///
    /// # Errors
    /// When there is one, or it cannot be written.
    pub fn create(&self, key: &SharedKey) -> Result<(), FileError> {
        if fs::symlink_metadata(&self.used).is_ok() {
            return Err(io(&self.used)(io::ErrorKind::AlreadyExists.into()));
        }
        self.write(&self.used, key)
    }

    /// Has another key in place of the used one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, key: &SharedKey) -> Result<(), FileError> {
        self.write(&self.used, key)?;
        // What is left of a change that was cut off has nothing to do with this key.
        match std::fs::remove_file(&self.accepted) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(FileError::Io { path: self.accepted.clone(), error })
            }
            _ => Ok(()),
        }
    }

    /// Accepts a key beside the used one, in place of another such.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn accept(&self, key: &SharedKey) -> Result<(), FileError> {
        self.write(&self.accepted, key)
    }

    /// Uses the key of this name, which is accepted so far, and accepts the one that was used.
    ///
    /// # Errors
    /// When there is none of this name, or the file system cannot do it.
    pub fn take_into_use(&self, name: Fingerprint) -> Result<(), FileError> {
        let ring = self.load()?.ring;
        if ring.used_name() == name {
            return Ok(());
        }
        if ring.accepted_name() != Some(name) {
            return Err(FileError::Unknown { name, path: self.accepted.clone() });
        }
        let exchanged = renameat_with(CWD, &self.accepted, CWD, &self.used, RenameFlags::EXCHANGE);
        exchanged.map_err(|error| io(&self.used)(error.into()))?;
        self.settle()
    }

    /// Accepts the key of this name no more.
    ///
    /// # Errors
    /// When it is the used one, or its file cannot be removed.
    pub fn forget(&self, name: Fingerprint) -> Result<(), FileError> {
        let Held { ring, trouble } = self.load()?;
        if ring.used_name() == name {
            return Err(FileError::InUse(name));
        }
        match ring.accepted_name() {
            Some(accepted) if accepted == name => {}
            // A file that cannot be read is another matter.
            _ => return trouble.map_or(Ok(()), |trouble| Err(trouble.into())),
        }
        fs::remove_file(&self.accepted).map_err(io(&self.accepted))?;
        self.settle()
    }

    /// Writes a key so that it is there whole or not at all.
    fn write(&self, path: &Path, key: &SharedKey) -> Result<(), FileError> {
        let draft = beside(&self.used, ".draft");
        self.write_draft(&draft, key).map_err(io(&draft))?;
        fs::rename(&draft, path).map_err(io(path))?;
        self.settle()
    }

    fn write_draft(&self, draft: &Path, key: &SharedKey) -> io::Result<()> {
        // A draft of before may have another mode.
        match fs::remove_file(draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
        // Whoever reads the used key has to be able to read this one.
        if let Ok(used) = fs::metadata(&self.used) {
            if used.uid() != file.metadata()?.uid() {
                fchown(&file, Some(used.uid()), Some(used.gid()))?;
            }
        }
        file.write_all(key.expose())?;
        file.sync_all()
    }

    /// What was renamed is on the disk.
    fn settle(&self) -> Result<(), FileError> {
        let folder = match self.used.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |error| FileError::Io { path, error }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn key(byte: u8) -> SharedKey {
        SharedKey::from_bytes(vec![byte; 32]).unwrap()
    }

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> (Self, KeyFiles) {
            let path =
                std::env::temp_dir().join(format!("tandem-keys-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            let files = KeyFiles::of(&path.join("peer.key"));
            (Folder(path), files)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
            let mut names: Vec<_> =
                entries.map(|entry| name(entry).into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn names(files: &KeyFiles) -> (Fingerprint, Option<Fingerprint>) {
        let ring = files.load().unwrap().ring;
        (ring.used_name(), ring.accepted_name())
    }

    #[test]
    fn a_key_is_accepted_then_used_and_the_old_one_forgotten() {
        let (folder, files) = Folder::new("steps");
        let [one, two] = [1, 2].map(|byte| key(byte).fingerprint());
        files.create(&key(1)).unwrap();
        assert!(files.create(&key(2)).is_err(), "a key is not overwritten");
        assert_eq!(names(&files), (one, None));
        let unknown = files.take_into_use(two).unwrap_err().to_string();
        assert!(unknown.contains(&two.to_string()), "{unknown}");
        // A draft that a power cut left is in nobody's way.
        fs::write(folder.0.join("peer.key.draft"), "half").unwrap();
        files.accept(&key(2)).unwrap();
        assert_eq!(names(&files), (one, Some(two)));
        assert!(matches!(files.forget(one), Err(FileError::InUse(_))));
        for _ in 0..2 {
            files.take_into_use(two).unwrap();
            assert_eq!(names(&files), (two, Some(one)), "each step can be repeated");
        }
        for file in [files.used(), files.accepted()] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        for _ in 0..2 {
            files.forget(one).unwrap();
            assert_eq!(names(&files), (two, None));
        }
        assert_eq!(folder.names(), ["peer.key"]);
    }

    #[test]
    fn a_second_key_that_cannot_be_read_keeps_nothing_from_starting() {
        let (_folder, files) = Folder::new("trouble");
        files.create(&key(1)).unwrap();
        files.accept(&key(2)).unwrap();
        fs::set_permissions(files.accepted(), fs::Permissions::from_mode(0o644)).unwrap();
        let held = files.load().unwrap();
        assert!(held.ring.accepted().is_none());
        assert!(matches!(held.trouble, Some(KeyError::Mode { .. })));
        // Nor does it go unseen.
        assert!(files.forget(key(2).fingerprint()).is_err());
    }

    #[test]
    fn without_the_used_key_the_other_one_is_none() {
        let (_folder, files) = Folder::new("alone");
        files.accept(&key(2)).unwrap();
        assert!(matches!(files.load(), Err(KeyError::Missing(_))));
    }
}
