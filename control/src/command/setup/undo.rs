//! Putting everything back, the last step first.

use std::fs;
use std::io;

use host::Host;

use super::apply::{Applier, digest, write_file};
use super::record::{Done, Record};
use crate::error::Error;

/// What undoing would do, a line each.
pub(super) fn steps(record: &Record, host: &Host) -> Vec<String> {
    let mut steps = Vec::new();
    let mut last = Vec::new();
    for done in record.done.iter().rev() {
        match done {
            Done::Write { path, before, digest } => {
                let what = if before.is_some() { "put back" } else { "remove" };
                let changed =
                    if is_changed(host, path, before.as_ref().map(|b| b.text.as_str()), digest) {
                        " (it was changed since, and is left alone without --force)"
                    } else {
                        ""
                    };
                steps.push(format!("{what} {path}{changed}"));
            }
            Done::Set { path, before } => steps.push(format!("set {path} to {before}")),
            Done::Run { undo, undo_last: true, .. } => last.push(format!("run {}", undo.join(" "))),
            Done::Run { undo, .. } => steps.push(format!("run {}", undo.join(" "))),
        }
    }
    last.dedup();
    steps.extend(last);
    steps
}

/// Undoes every step that it can. Returns what could not be undone, which stays recorded.
pub(super) fn undo(
    applier: &Applier<'_>,
    record: &mut Record,
    is_forced: bool,
) -> Result<Vec<String>, Error> {
    let mut failures = Vec::new();
    let mut kept = Vec::new();
    // Commands that make something of files come last; each is needed once.
    let mut last: Vec<Done> = Vec::new();
    while let Some(done) = record.done.pop() {
        if let Done::Run { undo_last: true, .. } = &done {
            if !last.contains(&done) {
                last.push(done);
            }
            continue;
        }
        if let Err(reason) = one(applier, &done, is_forced) {
            failures.push(reason);
            kept.insert(0, done);
        }
        save(applier, record, &last, &kept)?;
    }
    for done in std::mem::take(&mut last) {
        if let Err(reason) = one(applier, &done, is_forced) {
            failures.push(reason);
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
    Ok(failures)
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

fn one(applier: &Applier<'_>, done: &Done, is_forced: bool) -> Result<(), String> {
    match done {
        Done::Set { path, before } => {
            let set = applier.set_to(path, before);
            set.map_err(|reason| format!("{path} was not set to {before}: {reason}"))
        }
        Done::Run { undo, .. } => applier
            .run(undo)
            .map_err(|reason| format!("this command failed: {}: {reason}", undo.join(" "))),
        Done::Write { path, before, digest } => {
            let text = before.as_ref().map(|before| before.text.as_str());
            if !is_forced && is_changed(applier.host, path, text, digest) {
                return Err(format!(
                    "{path} was changed since, and is left alone: remove it by hand, or add --force"
                ));
            }
            let file = applier.host.path(path);
            let result = match before {
                Some(before) => write_file(&file, before.text.as_bytes(), before.mode),
                None => match fs::remove_file(file) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    result => result,
                },
            };
            result.map_err(|error| format!("{path} was not put back: {error}"))
        }
    }
}

/// True when the file is neither what setup wrote nor what was there before.
fn is_changed(host: &Host, path: &str, before: Option<&str>, written: &str) -> bool {
    match fs::read(host.path(path)) {
        Ok(bytes) => digest(&bytes) != written && before.map(str::as_bytes) != Some(&bytes),
        Err(_) => false,
    }
}
