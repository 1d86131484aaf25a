//! Putting everything back, the last step first.

use std::fs;
use std::io;
use std::path::Path;

use host::Host;

use super::apply::{Applier, digest, write_file};
use super::record::{Done, Record};
use crate::error::Error;

/// What has come of it.
#[derive(Debug, Default)]
pub(super) struct Undone {
    /// What could not be undone, which stays recorded.
    pub(super) failures: Vec<String>,
    /// What became of files that were changed since.
    pub(super) notes: Vec<String>,
}

/// What undoing would do, a line each.
pub(super) fn steps(record: &Record, host: &Host) -> Vec<String> {
    let mut steps = Vec::new();
    let mut last = Vec::new();
    for done in record.done.iter().rev() {
        match done {
            Done::Write { path, before, digest, is_operators } => {
                let what = if before.is_some() { "put back" } else { "remove" };
                let text = before.as_ref().map(|before| before.text.as_str());
                steps.push(match (is_changed(host, path, text, digest), is_operators) {
                    (false, _) => format!("{what} {path}"),
                    (true, false) => format!(
                        "{what} {path} (it was changed since, and is left alone without --force)"
                    ),
                    (true, true) => format!(
                        "leave {path}, which was changed since (--force renames it to \
                         {path}.tandem-old)"
                    ),
                });
            }
            Done::Set { path, before } => steps.push(format!("set {path} to {before}")),
            Done::Run { undo, undo_last: true, is_done, .. } => {
                let step = format!("run {}", undo.join(" "));
                if *is_done && !last.contains(&step) {
                    last.push(step);
                }
            }
            Done::Run { undo, .. } => steps.push(format!("run {}", undo.join(" "))),
        }
    }
    steps.extend(last);
    steps
}

/// Undoes every step that it can.
pub(super) fn undo(
    applier: &Applier<'_>,
    record: &mut Record,
    is_forced: bool,
) -> Result<Undone, Error> {
    let mut undone = Undone::default();
    let mut kept = Vec::new();
    // Commands that make something of files come last; each is needed once, and one that never
    // succeeded has made nothing of them.
    let mut last: Vec<Done> = Vec::new();
    while let Some(done) = record.done.pop() {
        if let Done::Run { undo, undo_last: true, is_done, .. } = &done {
            let is_same = |other: &Done| matches!(other, Done::Run { undo: of, .. } if of == undo);
            if *is_done && !last.iter().any(is_same) {
                last.push(done);
            }
            continue;
        }
        match one(applier, &done, is_forced) {
            Ok(note) => undone.notes.extend(note),
            Err(reason) => {
                undone.failures.push(reason);
                kept.insert(0, done);
            }
        }
        save(applier, record, &last, &kept)?;
    }
    for done in std::mem::take(&mut last) {
        if let Err(reason) = one(applier, &done, is_forced) {
            undone.failures.push(reason);
            kept.push(done);
        }
    }
    record.done = kept;
    if record.done.is_empty() {
        // The record goes before its folder.
        let folders = std::mem::take(&mut record.folders);
        record.save(applier.host)?;
        for folder in folders.iter().rev() {
            // What somebody else put there keeps the folder.
            let _ = fs::remove_dir(applier.host.path(folder));
        }
    } else {
        record.save(applier.host)?;
    }
    Ok(undone)
}

/// Writes down what is left, in case this run breaks off.
fn save(applier: &Applier<'_>, record: &Record, last: &[Done], kept: &[Done]) -> Result<(), Error> {
    let mut left = record.clone();
    left.done.extend(last.iter().chain(kept).cloned());
    if left.done.is_empty() {
        return Ok(());
    }
    left.save(applier.host)
}

/// Undoes a step, and says what is to be known about it.
fn one(applier: &Applier<'_>, done: &Done, is_forced: bool) -> Result<Option<String>, String> {
    match done {
        Done::Set { path, before } => {
            let set = applier.set_to(path, before);
            set.map_err(|reason| format!("{path} was not set to {before}: {reason}"))?;
            Ok(None)
        }
        Done::Run { undo, .. } => {
            let run = applier.run(undo);
            run.map_err(|reason| format!("this command failed: {}: {reason}", undo.join(" ")))?;
            Ok(None)
        }
        Done::Write { path, before, digest, is_operators } => {
            let failed = |error: io::Error| format!("{path} was not put back: {error}");
            let text = before.as_ref().map(|before| before.text.as_str());
            let file = applier.host.file(path);
            let mut note = None;
            if is_changed(applier.host, path, text, digest) {
                match (is_forced, is_operators) {
                    (true, _) => {
                        let name = set_aside(&file).map_err(failed)?;
                        note = Some(format!("{path} was changed since, and is called {name} now"));
                    }
                    (false, true) => {
                        return Ok(Some(format!("{path} was changed since, and stays as it is")));
                    }
                    (false, false) => {
                        return Err(format!(
                            "{path} was changed since, and is left alone: remove it by hand, or \
                             add --force, which keeps it as {path}.tandem-old"
                        ));
                    }
                }
            }
            let result = match before {
                Some(before) => write_file(&file, before.text.as_bytes(), before.mode),
                None => match fs::remove_file(file) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    result => result,
                },
            };
            result.map_err(failed)?;
            Ok(note)
        }
    }
}

/// Renames a file of somebody's making, never over another such, and returns its new name.
fn set_aside(file: &Path) -> io::Result<String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut old = format!("{name}.tandem-old");
    let mut number = 1;
    while fs::symlink_metadata(file.with_file_name(&old)).is_ok() {
        number += 1;
        old = format!("{name}.tandem-old{number}");
    }
    fs::rename(file, file.with_file_name(&old))?;
    Ok(old)
}

/// True when the file is neither what setup wrote nor what was there before.
fn is_changed(host: &Host, path: &str, before: Option<&str>, written: &str) -> bool {
    match fs::read(host.file(path)) {
        Ok(bytes) => digest(&bytes) != written && before.map(str::as_bytes) != Some(&bytes),
        Err(_) => false,
    }
}
