//! The plan for people: each step with the exact file or command.

use std::io::{self, Write};

use host::Host;

use super::action::{Action, Content};
use super::plan::Plan;
use crate::output::colour::{self, Colour};
use crate::output::units::plural;

pub(super) fn plan(plan: &Plan, host: &Host, out: &mut dyn Write) -> io::Result<()> {
    plan.choices.iter().try_for_each(|choice| writeln!(out, "{choice}"))?;
    writeln!(out)?;
    if plan.actions.is_empty() {
        return Ok(());
    }
    if !host.is_running() {
        writeln!(out, "Below {}, where only files are written:\n", host.root().display())?;
    }
    for (index, action) in plan.actions.iter().enumerate() {
        show_action(index + 1, action, host, out)?;
    }
    Ok(())
}

/// The last lines: problems, and what is left to do.
pub(super) fn end(plan: &Plan, is_done: bool, out: &mut dyn Write) -> io::Result<()> {
    let has_colours = colour::are_wanted();
    for problem in &plan.problems {
        let line = format!("In the way: {problem}");
        let line = if has_colours { Colour::Red.paint(&line) } else { line };
        writeln!(out, "{line}")?;
    }
    if !plan.problems.is_empty() {
        writeln!(out)?;
    }
    match (plan.actions.len(), is_done) {
        (0, _) => writeln!(out, "Nothing is to do: this machine is set up.")?,
        (number, true) => writeln!(out, "\n{} done.", plural(number, "step"))?,
        (number, false) => writeln!(out, "{} to do; nothing was changed.", plural(number, "step"))?,
    }
    if plan.left.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nLeft for you{}:",
        if is_done || plan.actions.is_empty() { "" } else { " then" }
    )?;
    let mut left = plan.left.iter().enumerate();
    left.try_for_each(|(index, line)| writeln!(out, "  {}. {line}", index + 1))
}

fn show_action(number: usize, action: &Action, host: &Host, out: &mut dyn Write) -> io::Result<()> {
    match action {
        Action::Write { path, content: Content::Key, mode, why, .. } => {
            writeln!(out, "{number}. write {path} (mode {mode:04o}): {why}")?;
        }
        Action::Write { path, content: Content::Text(text), mode, why, .. } => {
            writeln!(out, "{number}. write {path} (mode {mode:04o}): {why}")?;
            let before = std::fs::read_to_string(host.file(path)).unwrap_or_default();
            show_difference(&before, text, out)?;
        }
        Action::Set { path, value, why } => {
            let before = host.read(path).unwrap_or_else(|_| "?".to_owned());
            writeln!(out, "{number}. set {path} from {before} to {value}: {why}")?;
        }
        Action::Run { command, why, .. } => {
            writeln!(out, "{number}. run {}: {why}", command.join(" "))?;
        }
    }
    writeln!(out)
}

/// The lines that go and those that come; what both texts begin and end with is left out.
fn show_difference(before: &str, after: &str, out: &mut dyn Write) -> io::Result<()> {
    let has_colours = colour::are_wanted();
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let head = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let (before, after) = (before.get(head..).unwrap_or(&[]), after.get(head..).unwrap_or(&[]));
    let both = before.iter().rev().zip(after.iter().rev());
    let tail = both.take_while(|(one, other)| one == other).count();
    let gone = before.iter().take(before.len() - tail).map(|line| ('-', line, Colour::Red));
    let come = after.iter().take(after.len() - tail).map(|line| ('+', line, Colour::Green));
    for (sign, line, colour) in gone.chain(come) {
        let line = format!("{sign} {line}");
        let line = if has_colours { colour.paint(&line) } else { line };
        writeln!(out, "   {}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ_are_shown() {
        let mut out = Vec::new();
        show_difference("a\nb\nc\n", "a\nx\ny\nc\n", &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "   - b\n   + x\n   + y\n");
        let mut out = Vec::new();
        show_difference("", "new\n", &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "   + new\n");
    }
}
