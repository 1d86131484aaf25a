//! A USB stick labelled TANDEM.

use std::fs;

use super::{Configuration, Hardware, key};
use crate::namespace::must;
use crate::{Error, FOLDER};

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
        ];
        Ok(Stick { files })
    }

    /// Writes it as the image of a disk, for the machine with this name.
    pub(super) fn write(&self, name: &str) -> Result<String, Error> {
        let image = format!("{FOLDER}/{name}-stick.img");
        let folder = format!("{FOLDER}/{name}-stick");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        must(&["rm", "-f", &image])?;
        must(&["mkfs.vfat", "-C", "-n", "TANDEM", &image, "16384"])?;
        for (name, bytes) in &self.files {
            let path = format!("{folder}/{name}");
            fs::write(&path, bytes).map_err(Error::file(&path))?;
            must(&["mcopy", "-i", &image, &path, "::"])?;
        }
        Ok(image)
    }
}
