//! The tables of all files in one. Lists of tables and named checks add up over the files; any
//! other section is in one file.

use toml::de::{DeTable, DeValue};

use super::Value;
use crate::document::value::{describe, include, quote};
use crate::document::{Report, Table};
use crate::schema;

/// Sections whose entries add up, in the order in which the files are read.
const LISTS: [&str; 3] = ["masquerade", "service", "hook"];
/// The section whose tables add up.
pub(super) const CHECKS: &str = "checks";

pub(super) fn merge<'t>(files: Vec<DeTable<'t>>, report: &Report<'t>) -> DeTable<'t> {
    let mut merged = DeTable::new();
    for file in files {
        judge(&file, report);
        for (key, value) in file {
            let name = key.get_ref().as_ref();
            if name == "include" || schema::FILE.key(name).is_none() {
                continue;
            }
            match merged.get_mut(name) {
                Some(first) => join(first, value, name, report),
                None => drop(merged.insert(key, value)),
            }
        }
    }
    merged
}

/// Reports sections that there are not, and what is wrong with `include`. Which files are included
/// was found out before.
fn judge(file: &DeTable<'_>, report: &Report<'_>) {
    let table = Table::new(file, 0..0, &schema::FILE, report);
    let _ = table.list("include", include);
}

/// Adds what a file has to what a file before it has.
fn join<'t>(first: &mut Value<'t>, more: Value<'t>, name: &str, report: &Report<'_>) {
    let (span, first_span) = (more.span(), first.span());
    let lists = LISTS.contains(&name);
    match (first.get_mut(), more.into_inner()) {
        (DeValue::Array(list), DeValue::Array(more)) if lists => {
            more.into_iter().for_each(|entry| list.push(entry));
        }
        (DeValue::Table(checks), DeValue::Table(more)) if name == CHECKS => {
            for (key, check) in more {
                if let Some(first) = checks.get(key.get_ref().as_ref()) {
                    let line = report.line(&first.span(), &key.span());
                    report.error(
                        &key.span(),
                        format!("there is a check {} on {line}", quote(key.get_ref())),
                        "give each named check its own name",
                    );
                } else {
                    checks.insert(key, check);
                }
            }
        }
        // What the first one is, is judged when it is read.
        (DeValue::Array(_), other) if lists => {
            let what = format!("{name} is {}", describe(&other));
            report.error(&span, what, format!("write each as a table of its own: [[{name}]]"));
        }
        (_, _) if lists => {}
        _ => {
            let line = report.line(&first_span, &span);
            report.error(
                &span,
                format!("[{name}] is in two files (the first is on {line})"),
                "keep one of them: only [[service]], [[masquerade]], [[hook]] and [checks] add up",
            );
        }
    }
}
