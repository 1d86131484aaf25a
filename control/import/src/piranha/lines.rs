//! The lines of a file, put together to blocks.

use crate::report::{Outcome, Place, Report};

/// A line: a key with its value, or the head of a block.
pub(super) struct Line {
    pub(super) at: Place,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) block: Option<Vec<Line>>,
}

impl Line {
    pub(super) fn text(&self) -> String {
        let sign = if self.block.is_some() { "" } else { "= " };
        format!("{} {sign}{}", self.key, self.value)
    }

    pub(super) fn is_on(&self) -> bool {
        matches!(self.value.as_str(), "1" | "yes" | "true")
    }
}

/// Blocks in blocks, at the most.
const DEEPEST: usize = 4;

/// Puts the lines of a file together to blocks.
pub(super) fn lines(text: &str, file: u32, report: &mut Report) -> Vec<Line> {
    let mut done: Vec<Line> = Vec::new();
    let mut open: Vec<(Line, Vec<Line>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let at = Place { file, line: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        let text = uncomment(line);
        if text.is_empty() {
            continue;
        }
        let top = open.last_mut().map_or(&mut done, |(_, lines)| lines);
        if text == "}" {
            match open.pop() {
                Some((head, lines)) => {
                    let head = Line { block: Some(lines), ..head };
                    open.last_mut().map_or(&mut done, |(_, lines)| lines).push(head);
                }
                None => {
                    let words = "no block is open that this brace could close; take it out";
                    report.add(at, text, Outcome::NotUnderstood, words);
                }
            }
        } else if let Some(head) = text.strip_suffix('{') {
            let (key, name) = head.trim().split_once([' ', '\t']).unwrap_or((head.trim(), ""));
            let head = Line { at, key: key.to_owned(), value: unquote(name), block: None };
            if open.len() < DEEPEST {
                open.push((head, Vec::new()));
            } else {
                report.add(at, text, Outcome::NotUnderstood, "blocks are nested too deep");
            }
        } else if let Some((key, value)) = text.split_once('=') {
            let (key, value) = (key.trim().to_owned(), unquote(value));
            top.push(Line { at, key, value, block: None });
        } else {
            let words = "write it as key = value, or begin it with #";
            report.add(at, text, Outcome::NotUnderstood, words);
        }
    }
    while let Some((head, lines)) = open.pop() {
        let words = "its block is not closed: a closing brace is missing";
        report.add(head.at, head.text(), Outcome::NotUnderstood, words);
        let head = Line { block: Some(lines), ..head };
        open.last_mut().map_or(&mut done, |(_, lines)| lines).push(head);
    }
    done
}

/// The line without what follows a `#` that stands between no quotes.
fn uncomment(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (c, quote) {
            ('#', None) => return line.get(..at).unwrap_or_default().trim(),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
    }
    line.trim()
}

fn unquote(text: &str) -> String {
    let text = text.trim();
    let inside = ['"', '\''].into_iter().find_map(|q| text.strip_prefix(q)?.strip_suffix(q));
    inside.unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_quotes() {
        assert_eq!(uncomment("  port = 80 # web"), "port = 80");
        assert_eq!(uncomment("send = \"GET /#a\" # x"), "send = \"GET /#a\"");
        assert_eq!(unquote(" \"10.0.0.1 eth0:1\" "), "10.0.0.1 eth0:1");
    }
}
