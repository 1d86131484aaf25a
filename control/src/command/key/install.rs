//! `tandem key install`: the key of the other machine, on one that the other does not hear yet.

use std::path::PathBuf;

use api::client::ClientError;
use api::{KeyStep, Pair};
use clap::Args;

use super::{Of, pair, peers_name, tell};
use crate::command::Context;
use crate::error::Error;
use crate::key::{KeyError, KeyFiles, SharedKey};
use crate::pair_key::machines::Machines;

#[derive(Clone, Debug, Args)]
pub(in crate::command) struct Arguments {
    /// The copy of the other machine's key file; it may be removed afterwards
    file: PathBuf,

    #[command(flatten)]
    of: Of,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let failed = |error: &dyn core::fmt::Display| Error::Key(error.to_string());
    let peer = arguments.of.peer()?;
    let new = SharedKey::load(&arguments.file).map_err(|error| failed(&error))?;
    let running = match pair(context) {
        Ok(pair) => Some(pair),
        Err(Error::Control(ClientError::NotRunning(_))) => None,
        Err(error) => return Err(error),
    };
    if let Some(why) = running.as_ref().and_then(|pair| obstacle(pair, &new)) {
        return Err(Error::Key(why));
    }
    let files = KeyFiles::of(&peer.key_file);
    // A peer that was heard with the key of before is heard on: it must not be taken for dead.
    let keeps_old = running.as_ref().is_some_and(|pair| pair.peer.is_some());
    write(&files, &new, keeps_old)?;
    if running.is_some() {
        let machines = Machines::new(&peer, &context.pair_socket())?;
        machines.order_own(KeyStep::Reload).map_err(Error::Key)?;
    }
    let shown = peer.key_file.display();
    tell(context, &format!("This machine uses the key {}, in {shown}.", new.fingerprint()))
}

/// Why it is not done.
fn obstacle(pair: &Pair, new: &SharedKey) -> Option<String> {
    let is_heard = pair.paths.iter().any(|path| path.up);
    (is_heard && pair.keys.used != new.fingerprint().to_string()).then(|| {
        format!(
            "this machine and {} have a key that works, {}: tandem key rotate has both use another one",
            peers_name(pair),
            pair.keys.used
        )
    })
}

fn write(files: &KeyFiles, new: &SharedKey, keeps_old: bool) -> Result<(), Error> {
    let failed = |error: &dyn core::fmt::Display| Error::Key(error.to_string());
    let used = match SharedKey::load(files.used()) {
        Ok(used) => Some(used.fingerprint()),
        Err(KeyError::Missing(_)) => None,
        // What cannot be a key is replaced.
        Err(KeyError::Length { .. }) => None,
        Err(error) => return Err(failed(&error)),
    };
    let name = new.fingerprint();
    let done = match used {
        Some(used) if used == name => Ok(()),
        Some(_) if keeps_old => files.accept(new).and_then(|()| files.take_into_use(name)),
        Some(_) | None => files.replace(new),
    };
    done.map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use api::{Keys, Path};

    use super::*;

    fn key(byte: u8) -> SharedKey {
        SharedKey::from_bytes(vec![byte; 32]).unwrap()
    }

    #[test]
    fn a_key_that_works_is_not_replaced_on_one_machine() {
        let keys = Keys { used: key(1).fingerprint().to_string(), ..Keys::default() };
        let up = Path { up: true, ..Path::default() };
        let pair = Pair { paths: vec![up], keys, ..Pair::default() };
        let why = obstacle(&pair, &key(2)).unwrap();
        assert!(why.contains("tandem key rotate"), "{why}");
        assert_eq!(obstacle(&pair, &key(1)), None, "it is the same");
        assert_eq!(obstacle(&Pair { paths: Vec::new(), ..pair }, &key(2)), None);
    }

    #[test]
    fn the_key_of_before_is_accepted_where_the_peer_was_heard_with_it() {
        let folder = std::env::temp_dir().join(format!("tandem-install-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = KeyFiles::of(&folder.join("peer.key"));
        let held = || {
            let ring = files.load().unwrap().ring;
            (ring.used_name(), ring.accepted_name())
        };
        let name = |byte| key(byte).fingerprint();
        write(&files, &key(1), false).unwrap();
        assert_eq!(held(), (name(1), None));
        write(&files, &key(2), false).unwrap();
        assert_eq!(held(), (name(2), None), "as on a machine that was never in a pair");
        write(&files, &key(3), true).unwrap();
        assert_eq!(held(), (name(3), Some(name(2))));
        write(&files, &key(3), true).unwrap();
        assert_eq!(held(), (name(3), Some(name(2))), "it can be typed again");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
