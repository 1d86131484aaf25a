//! The key that both machines of a pair share, and the keys that are derived from it.
//!
//! tandem-control authenticates heartbeats and connection sync with it, and tandem-dataplane
//! hashes clients under one of its keys, so that both machines choose the same servers.
//!
//! While a pair changes its key, a machine holds two ([`KeyRing`]): one that it uses, and one that
//! it accepts of its peer as well. [`KeyFiles`] has them on disk. What has to outlive the change
//! goes from a key to its [successor](SharedKey::successor).

mod files;
mod fingerprint;
mod ring;
mod succession;

pub use files::{FileError, Held, KeyFiles};
pub use fingerprint::Fingerprint;
pub use ring::KeyRing;

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The secret of a pair: at least [`SharedKey::LEAST`] bytes. It is overwritten when it is
/// dropped, and so is what is derived from it.
#[derive(Clone)]
pub struct SharedKey(Zeroizing<Vec<u8>>);

/// A key that was derived from the shared one.
pub type DerivedKey = Zeroizing<[u8; 32]>;

/// Why there is no shared key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not there.
    #[error(
        "the shared key {0} does not exist; make it on one machine and copy it to the other: \
         head -c 32 /dev/urandom > {0}; chmod 600 {0}"
    )]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("the shared key {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is a folder, a device or the like.
    #[error("the shared key {0} is not a file")]
    NotAFile(PathBuf),
    /// Others may read or change it.
    #[error(
        "others may use the shared key {path} (its mode is {mode:04o}); type: chmod 600 {path}"
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("the shared key {path} belongs to user {owner}; type: chown {wanted} {path}")]
    Owner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it has to be.
        wanted: u32,
    },
    /// It has too few bytes, or far too many.
    #[error(
        "the shared key {path} has {length} bytes, and {least} to {most} are needed; type on one \
         machine: head -c 32 /dev/urandom > {path}; chmod 600 {path}; then copy it to the other",
        least = SharedKey::LEAST,
        most = SharedKey::MOST
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
}

impl SharedKey {
    /// The fewest bytes of a key.
    pub const LEAST: usize = 32;
    /// The most; a file with more is hardly a key.
    pub const MOST: usize = 4096;

    /// Reads the key's file, which nobody else may be able to read.
    ///
    /// # Errors
    /// When it is missing, open to others, another user's, or too short; each says what to
    /// type.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
            _ => KeyError::Unreadable { path: path.to_owned(), error },
        };
        let file = File::open(path).map_err(unreadable)?;
        // The opened file is checked, so that it cannot be exchanged in between.
        is_private(path, &file.metadata().map_err(unreadable)?)?;
        // As large as it can get: a vector that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * Self::MOST));
        file.take(Self::MOST as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let length = bytes.len();
        Self::checked(bytes).ok_or_else(|| KeyError::Length { path: path.to_owned(), length })
    }

    /// A key of these bytes; none if they are too few or too many.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        Self::checked(Zeroizing::new(bytes))
    }

    fn checked(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        (Self::LEAST..=Self::MOST).contains(&bytes.len()).then_some(SharedKey(bytes))
    }

    /// The bytes, to be written to a file or sent to the peer.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The key for one purpose and salt (HKDF, RFC 5869).
    #[must_use]
    pub fn derive(&self, salt: &[u8], purpose: &[u8]) -> DerivedKey {
        let mut key = DerivedKey::default();
        // It fails beyond 8,160 bytes only.
        let _ = Hkdf::<Sha256>::new(Some(salt), &self.0).expand(purpose, key.as_mut_slice());
        key
    }
}

fn is_private(path: &Path, metadata: &Metadata) -> Result<(), KeyError> {
    let path = path.to_owned();
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let user = rustix::process::geteuid().as_raw();
    if !metadata.is_file() {
        Err(KeyError::NotAFile(path))
    } else if mode & 0o077 != 0 {
        Err(KeyError::Mode { path, mode })
    } else if owner != user && owner != 0 {
        Err(KeyError::Owner { path, owner, wanted: user })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(name: &str, length: usize, mode: u32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tandem-key-{}-{name}", std::process::id()));
        std::fs::write(&path, vec![7; length]).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn error(path: &Path) -> String {
        let error = SharedKey::load(path).err().unwrap().to_string();
        let _ = std::fs::remove_file(path);
        error.replace(&path.display().to_string(), "KEY")
    }

    #[test]
    fn a_private_key_is_read() {
        let path = file("right", 32, 0o600);
        SharedKey::load(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        SharedKey::load(&path).unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_type() {
        let make = "head -c 32 /dev/urandom > KEY; chmod 600 KEY";
        assert!(error(Path::new("/nonexistent/key")).contains(make));
        assert_eq!(
            error(&file("open", 32, 0o640)),
            "others may use the shared key KEY (its mode is 0640); type: chmod 600 KEY"
        );
        let short = error(&file("short", 31, 0o600));
        assert!(short.contains("has 31 bytes") && short.contains(make), "{short}");
        assert!(error(&file("long", 5000, 0o600)).contains("has 4097 bytes"));
        assert!(error(Path::new("/")).contains("is not a file"));
    }

    /// What is freed cannot be looked at; that its type overwrites it, the compiler can tell.
    #[test]
    fn keys_are_overwritten_when_they_are_dropped() {
        fn is_overwritten<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let key = SharedKey::from_bytes(vec![7; 32]).unwrap();
        is_overwritten(&key.0);
        is_overwritten(&key.derive(b"salt", b"purpose"));
    }

    #[test]
    fn each_purpose_and_salt_has_its_own_key() {
        let key = SharedKey::from_bytes(vec![7; 32]).unwrap();
        let derived = key.derive(b"salt", b"purpose");
        assert_ne!(derived, key.derive(b"salt", b"other"));
        assert_ne!(derived, key.derive(b"other", b"purpose"));
        assert_eq!(derived, key.derive(b"salt", b"purpose"));
    }
}
