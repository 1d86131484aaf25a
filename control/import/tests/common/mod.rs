//! The files of the tests, and what becomes of them.

#![allow(dead_code, reason = "each test uses some of it")]

use std::path::{Path, PathBuf};

use import::{Error, Files, Import, Options, Outcome, import};

/// The folder of the files.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

/// The files of a folder of these, sorted.
pub(crate) fn files_of(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder().join(name)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    paths
}

/// Every file that is imported by itself.
pub(crate) fn all_files() -> Vec<PathBuf> {
    ["accepted", "refused", "ipvsadm", "piranha", "ldirectord"]
        .into_iter()
        .flat_map(files_of)
        .collect()
}

pub(crate) fn options() -> Options {
    Options { config_id: Some("one".to_owned()), ..Options::default() }
}

pub(crate) fn imported(path: &Path) -> Import {
    import(&Files::Disk, &[path.to_owned()], &options())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Imports a text of memory.
pub(crate) fn of_text(text: &str) -> Result<Import, Error> {
    with_options(text, &options())
}

pub(crate) fn with_options(text: &str, options: &Options) -> Result<Import, Error> {
    let path = PathBuf::from("/etc/old.conf");
    let files = Files::Memory([(path.clone(), text.as_bytes().to_vec())].into());
    import(&files, &[path], options)
}

/// The lines of these outcomes with their words.
pub(crate) fn said(import: &Import, outcomes: &[Outcome]) -> Vec<String> {
    let entries = import.report.entries().into_iter();
    let wanted = entries.filter(|entry| outcomes.contains(&entry.outcome));
    wanted.map(|entry| format!("{}: {}: {}", entry.at.line, entry.text, entry.words)).collect()
}

/// Nothing is half done: the file is right.
pub(crate) fn assert_right(import: &Import) {
    let machines = core::iter::once(&import.machine).chain(&import.peer);
    for machine in machines {
        if let Err(mistakes) = config::Config::check("tandem.toml", &machine.text) {
            panic!("{mistakes}\n{}", machine.text);
        }
    }
}
