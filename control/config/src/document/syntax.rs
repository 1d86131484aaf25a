//! Mistakes in the TOML itself.

use toml::de::{DeTable, Error};

use super::value::quote;
use super::{Report, Span, shift};

/// Parses every text as far as it can be. What is broken is reported, one mistake a line.
pub(crate) fn parse<'t>(report: &Report<'t>) -> Vec<DeTable<'t>> {
    report.texts().all().map(|(start, text)| parse_one(text, start, report)).collect()
}

/// Places in the table are those in the row of all texts, in which this one begins at `start`.
fn parse_one<'t>(text: &'t str, start: usize, report: &Report<'_>) -> DeTable<'t> {
    let (table, errors) = DeTable::parse_recoverable(text);
    // A list that is never closed swallows lines: what is said of those is noise.
    let swallowed = errors.iter().any(|error| {
        let message = error.message();
        message.starts_with("unclosed array") || message.starts_with("unclosed inline table")
    });
    for error in &errors {
        let span: Span = error.span().unwrap_or(0..0);
        let (what, remedy) = explain(error, &word(text, &span));
        let span = span.start + start..span.end + start;
        report.syntax(&span, what, remedy);
        if error.message().starts_with("unclosed table") {
            // The keys below a broken header belong to no known section.
            report.lost_after(&span);
        } else if swallowed && is_structural(error.message()) {
            report.lost_after(&span);
            break;
        }
    }
    shift::table(table.into_inner(), start)
}

fn is_structural(message: &str) -> bool {
    message.starts_with("unclosed") || message.starts_with("missing comma")
}

/// What is written at a place, out to the end of its word on both sides.
fn word(text: &str, span: &Span) -> String {
    let ends = |c: char| c.is_whitespace() || "=,[]{}#\"'".contains(c);
    let before = text.get(..span.start).unwrap_or_default();
    let start = before.rfind(ends).map_or(0, |at| at + 1);
    let after = text.get(span.end..).unwrap_or_default();
    let end = span.end + after.find(ends).unwrap_or(after.len());
    text.get(start..end).unwrap_or_default().to_owned()
}

/// The parser says "what is wrong, expected this, that".
fn explain(error: &Error, written: &str) -> (String, String) {
    let message = error.message().lines().next().unwrap_or_default().trim().replace('`', "'");
    let (what, expected) = message.split_once(", expected ").unwrap_or((&message, ""));
    let written = written.trim();
    match what {
        "duplicate key" => {
            (format!("{} is there twice", quote(written)), "keep one of them".to_owned())
        }
        "string values must be quoted" if written.is_empty() => {
            ("not TOML: the value is missing".to_owned(), "write it behind the '='".to_owned())
        }
        "string values must be quoted"
        | "invalid time"
        | "invalid date"
        | "invalid float"
        | "invalid integer"
        | "invalid datetime" => {
            let what = format!("not TOML: {} is no value", quote(written));
            (what, "write text and addresses in quotation marks".to_owned())
        }
        "missing comma between array elements" => (
            format!("not TOML: {what}"),
            "put a comma between two entries, or close the list before with ']'".to_owned(),
        ),
        _ if expected.is_empty() || expected == "nothing" => {
            (format!("not TOML: {what}"), "take it out, or see https://toml.io".to_owned())
        }
        _ => (format!("not TOML: {what}"), format!("here belongs {expected}")),
    }
}
