//! Room for what has to outlive a restart, and for logs.

use host::disk::{self, Room};

use super::finding::Finding;
use super::machine::Machine;

/// MiB without which the next write may fail, and with which it is time to tidy up.
const LEAST: u64 = 16;
const FEW: u64 = 200;

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let state = machine.config.map(|config| config.node.state.display().to_string());
    let state = state.unwrap_or_else(|| "/var/lib/tandem".to_owned());
    [state.as_str(), "/var/log"]
        .map(|folder| match disk::room(machine.host, folder) {
            Ok(room) => judge(folder, &room),
            Err(reason) => Finding::unknown(check(folder), reason),
        })
        .into()
}

fn check(folder: &str) -> String {
    format!("disk {folder}")
}

fn judge(folder: &str, room: &Room) -> Finding {
    let why = if folder == "/var/log" {
        "Without room nobody can read afterwards what happened."
    } else {
        "The number of a takeover is written there before it is used: without room this machine \
         does not become active."
    };
    let Room { free_mebibytes: free, total_mebibytes: total, is_read_only } = *room;
    let remedy =
        "journalctl --vacuum-size=100M\n# And look for what else is large: du -xh / | sort -h";
    let found = format!("{free} of {total} MiB are free");
    if is_read_only {
        let remedy = "# Mount it writable, or make node.state a folder elsewhere.";
        return Finding::wrong(check(folder), "the file system is read-only", why, remedy);
    }
    match free {
        0..LEAST => Finding::wrong(check(folder), found, why, remedy),
        LEAST..FEW => Finding::note(check(folder), found, why, remedy),
        _ => Finding::ok(check(folder), found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{config, look, no_tool, tree};
    use super::*;

    #[test]
    fn room_is_judged() {
        let state = |free_mebibytes, is_read_only| {
            let room = Room { free_mebibytes, total_mebibytes: 1000, is_read_only };
            judge("/var/log", &room).state
        };
        assert_eq!(state(1000, false), State::Ok);
        assert_eq!(state(100, false), State::Note);
        assert_eq!(state(15, false), State::Wrong);
        assert_eq!(state(1000, true), State::Wrong);
    }

    #[test]
    fn both_folders_are_looked_at() {
        let found = look(&tree(), &config(), &no_tool, super::look);
        let checks: Vec<_> = found.iter().map(|finding| finding.check.as_str()).collect();
        assert_eq!(checks, ["disk /var/lib/tandem", "disk /var/log"]);
    }
}
