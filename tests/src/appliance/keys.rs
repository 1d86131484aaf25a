//! The keys of the lab's machines, which are known.
//!
//! Workers share connections by a linear hash of the client's address under a key. Of 32 random
//! keys, one would give a row of 16 clients to the same worker: a scenario about two of them would
//! fail now and then.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use super::{A, B};
use crate::{Error, FOLDER};

/// Both a pair's shared key and that of a machine by itself.
const KEY: &[u8; 32] = b"the key of every lab's machines.";

/// The pair's shared key.
pub(super) fn key_file() -> String {
    format!("{FOLDER}/peer.key")
}

/// Writes the pair's key, and to each machine's state the one under which it hashes alone.
pub(crate) fn write_keys() -> Result<(), Error> {
    write(&key_file())?;
    for machine in [&A, &B] {
        let state = format!("{}/state", machine.folder());
        fs::create_dir_all(&state).map_err(Error::file(&state))?;
        write(&format!("{state}/client.key"))?;
    }
    Ok(())
}

fn write(path: &str) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(KEY)).map_err(Error::file(path))
}
