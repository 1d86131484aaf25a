//! Ordinary memory: room for the tables, swap, and transparent hugepages.

use host::{kernel, memory};

use super::super::needs;
use super::finding::Finding;
use super::machine::Machine;

const TRANSPARENT: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = room(machine).into_iter().collect();
    findings.push(swap(machine));
    findings.push(transparent(machine));
    findings
}

fn room(machine: &Machine<'_>) -> Option<Finding> {
    const CHECK: &str = "memory";
    let config = machine.config?;
    let needed = needs::ordinary(config);
    Some(match memory::mebibytes(machine.host, "MemAvailable") {
        Err(reason) => Finding::unknown(CHECK, reason),
        Ok(available) if machine.runs => {
            Finding::ok(CHECK, format!("{available} MiB are available, and the dataplane runs"))
        }
        Ok(available) if available < needed => Finding::wrong(
            CHECK,
            format!("{available} MiB are available, and the tables take up to {needed} MiB"),
            format!("The table of {} connections is taken at the start.", config.node.connections),
            "# Make node.connections (or node.persistence) smaller, reserve fewer hugepages, or \
             give the machine more memory.",
        ),
        Ok(available) => Finding::ok(
            CHECK,
            format!("{available} MiB are available, and the tables take up to {needed} MiB"),
        ),
    })
}

fn swap(machine: &Machine<'_>) -> Finding {
    const CHECK: &str = "swap";
    match memory::swaps(machine.host) {
        Err(reason) => Finding::unknown(CHECK, reason),
        Ok(swaps) if swaps.is_empty() => Finding::ok(CHECK, "off"),
        Ok(swaps) => Finding::note(
            CHECK,
            format!("on: {}", swaps.join(", ")),
            "A worker that waits for a page of its table from the disk drops packets meanwhile.",
            "swapoff -a\n# Take the swap lines out of /etc/fstab.",
        ),
    }
}

/// The tables ask for such pages; "never" refuses them.
fn transparent(machine: &Machine<'_>) -> Finding {
    const CHECK: &str = "transparent hugepages";
    let text = match machine.host.read(TRANSPARENT) {
        Ok(text) => text,
        Err(reason) => return Finding::unknown(CHECK, reason),
    };
    match kernel::chosen(&text) {
        Some(chosen @ ("always" | "madvise")) => Finding::ok(CHECK, chosen),
        Some(other) => Finding::note(
            CHECK,
            other,
            "The table of connections is right without them, and slower: each look-up also \
             misses in the TLB.",
            format!("echo madvise > {TRANSPARENT}"),
        ),
        None => Finding::unknown(CHECK, format!("{TRANSPARENT} has {text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, only, states, tree};
    use super::*;
    use host::testing::Tree;

    fn right() -> Tree {
        let tree = tree();
        tree.file("/proc/meminfo", "MemAvailable: 4194304 kB\n");
        tree.file("/proc/swaps", "Filename Type Size Used Priority\n");
        tree.file(TRANSPARENT, "always [madvise] never\n");
        tree
    }

    #[test]
    fn a_machine_with_room_is_ok() {
        assert!(all_ok(&look(&right(), &config(), &no_tool, super::look)));
    }

    #[test]
    fn what_is_missing_is_unknown() {
        let found = look(&tree(), &config(), &no_tool, super::look);
        assert_eq!(states(&found), [State::Unknown; 3]);
    }

    #[test]
    fn too_little_memory_is_wrong() {
        let tree = right();
        tree.file("/proc/meminfo", "MemAvailable: 102400 kB\n");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(only(&found).state, State::Wrong);
        assert_eq!(only(&found).found, "100 MiB are available, and the tables take up to 191 MiB");
    }

    #[test]
    fn swap_and_refused_pages_are_noted() {
        let tree = right();
        tree.file("/proc/swaps", "Filename\n/dev/sda2 partition 1 0 -2\n");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!((only(&found).state, only(&found).check.as_str()), (State::Note, "swap"));
        let tree = right();
        tree.file(TRANSPARENT, "always madvise [never]\n");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!((only(&found).state, only(&found).found.as_str()), (State::Note, "never"));
    }
}
