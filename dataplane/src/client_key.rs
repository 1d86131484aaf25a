//! The key under which schedulers hash clients, and where it comes from.
//!
//! Both machines of a pair derive it from their shared key, so that they choose the same servers.
//! A key that has taken the place of another has it from that one (`SharedKey::successor`): a change of
//! the pair's key moves no client.
//! A machine by itself keeps one of its own on disk, so that clients find their servers again
//! after a restart. Where neither can be read, clients are hashed under a key of this start:
//! forwarding never waits for a key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use config::Config;
use keys::{KeyError, SharedKey};
use nat::random::Random;
use nat::scheduler::ClientKey;
use zeroize::Zeroizing;

/// Where a key comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// It is derived from the key that both machines share.
    Pair,
    /// It is this machine's own, kept on disk.
    Own,
    /// It is of this start alone.
    Start,
}

/// The key, and where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// The key.
    pub key: ClientKey,
    /// Where it comes from.
    pub origin: Origin,
    /// Another one from the same source, under which workers share connections: two machines with
    /// as many workers share alike, so that the standby's have room for what the active's have.
    pub sharing: u32,
}

/// Why a key was not read.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

impl Loaded {
    /// A key of this start.
    pub fn random() -> Self {
        {
            let sharing = Random::from_system().next_u64() as u32;
            Loaded { key: ClientKey::random(), origin: Origin::Start, sharing }
        }
    }

    fn of(shared: &SharedKey, origin: Origin) -> Self {
        Loaded { key: client_key(shared), origin, sharing: sharing_key(shared) }
    }

    /// The key of a machine with this configuration; `before` goes on where it cannot be read,
    /// which the log tells.
    pub fn load(config: &Config, before: Option<Loaded>) -> Self {
        let read = match &config.peer {
            Some(peer) => SharedKey::load(&peer.key_file)
                .map(|shared| Loaded::of(&shared, Origin::Pair))
                .map_err(LoadError::from),
            // It is made once, at the start.
            None if before.is_some() => return before.unwrap_or_else(Loaded::random),
            None => own(&config.node.state).map(|shared| Loaded::of(&shared, Origin::Own)),
        };
        read.unwrap_or_else(|error| {
            let harm = match (&config.peer, before) {
                (Some(_), Some(_)) => "the one in use stays",
                (Some(_), None) => {
                    "until a reload finds it, the schedulers sh, dh and mh choose other servers \
                     here than on the peer"
                }
                (None, _) => {
                    "after a restart the schedulers sh, dh and mh choose other servers than now"
                }
            };
            tracing::warn!("no key to hash clients under: {error}; {harm}");
            before.unwrap_or_else(Loaded::random)
        })
    }
}

/// The key for sharing, of a shared one.
fn sharing_key(shared: &SharedKey) -> u32 {
    let derived = shared.derive_lasting(b"sharing of connections");
    derived.iter().take(4).fold(0, |key, byte| key << 8 | u32::from(*byte))
}

/// The key for clients, of a shared one.
fn client_key(shared: &SharedKey) -> ClientKey {
    let derived = shared.derive_lasting(b"hash of clients");
    let mut bytes = Zeroizing::new([0; 16]);
    for (byte, from) in bytes.iter_mut().zip(derived.iter()) {
        *byte = *from;
    }
    ClientKey::from_bytes(*bytes)
}

/// This machine's own key, which is made if it is not there.
fn own(state: &Path) -> Result<SharedKey, LoadError> {
    let path = state.join("client.key");
    match SharedKey::load(&path) {
        Err(KeyError::Missing(_)) => {
            make(state, &path).map_err(|error| LoadError::Io { path: path.clone(), error })?;
            Ok(SharedKey::load(&path)?)
        }
        loaded => Ok(loaded?),
    }
}

/// Writes a random key so that it is there whole or not at all.
fn make(state: &Path, path: &Path) -> io::Result<()> {
    let mut bytes = Zeroizing::new([0; SharedKey::LEAST]);
    getrandom::fill(bytes.as_mut_slice()).map_err(io::Error::other)?;
    fs::create_dir_all(state)?;
    let draft = state.join("client.key.new");
    // A draft of before may have another mode.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes.as_slice())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(state)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("tandem-client-{}-{name}", std::process::id()))
    }

    fn config(state: &Path, peer: &str) -> Config {
        let text = format!(
            r#"
[node]
name = "a"
workers = [1]
state = "{}"

[public]
port = "net_null0"
address = "198.51.100.2/24"
floating = ["198.51.100.10/24"]

[private]
port = "net_null1"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]

{peer}
"#,
            state.display()
        );
        Config::from_str("built-in", &text).unwrap()
    }

    fn pair(state: &Path, key_file: &Path) -> Config {
        let path = r#"{ local = "10.0.0.2", remote = "10.0.0.3" }"#;
        let key = key_file.display();
        config(state, &format!("[peer]\npaths = [{path}]\nkey_file = \"{key}\"\n"))
    }

    fn write_key(path: &Path, byte: u8) {
        fs::write(path, [byte; 32]).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_machine_by_itself_keeps_a_key_of_its_own() {
        let state = folder("own");
        let first = Loaded::load(&config(&state, ""), None);
        assert_eq!(first.origin, Origin::Own);
        assert_eq!(Loaded::load(&config(&state, ""), None), first, "it is on disk");
        let mode = fs::metadata(state.join("client.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(&state).unwrap();
        assert_ne!(Loaded::load(&config(&state, ""), None).key, first.key);
        fs::remove_dir_all(&state).unwrap();
    }

    #[test]
    fn the_machines_of_a_pair_have_the_key_of_their_shared_one() {
        let folder = folder("pair");
        fs::create_dir_all(&folder).unwrap();
        let files = ["a.key", "b.key", "c.key"].map(|name| folder.join(name));
        for (file, byte) in files.iter().zip([7, 7, 8]) {
            write_key(file, byte);
        }
        let [a, b, c] = files.each_ref().map(|file| Loaded::load(&pair(&folder, file), None));
        assert_eq!(a, b);
        assert_eq!((a.origin, a.key.digest()), (Origin::Pair, b.key.digest()));
        assert_ne!(a.key.digest(), c.key.digest());
        assert!(!folder.join("client.key").exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_change_of_the_pairs_key_moves_no_client() {
        let folder = folder("changed");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("peer.key");
        write_key(&file, 7);
        let before = Loaded::load(&pair(&folder, &file), None);
        let successor = SharedKey::load(&file).unwrap().successor().unwrap();
        keys::KeyFiles::of(&file).replace(&successor).unwrap();
        // Also after a restart, which knows nothing of what was before.
        assert_eq!(Loaded::load(&pair(&folder, &file), None), before);
        // The control: a key from elsewhere does.
        keys::KeyFiles::of(&file).replace(&SharedKey::random().unwrap()).unwrap();
        assert_ne!(Loaded::load(&pair(&folder, &file), None).key, before.key);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_key_that_cannot_be_read_keeps_nothing_from_starting() {
        let folder = folder("without");
        let start = Loaded::load(&pair(&folder, Path::new("/nonexistent/key")), None);
        assert_eq!(start.origin, Origin::Start);
        // Nor from going on: a reload keeps the key in use.
        let reload = Loaded::load(&pair(&folder, Path::new("/nonexistent/key")), Some(start));
        assert_eq!(reload, start);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("file"), "").unwrap();
        let nowhere = Loaded::load(&config(&folder.join("file"), ""), None);
        assert_eq!(nowhere.origin, Origin::Start);
        // A reload that finds the key takes it.
        write_key(&folder.join("peer.key"), 7);
        let found = Loaded::load(&pair(&folder, &folder.join("peer.key")), Some(start));
        assert_eq!(found.origin, Origin::Pair);
        fs::remove_dir_all(&folder).unwrap();
    }
}
