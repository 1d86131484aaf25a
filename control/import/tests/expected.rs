//! What comes out of each file, as a person reads it: the configuration, and the report.
//!
//! `IMPORT_WRITE=1` writes anew what is expected; then look at what has changed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod common;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use common::{all_files, assert_right, folder, imported, options};
use import::{Files, Import, Options, import};

fn shown(import: &Import) -> String {
    let mut text = String::new();
    let machines = core::iter::once(&import.machine).chain(&import.peer);
    for machine in machines {
        text.push_str(&machine.text.replace(folder().to_str().unwrap(), ""));
        text.push_str("\n# ---\n");
        for one in &machine.fill_in {
            writeln!(text, "# fill in {}: {}", one.key, one.words).unwrap();
        }
    }
    for group in import.report.groups() {
        let entry = group.entry;
        writeln!(text, "# {:?} {}: {}", group.lines, entry.outcome, entry.text).unwrap();
        if !entry.words.is_empty() {
            writeln!(text, "#     {}", entry.words.replace(folder().to_str().unwrap(), ""))
                .unwrap();
        }
    }
    for note in &import.report.notes {
        writeln!(text, "# note: {note}").unwrap();
    }
    text
}

fn compare(import: &Import, name: &Path) {
    assert_right(import);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected").join(name);
    let found = shown(import);
    if std::env::var_os("IMPORT_WRITE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

#[test]
fn each_file_becomes_what_is_expected_which_is_right() {
    for path in all_files() {
        let name = path.strip_prefix(folder()).unwrap().with_extension("toml");
        compare(&imported(&path), &name);
    }
}

#[test]
fn two_machines_become_two_configurations() {
    let paths = ["pair/a.conf", "pair/b.conf"].map(|name| folder().join(name));
    let done = import(&Files::Disk, &paths, &options()).unwrap();
    assert!(done.peer.is_some());
    compare(&done, Path::new("pair.toml"));
}

#[test]
fn files_of_several_formats_are_one_configuration() {
    let paths = ["accepted/only-vrrp.conf", "ipvsadm/saved.rules"].map(|name| folder().join(name));
    compare(&import(&Files::Disk, &paths, &options()).unwrap(), Path::new("several.toml"));
}

#[test]
fn the_firewall_tells_what_marks_stand_for() {
    let rules = Some(folder().join("rules/marks.rules"));
    let with = Options { rules, ..options() };
    let paths = [PathBuf::from("accepted/fwmark.conf")].map(|name| folder().join(name));
    let done = import(&Files::Disk, &paths, &with).unwrap();
    compare(&done, Path::new("marks.toml"));
    assert!(done.machine.text.contains("[[masquerade]]"), "{}", done.machine.text);
    // The control: without its rules a mark stands for nothing.
    let without = import(&Files::Disk, &paths, &options()).unwrap();
    assert!(!without.machine.text.contains("198.51.100.10:80\""), "{}", without.machine.text);
}
