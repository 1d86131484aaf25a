//! The files of the configuration in their places: all of them change, or none.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use api::VersionFile;
use config::Sources;
use serde::{Deserialize, Serialize};

/// The mode of a file that is new.
const MODE: u32 = 0o644;

/// Files with their texts; none: the file is not there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Before(pub(super) Vec<(PathBuf, Option<String>)>);

/// Why files were not put in their places.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// A name that is no path below a folder.
    #[error("{0:?} is no name of a file below the configuration's folder")]
    Name(String),
    /// There is no file.
    #[error("a configuration has a file at least")]
    Nothing,
    /// The system does not do it.
    #[error("{path}: {error}; the files are as they were")]
    Io {
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// The folder of the main file, and its name there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    folder: PathBuf,
    main: String,
}

impl Place {
    /// Where the configuration in force was read from.
    pub(super) fn of(in_force: &Sources) -> Option<Self> {
        let main = Path::new(&in_force.files().first()?.name);
        // Another process's working directory says nothing here.
        if !main.is_absolute() {
            return None;
        }
        let folder = main.parent().unwrap_or(Path::new("")).to_owned();
        Some(Place { folder, main: main.file_name()?.to_str()?.to_owned() })
    }

    /// Files of the configuration in force by their names below the folder. One that lies
    /// elsewhere is not a version's: it stays where it is.
    pub(super) fn names(&self, in_force: &Sources) -> Vec<VersionFile> {
        let below = |name: &str| {
            let name = Path::new(name).strip_prefix(&self.folder).ok()?;
            name.to_str().map(ToOwned::to_owned)
        };
        let files = in_force.files().iter();
        let file = |file: &config::Source| {
            Some(VersionFile { name: below(&file.name)?, text: file.text.clone() })
        };
        files.filter_map(file).collect()
    }

    /// Where these files belong. The first is the main file, whatever it is called.
    pub(super) fn paths(&self, files: &[VersionFile]) -> Result<Vec<PathBuf>, FilesError> {
        let path = |(number, file): (usize, &VersionFile)| match number {
            0 => Ok(self.folder.join(&self.main)),
            _ if is_below(Path::new(&file.name)) => Ok(self.folder.join(&file.name)),
            _ => Err(FilesError::Name(file.name.clone())),
        };
        if files.is_empty() {
            return Err(FilesError::Nothing);
        }
        files.iter().enumerate().map(path).collect()
    }

    /// Puts files in their places, and takes away those in force that are not among them. Gives
    /// what was there before.
    pub(super) fn put(
        &self,
        files: &[VersionFile],
        in_force: &Sources,
    ) -> Result<Before, FilesError> {
        let paths = self.paths(files)?;
        let old = self.names(in_force).into_iter().map(|file| self.folder.join(file.name));
        let gone = old.filter(|path| !paths.contains(path)).map(|path| (path, None));
        let new = paths.iter().cloned().zip(files.iter().map(|file| Some(file.text.clone())));
        replace(new.chain(gone.collect::<Vec<_>>()))
    }
}

/// Puts texts into files, or takes files away. Gives what was there before; where one cannot be
/// changed, all are as they were.
pub(super) fn replace(
    changes: impl IntoIterator<Item = (PathBuf, Option<String>)>,
) -> Result<Before, FilesError> {
    let mut before = Vec::new();
    for (path, text) in changes {
        let change = read(&path).and_then(|old| {
            // Known before it is changed, as half a change has to be put back, too.
            before.push((path.clone(), old));
            write(&path, text.as_deref())
        });
        if let Err(error) = change {
            for (path, text) in before.into_iter().rev() {
                if let Err(error) = write(&path, text.as_deref()) {
                    tracing::error!("{} could not be put back: {error}", path.display());
                }
            }
            return Err(FilesError::Io { path, error });
        }
    }
    // The first that was changed is the last to be put back.
    before.reverse();
    Ok(Before(before))
}

/// True for a path that cannot lead out of its folder.
fn is_below(path: &Path) -> bool {
    path.components().next().is_some()
        && path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file is replaced as a whole; it keeps its mode, and a link stays one.
fn write(path: &Path, text: Option<&str>) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or(path.to_owned());
    let Some(text) = text else {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mode = fs::metadata(path).map_or(MODE, |old| old.permissions().mode() & 0o7777);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name that no pattern of `include` means.
    let draft = folder.join(format!(".{name}.tandem-new"));
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tandem-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn file(name: &str, text: &str) -> VersionFile {
        VersionFile { name: name.to_owned(), text: text.to_owned() }
    }

    fn in_force(folder: &Path, files: &[VersionFile]) -> Sources {
        let name = |name: &str| folder.join(name).display().to_string();
        Sources::new(files.iter().map(|file| (name(&file.name), file.text.clone())))
    }

    #[test]
    fn files_are_put_in_their_places_and_back() {
        let folder = folder("files");
        fs::create_dir(folder.join("services.d")).unwrap();
        let old = [file("tandem.toml", "main"), file("services.d/a.toml", "a")];
        for file in &old {
            fs::write(folder.join(&file.name), &file.text).unwrap();
        }
        fs::set_permissions(folder.join("tandem.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        let sources = in_force(&folder, &old);
        let place = Place::of(&sources).unwrap();
        assert_eq!(place.names(&sources), old);
        let new = [file("other.toml", "new main"), file("services.d/b.toml", "b")];
        let before = place.put(&new, &sources).unwrap();
        let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
        assert_eq!(text("tandem.toml").as_deref(), Some("new main"), "whatever it is called");
        assert_eq!(text("services.d/b.toml").as_deref(), Some("b"));
        assert_eq!(text("services.d/a.toml"), None, "a pattern would still mean it");
        let mode = fs::metadata(folder.join("tandem.toml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        replace(before.0).unwrap();
        assert_eq!(text("tandem.toml").as_deref(), Some("main"));
        assert_eq!(text("services.d/a.toml").as_deref(), Some("a"));
        assert_eq!(text("services.d/b.toml"), None);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let folder = folder("files-fail");
        let old = [file("tandem.toml", "main")];
        fs::write(folder.join("tandem.toml"), "main").unwrap();
        fs::write(folder.join("services.d"), "a file, not a folder").unwrap();
        let sources = in_force(&folder, &old);
        let place = Place::of(&sources).unwrap();
        let new = [file("tandem.toml", "new"), file("services.d/b.toml", "b")];
        let error = place.put(&new, &sources).unwrap_err();
        assert!(error.to_string().contains("b.toml"), "{error}");
        assert_eq!(fs::read_to_string(folder.join("tandem.toml")).unwrap(), "main");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "no draft is left");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let place = Place { folder: "/etc/tandem".into(), main: "tandem.toml".into() };
        for name in ["../passwd", "/etc/passwd", "services.d/../../x", "", "."] {
            let files = [file("tandem.toml", ""), file(name, "")];
            assert!(matches!(place.paths(&files), Err(FilesError::Name(_))), "{name}");
        }
        assert!(matches!(place.paths(&[]), Err(FilesError::Nothing)));
    }
}
