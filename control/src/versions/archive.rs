//! The versions on disk: in `versions` of `node.state`, an index, and a file for each version's
//! texts.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use api::{Version, VersionFile};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::files::Before;

/// So many versions are kept.
pub(super) const KEPT: usize = 50;

/// The most bytes of a file that are read.
const LIMIT: u64 = 64 * 1024 * 1024;

/// Why the archive was not read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}, with versions of the configuration, cannot be used: {error}")]
pub(super) struct ArchiveError {
    path: PathBuf,
    error: io::Error,
}

/// What waits to be confirmed, and what comes back otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The version that is in force for now.
    pub(super) version: u64,
    /// Until when, in milliseconds since 1970.
    pub(super) confirm_by: u64,
    /// The version that was in force before, if it is known.
    pub(super) back_to: Option<u64>,
    /// The files as they were.
    pub(super) before: Before,
}

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// In the folder of the machine's state.
    pub(super) fn new(state: &Path) -> Self {
        Archive { folder: state.join("versions") }
    }

    /// The versions that are kept, the newest first.
    pub(super) fn versions(&self) -> Result<Vec<Version>, ArchiveError> {
        Ok(self.read("index.json")?.unwrap_or_default())
    }

    /// A version's files; none if it is not kept.
    pub(super) fn files(&self, number: u64) -> Result<Option<Vec<VersionFile>>, ArchiveError> {
        self.read(&file_of(number))
    }

    /// Adds a version as the newest, and lets the oldest go.
    pub(super) fn add(&self, version: &Version, files: &[VersionFile]) -> Result<(), ArchiveError> {
        // A damaged index is begun anew: forwarding goes on without a history.
        let mut versions = self.versions().unwrap_or_default();
        self.write(&file_of(version.number), files)?;
        versions.insert(0, version.clone());
        let old = versions.split_off(versions.len().min(KEPT));
        self.write("index.json", &versions)?;
        for version in old {
            let _ = fs::remove_file(self.folder.join(file_of(version.number)));
        }
        Ok(())
    }

    /// Changes what is known of the newest version.
    pub(super) fn change_newest(
        &self,
        change: impl FnOnce(&mut Version),
    ) -> Result<(), ArchiveError> {
        let mut versions = self.versions()?;
        versions.first_mut().map(change);
        self.write("index.json", &versions)
    }

    /// What waits to be confirmed.
    pub(super) fn pending(&self) -> Result<Option<Pending>, ArchiveError> {
        self.read("pending.json")
    }

    /// Says what waits to be confirmed, so that it does also after a crash.
    pub(super) fn set_pending(&self, pending: Option<&Pending>) -> Result<(), ArchiveError> {
        const NAME: &str = "pending.json";
        match pending {
            Some(pending) => self.write(NAME, pending),
            None => match fs::remove_file(self.folder.join(NAME)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(self.failed(NAME)(error))
                }
                _ => Ok(()),
            },
        }
    }

    fn failed(&self, name: &str) -> impl Fn(io::Error) -> ArchiveError {
        let path = self.folder.join(name);
        move |error| ArchiveError { path: path.clone(), error }
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ArchiveError> {
        let failed = self.failed(name);
        let file = match File::open(self.folder.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut json = Vec::new();
        file.take(LIMIT).read_to_end(&mut json).map_err(&failed)?;
        serde_json::from_slice(&json).map(Some).map_err(|error| failed(error.into()))
    }

    /// Writes a file so that it, or the one before, is there after any crash.
    fn write<T: Serialize + ?Sized>(&self, name: &str, content: &T) -> Result<(), ArchiveError> {
        let write = || {
            let json = serde_json::to_vec_pretty(content)?;
            fs::create_dir_all(&self.folder)?;
            let draft = self.folder.join("new");
            let mut file = File::create(&draft)?;
            file.write_all(&json)?;
            file.sync_all()?;
            fs::rename(&draft, self.folder.join(name))?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(self.failed(name))
    }
}

fn file_of(number: u64) -> String {
    format!("{number}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(name: &str) -> Archive {
        let state = std::env::temp_dir().join(format!("tandem-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&state);
        Archive::new(&state)
    }

    fn version(number: u64) -> Version {
        Version { number, time: 7, ..Version::default() }
    }

    #[test]
    fn the_newest_are_kept_with_their_files() {
        let archive = archive("archive");
        assert_eq!(archive.versions().unwrap(), []);
        let file = |number| VersionFile { name: "t".into(), text: format!("{number}") };
        for number in 1..=60 {
            archive.add(&version(number), &[file(number)]).unwrap();
        }
        let kept: Vec<_> = archive.versions().unwrap().iter().map(|one| one.number).collect();
        assert_eq!(kept, (11..=60).rev().collect::<Vec<_>>());
        assert_eq!(archive.files(60).unwrap(), Some(vec![file(60)]));
        assert_eq!(archive.files(10).unwrap(), None);
        assert_eq!(fs::read_dir(&archive.folder).unwrap().count(), 51);
        archive.change_newest(|version| version.confirm_by = Some(3)).unwrap();
        assert_eq!(archive.versions().unwrap()[0].confirm_by, Some(3));
        fs::remove_dir_all(archive.folder.parent().unwrap()).unwrap();
    }

    #[test]
    fn what_waits_is_known_after_a_crash_and_damage_is_said() {
        let archive = archive("pending");
        assert_eq!(archive.pending().unwrap(), None);
        archive.set_pending(None).unwrap();
        let before = Before(vec![("/etc/x".into(), None)]);
        let pending = Pending { version: 2, confirm_by: 9, back_to: Some(1), before };
        archive.set_pending(Some(&pending)).unwrap();
        assert_eq!(archive.pending().unwrap(), Some(pending));
        archive.set_pending(None).unwrap();
        assert_eq!(archive.pending().unwrap(), None);
        fs::write(archive.folder.join("index.json"), "{").unwrap();
        assert!(archive.versions().unwrap_err().to_string().contains("index.json"));
        archive.add(&version(1), &[]).unwrap();
        assert_eq!(archive.versions().unwrap(), [version(1)]);
        fs::remove_dir_all(archive.folder.parent().unwrap()).unwrap();
    }
}
