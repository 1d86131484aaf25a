//! The configuration file: is it right, and who may change it?

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use config::{Checked, Mistakes};
use host::Host;

use super::finding::Finding;
use crate::output::units::plural;

const CHECK: &str = "configuration";

pub(super) fn look(host: &Host, file: &Path, checked: &Result<Checked, Mistakes>) -> Vec<Finding> {
    let shown = file.display();
    let first = match checked {
        Ok(checked) => right(&shown.to_string(), checked),
        Err(_) if !file.exists() => Finding::wrong(
            CHECK,
            format!("there is no {shown}"),
            "Both processes need it. What depends on it (NICs, cores, memory) is not looked at.",
            "tandem setup",
        ),
        Err(mistakes) => wrong(&shown.to_string(), mistakes),
    };
    let mut findings = vec![first];
    findings.extend(owned(host, file));
    findings
}

fn right(file: &str, checked: &Checked) -> Finding {
    if checked.warnings.is_empty() {
        return Finding::ok(CHECK, format!("{file} is right"));
    }
    let warnings: Vec<String> = checked.warnings.iter().map(ToString::to_string).collect();
    Finding::note(
        CHECK,
        format!("{file} is right, with {}", plural(warnings.len(), "warning")),
        warnings.join("\n"),
        format!("tandem check {file}"),
    )
}

fn wrong(file: &str, mistakes: &Mistakes) -> Finding {
    const SHOWN: usize = 3;
    let lines = mistakes.lines();
    let mut why: Vec<String> = lines.iter().take(SHOWN).cloned().collect();
    if lines.len() > SHOWN {
        why.push(format!("and {} more", lines.len() - SHOWN));
    }
    why.push("What depends on it (NICs, cores, memory) is not looked at.".to_owned());
    Finding::wrong(
        CHECK,
        format!("{file} has {}", plural(lines.len(), "mistake")),
        why.join("\n"),
        format!("tandem check {file}"),
    )
}

/// Commands of health checks stand in it, which run as root.
fn owned(host: &Host, file: &Path) -> Option<Finding> {
    const MODE: &str = "configuration owner";
    let metadata = fs::metadata(file).ok()?;
    let root = fs::metadata(host.path("/")).ok()?.uid();
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    let shown = file.display();
    if mode & 0o022 != 0 || owner != root {
        return Some(Finding::wrong(
            MODE,
            format!("{shown} belongs to user {owner}, mode {mode:04o}: others may change it"),
            "Whoever may change it decides what root's processes do: checks can be commands.",
            format!("chown root:root {shown}\nchmod 644 {shown}"),
        ));
    }
    Some(Finding::ok(MODE, format!("root, mode {mode:04o}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use config::Config;
    use host::testing::Tree;

    use super::super::finding::State;
    use super::super::testing::{CONFIGURATION, all_ok, only, states};
    use super::*;

    fn found(tree: &Tree) -> Vec<Finding> {
        let file = tree.path("/tandem.toml");
        look(&tree.host(), &file, &Config::load_checked(&file))
    }

    #[test]
    fn a_right_file_of_root_is_ok() {
        let tree = Tree::new();
        tree.file("/tandem.toml", CONFIGURATION);
        let mode = |mode| fs::Permissions::from_mode(mode);
        fs::set_permissions(tree.path("/tandem.toml"), mode(0o644)).unwrap();
        assert!(all_ok(&found(&tree)), "{:?}", found(&tree));
        fs::set_permissions(tree.path("/tandem.toml"), mode(0o666)).unwrap();
        assert!(only(&found(&tree)).found.contains("mode 0666"));
    }

    #[test]
    fn mistakes_and_a_missing_file_are_wrong() {
        let tree = Tree::new();
        assert_eq!(states(&found(&tree)), [State::Wrong]);
        assert_eq!(found(&tree)[0].remedy.as_deref(), Some("tandem setup"));
        tree.file("/tandem.toml", "[node]\nname = 1\n");
        assert!(found(&tree)[0].found.contains("mistakes"), "{:?}", found(&tree));
    }
}
