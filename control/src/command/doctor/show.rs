//! Findings for people: what is wrong first, with what to type.

use std::io::{self, Write};

use super::Answer;
use super::finding::{Finding, State};
use crate::output::colour::{self, Colour};
use crate::output::units::plural;

/// The column in which lines go on that do not fit.
const WIDTH: usize = 100;

pub(super) fn show(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let has_colours = colour::are_wanted();
    let width = answer.findings.iter().map(|finding| finding.check.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut last = None;
    for finding in &answer.findings {
        if last.is_some_and(|last| last != finding.state) {
            writeln!(out)?;
        }
        last = Some(finding.state);
        show_finding(finding, width, has_colours, out)?;
    }
    writeln!(out)?;
    let Answer { wrong, notes, unknown, .. } = answer;
    let unknown = if *unknown > 0 { format!(", {unknown} unknown") } else { String::new() };
    match wrong {
        0 => writeln!(out, "Nothing is wrong; {}{unknown}.", plural(*notes, "note")),
        1 => writeln!(out, "1 thing is wrong; {}{unknown}.", plural(*notes, "note")),
        more => writeln!(out, "{more} things are wrong; {}{unknown}.", plural(*notes, "note")),
    }
}

fn show_finding(
    finding: &Finding,
    width: usize,
    has_colours: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let state = format!("{:<7}", finding.state);
    let state = match (has_colours, colour_of(finding.state)) {
        (true, Some(colour)) => colour.paint(&state),
        _ => state,
    };
    let indent = 7 + 2 + width + 2;
    let found = wrap(&finding.found, WIDTH.saturating_sub(indent));
    let mut lines = found.iter();
    let first = lines.next().map_or("", String::as_str);
    writeln!(out, "{state}  {:<width$}  {first}", finding.check)?;
    lines.try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))?;
    for line in finding.why.iter().flat_map(|why| wrap(why, WIDTH.saturating_sub(indent))) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    // Commands are copied, and so never broken.
    for line in finding.remedy.iter().flat_map(|remedy| remedy.lines()) {
        match line.strip_prefix("# ") {
            Some(advice) => {
                let lines = wrap(&format!("-> {advice}"), WIDTH.saturating_sub(indent));
                lines.iter().try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))?;
            }
            None => writeln!(out, "{:indent$}type: {line}", "")?,
        }
    }
    Ok(())
}

fn colour_of(state: State) -> Option<Colour> {
    match state {
        State::Wrong => Some(Colour::Red),
        State::Note | State::Unknown => Some(Colour::Yellow),
        State::Ok => Some(Colour::Green),
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_says_what_to_type() {
        let answer = Answer::of(vec![
            Finding::ok("swap", "off"),
            Finding::wrong(
                "private NIC",
                "0000:03:00.1 is driven by the kernel's i40e",
                "DPDK drives it instead of the kernel.",
                "driverctl set-override 0000:03:00.1 vfio-pci\n# Or use another NIC.",
            ),
        ]);
        let mut out = Vec::new();
        show(&answer, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\
WRONG    private NIC  0000:03:00.1 is driven by the kernel's i40e
                      DPDK drives it instead of the kernel.
                      type: driverctl set-override 0000:03:00.1 vfio-pci
                      -> Or use another NIC.

ok       swap         off

1 thing is wrong; 0 notes.
"
        );
    }

    #[test]
    fn long_sentences_are_broken() {
        assert_eq!(wrap("one two three\nfour", 8), ["one two", "three", "four"]);
    }
}
