//! The report of an import: for people, and as JSON.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use import::report::Group;
use import::{FillIn, Import, Outcome};
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::colour::{Colour, are_wanted_on};
use crate::output::units::plural;

/// The most ranges of lines that are written out.
const MOST_RANGES: usize = 6;

/// What became of each line, and what is left to be done.
#[derive(Serialize, JsonSchema)]
pub(in crate::command) struct Answer {
    /// Something that alters what the router does was not taken over.
    alters: bool,
    /// The lines of the files, in their order.
    entries: Vec<Line>,
    /// What is to be known besides.
    notes: Vec<String>,
    /// What is to be filled in before the configuration is used.
    fill_in: Vec<Gap>,
    /// The same of the second machine's configuration, where there is one.
    peer_fill_in: Option<Vec<Gap>>,
}

/// What became of a line.
#[derive(Serialize, JsonSchema)]
struct Line {
    /// The file.
    file: String,
    /// The line, counted from 1; 0: it is about the file as a whole.
    line: u32,
    /// What stands there.
    text: String,
    /// What became of it, in a word.
    outcome: &'static str,
    /// The same in a sentence.
    words: String,
}

/// A value that the old configuration does not have.
#[derive(Serialize, JsonSchema)]
struct Gap {
    /// The key in the new configuration.
    key: String,
    /// What stands there until then.
    value: String,
    /// What it has to be.
    words: String,
}

pub(super) fn answer(imported: &Import) -> Answer {
    let report = &imported.report;
    let line = |entry: &import::Entry| Line {
        file: report.file_name(entry.at).to_owned(),
        line: entry.at.line,
        text: entry.text.clone(),
        outcome: entry.outcome.name(),
        words: entry.words.clone(),
    };
    let gap = |one: &FillIn| Gap {
        key: one.key.clone(),
        value: one.value.clone(),
        words: one.words.clone(),
    };
    let all = |list: &[FillIn]| list.iter().map(gap).collect::<Vec<_>>();
    Answer {
        alters: report.alters(),
        entries: report.entries().iter().map(|entry| line(entry)).collect(),
        notes: report.notes.clone(),
        fill_in: all(&imported.machine.fill_in),
        peer_fill_in: imported.peer.as_ref().map(|peer| all(&peer.fill_in)),
    }
}

pub(super) fn text(
    imported: &Import,
    said: &[String],
    output: Option<&Path>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let report = &imported.report;
    let colours = are_wanted_on(io::stderr().is_terminal());
    for group in report.groups() {
        one(imported, &group, colours, out)?;
    }
    for note in &report.notes {
        writeln!(out, "note: {note}")?;
    }
    writeln!(out)?;
    fill_in("Fill in before you use it:", &imported.machine.fill_in, out)?;
    if let Some(peer) = &imported.peer {
        fill_in("Fill in for the second machine:", &peer.fill_in, out)?;
    }
    for line in said {
        writeln!(out, "{line}.")?;
    }
    sum(imported, colours, out)?;
    let file = output.map_or("FILE".to_owned(), |path| path.display().to_string());
    writeln!(out, "Then: tandem check {file}")
}

fn one(imported: &Import, group: &Group<'_>, colours: bool, out: &mut dyn Write) -> io::Result<()> {
    let entry = group.entry;
    let name = imported.report.file_name(entry.at);
    let lines = match &group.lines[..] {
        [0] => String::new(),
        lines => format!("{}:", ranges(lines)),
    };
    let outcome = paint(entry.outcome, colours);
    let is_plain = entry.outcome == Outcome::Taken && entry.words.is_empty();
    if is_plain {
        return writeln!(out, "{name}:{lines} {outcome}");
    }
    writeln!(out, "{name}:{lines} {outcome}: {}", entry.text)?;
    if entry.words.is_empty() { Ok(()) } else { writeln!(out, "    {}", entry.words) }
}

fn paint(outcome: Outcome, colours: bool) -> String {
    let text = outcome.to_string();
    match outcome {
        _ if !colours => text,
        Outcome::NotTaken | Outcome::NotUnderstood => Colour::Red.paint(&text),
        Outcome::Otherwise => Colour::Yellow.paint(&text),
        Outcome::Taken => Colour::Green.paint(&text),
        Outcome::Unneeded => text,
    }
}

/// Lines with those between them: `3-5,9`.
fn ranges(lines: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, last)) if *line == *last + 1 => *last = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let shown: Vec<String> = ranges
        .iter()
        .take(MOST_RANGES)
        .map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            },
        )
        .collect();
    let more: usize = ranges
        .iter()
        .skip(MOST_RANGES)
        .map(|(first, last)| usize::try_from(last - first + 1).unwrap_or(usize::MAX))
        .sum();
    let ending =
        if more == 0 { String::new() } else { format!(" and {} more", plural(more, "line")) };
    format!("{}{ending}", shown.join(","))
}

fn fill_in(heading: &str, list: &[FillIn], out: &mut dyn Write) -> io::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    writeln!(out, "{heading}")?;
    for one in list {
        writeln!(out, "  {} = {}", one.key, one.value)?;
        writeln!(out, "      {}", one.words)?;
    }
    writeln!(out)
}

fn sum(imported: &Import, colours: bool, out: &mut dyn Write) -> io::Result<()> {
    let count = |outcome: Outcome| imported.report.count(outcome);
    let counts = [
        Outcome::Taken,
        Outcome::Otherwise,
        Outcome::Unneeded,
        Outcome::NotTaken,
        Outcome::NotUnderstood,
    ]
    .into_iter()
    .filter(|outcome| count(*outcome) > 0)
    .map(|outcome| format!("{} {}", count(outcome), paint(outcome, colours)));
    writeln!(out, "{}.", counts.collect::<Vec<_>>().join(", "))?;
    if imported.report.alters() {
        let words = "What is NOT taken over or understood does something in the old configuration that it \
                     does not do in this one.";
        writeln!(out, "{words}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_are_shown_shortly() {
        assert_eq!(ranges(&[1, 2, 3, 7]), "1-3,7");
        let many: Vec<u32> = (1..100).step_by(2).collect();
        assert_eq!(ranges(&many), "1,3,5,7,9,11 and 44 lines more");
    }
}
