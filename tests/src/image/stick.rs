//! A USB stick labelled TANDEM.

use std::fs;

use super::{Configuration, Hardware, key};
use crate::namespace::must;
use crate::{Error, FOLDER};

/// An emulated machine has no time to give away: with a core of two left it takes twice as long to
/// start.
const SETUP: &str = "--no-isolation\n";

/// What is on it.
#[derive(Clone, Debug)]
pub struct Stick {
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Stick {
    /// The configuration, the key of the pair, and the public key of whoever may log in.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn new(configuration: Configuration, hardware: &Hardware) -> Result<Self, Error> {
        let read = |path: String| fs::read(&path).map_err(Error::file(path.clone()));
        let files = vec![
            ("tandem.toml", configuration.file(hardware).into_bytes()),
            ("peer.key", read(format!("{FOLDER}/peer.key"))?),
            ("authorized_keys", read(format!("{}.pub", key()))?),
            ("setup", SETUP.as_bytes().to_vec()),
        ];
        Ok(Stick { files })
    }

    /// The same with a change of the configuration.
    #[must_use]
    pub fn with(mut self, from: &str, to: &str) -> Self {
        for (name, bytes) in &mut self.files {
            if *name == "tandem.toml" {
                *bytes = String::from_utf8_lossy(bytes).replace(from, to).into_bytes();
            }
        }
        self
    }

    /// The same with more options of `tandem setup`.
    #[must_use]
    pub fn with_setup(mut self, options: &str) -> Self {
        self.files.retain(|(name, _)| *name != "setup");
        self.files.push(("setup", [SETUP, options].concat().into_bytes()));
        self
    }

    /// Writes it as a tar archive, as a machine that starts by network fetches it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn archive(&self, path: &str) -> Result<(), Error> {
        let folder = format!("{path}.files");
        self.put(&folder)?;
        must(&["tar", "-cf", path, "-C", &folder, "."]).map(|_| ())
    }

    /// Writes its files into a folder.
    fn put(&self, folder: &str) -> Result<(), Error> {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
        for (name, bytes) in &self.files {
            let path = format!("{folder}/{name}");
            fs::write(&path, bytes).map_err(Error::file(&path))?;
        }
        Ok(())
    }

    /// Writes it as the image of a disk, for the machine with this name.
    pub(super) fn write(&self, name: &str) -> Result<String, Error> {
        let image = format!("{FOLDER}/{name}-stick.img");
        let folder = format!("{FOLDER}/{name}-stick");
        self.put(&folder)?;
        must(&["rm", "-f", &image])?;
        must(&["mkfs.vfat", "-C", "-n", "TANDEM", &image, "16384"])?;
        for (name, _) in &self.files {
            must(&["mcopy", "-i", &image, &format!("{folder}/{name}"), "::"])?;
        }
        Ok(image)
    }
}
