//! The key that both machines of a pair share.

use std::fs;
use std::os::unix::fs::MetadataExt;

use keys::{KeyError, KeyFiles, SharedKey};

use super::finding::Finding;
use super::machine::Machine;

const CHECK: &str = "key";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let peer = machine.config.and_then(|config| config.peer.as_ref());
    let Some(peer) = peer else { return Vec::new() };
    let mut found = vec![look_at(machine, &peer.key_file)];
    found.extend(look_at_accepted(machine, &peer.key_file));
    found
}

/// The second key, which is there while the pair's key is changed.
fn look_at_accepted(machine: &Machine<'_>, file: &std::path::Path) -> Option<Finding> {
    let accepted = KeyFiles::of(file).accepted().to_owned();
    let path = machine.host.path(&accepted);
    let shown = accepted.display();
    match SharedKey::load(&path) {
        Ok(_) | Err(KeyError::Missing(_)) => None,
        Err(KeyError::Mode { mode, .. }) => Some(Finding::wrong(
            CHECK,
            format!("{shown} may be read by others (its mode is {mode:04o})"),
            "It holds a key of the pair; tandem-control does not accept it like this.",
            format!("chmod 600 {shown}"),
        )),
        Err(error) => Some(Finding::wrong(
            CHECK,
            error.to_string().replace(&path.display().to_string(), &shown.to_string()),
            "A change of the pair's key cannot go on with it.",
            format!("rm {shown}\n# Then, with both machines running: tandem key rotate"),
        )),
    }
}

fn look_at(machine: &Machine<'_>, file: &std::path::Path) -> Finding {
    const WHY: &str = "tandem-control authenticates the peer with it, and does not start without.";
    let path = machine.host.path(file);
    let shown = file.display();
    let made = format!(
        "head -c 32 /dev/urandom > {shown} && chmod 600 {shown}\n# Then copy it to the other machine."
    );
    let remedy = match SharedKey::load(&path) {
        Ok(_) => return owned(machine, file),
        Err(KeyError::Missing(_)) => {
            return Finding::wrong(
                CHECK,
                format!("there is no {shown}"),
                WHY,
                format!("# From the other machine if that has one; else:\n{made}"),
            );
        }
        Err(error @ KeyError::Unreadable { .. }) => return Finding::unknown(CHECK, error),
        Err(KeyError::Mode { mode, .. }) => {
            return Finding::wrong(
                CHECK,
                format!("{shown} may be read by others (its mode is {mode:04o})"),
                "Whoever has the key can end both machines' roles; tandem-control refuses it.",
                format!("chmod 600 {shown}"),
            );
        }
        Err(KeyError::Owner { .. }) => format!("chown root:root {shown}"),
        Err(KeyError::NotAFile(_)) => format!("# Put a file in the place of {shown}."),
        Err(KeyError::Length { .. }) => made,
    };
    let found = SharedKey::load(&path).err().map(|error| error.to_string()).unwrap_or_default();
    let found = found.split(';').next().unwrap_or_default();
    Finding::wrong(
        CHECK,
        found.replace(&path.display().to_string(), &shown.to_string()),
        WHY,
        remedy,
    )
}

/// It has to be root's, as the root directory is.
fn owned(machine: &Machine<'_>, file: &std::path::Path) -> Finding {
    let owner = |path| fs::metadata(path).map(|metadata| metadata.uid());
    let shown = file.display();
    match (owner(machine.host.path(file)), owner(machine.host.path("/"))) {
        (Ok(owner), Ok(root)) if owner != root => Finding::wrong(
            CHECK,
            format!("{shown} belongs to user {owner}"),
            "This user can read and exchange the pair's key.",
            format!("chown root:root {shown}"),
        ),
        (Ok(_), Ok(_)) => Finding::ok(CHECK, format!("{shown} is right")),
        (Err(error), _) | (_, Err(error)) => Finding::unknown(CHECK, format!("{shown}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use config::Config;

    use super::super::finding::State;
    use super::super::testing::{CONFIGURATION, all_ok, config, look, no_tool, only, tree};
    use super::*;

    fn pair() -> Config {
        let text = format!(
            "{CONFIGURATION}\n[peer]\npaths = [{{ local = \"10.0.0.2\", remote = \"10.0.0.3\" }}]\n\
             key_file = \"/etc/tandem/peer.key\"\n"
        );
        Config::from_str("tandem.toml", &text).unwrap()
    }

    #[test]
    fn a_machine_alone_has_none() {
        assert!(look(&tree(), &config(), &no_tool, super::look).is_empty());
    }

    #[test]
    fn a_key_has_to_be_there_private_and_long_enough() {
        let tree = tree();
        let said = || {
            let found = look(&tree, &pair(), &no_tool, super::look);
            let finding = only(&found);
            assert_eq!(finding.state, State::Wrong);
            (finding.found.clone(), finding.remedy.clone().unwrap())
        };
        assert_eq!(said().0, "there is no /etc/tandem/peer.key");
        let key = "/etc/tandem/peer.key";
        let mode = |mode| {
            fs::set_permissions(tree.path(key), fs::Permissions::from_mode(mode)).unwrap();
        };
        tree.file(key, &"k".repeat(31));
        mode(0o600);
        assert_eq!(
            said().0,
            "the shared key /etc/tandem/peer.key has 31 bytes, and 32 to 4096 are needed"
        );
        tree.file(key, &"k".repeat(32));
        mode(0o644);
        assert_eq!(said().1, "chmod 600 /etc/tandem/peer.key");
        mode(0o600);
        assert!(all_ok(&look(&tree, &pair(), &no_tool, super::look)));
        // The second one is looked at where it is there.
        let accepted = "/etc/tandem/peer.key.accepted";
        tree.file(accepted, &"k".repeat(31));
        let found = look(&tree, &pair(), &no_tool, super::look);
        let wrong: Vec<_> = found.iter().filter(|one| one.state == State::Wrong).collect();
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].found.contains(accepted), "{}", wrong[0].found);
    }
}
