//! Logical lines, put together to blocks.

use super::words::{Piece, words};
use crate::report::{Outcome, Place, Report};

/// Blocks in blocks, at the most.
const DEEPEST: usize = 24;

/// Keywords that begin a block and stand in none.
const OUTERMOST: &[&str] = &[
    "global_defs",
    "static_ipaddress",
    "static_routes",
    "static_rules",
    "virtual_server",
    "virtual_server_group",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
];

/// A line, with its block if it has one.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) at: Place,
    /// The line as it is, without comment and braces.
    pub(crate) text: String,
    /// Its words; at least one.
    pub(crate) words: Vec<String>,
    pub(crate) block: Option<Vec<Statement>>,
}

impl Statement {
    /// Its first word.
    pub(crate) fn keyword(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// A word behind the first one.
    pub(crate) fn argument(&self, index: usize) -> Option<&str> {
        self.words.get(index + 1).map(String::as_str)
    }

    /// The statements of its block.
    pub(crate) fn inside(&self) -> &[Statement] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The line without its first word.
    pub(crate) fn rest(&self) -> &str {
        let text = self.text.trim_start();
        text.find([' ', '\t']).and_then(|end| text.get(end..)).map_or("", str::trim)
    }
}

/// Puts lines together.
#[derive(Default)]
pub(super) struct Builder {
    done: Vec<Statement>,
    /// The open blocks, each with its line and the statements so far.
    open: Vec<(Option<Statement>, Place, Vec<Statement>)>,
    /// Words came last, which a brace may follow.
    may_open: bool,
    /// Blocks that are too deep, which are read as if they had no braces.
    too_deep: usize,
}

impl Builder {
    pub(super) fn add(&mut self, piece: &Piece<'_>, at: Place, report: &mut Report) {
        match piece {
            Piece::Words(text) => self.add_words(text, at, report),
            Piece::Open => self.open(at, report),
            Piece::Close => self.close(at, report),
        }
        self.may_open = matches!(piece, Piece::Words(_));
    }

    fn top(&mut self) -> &mut Vec<Statement> {
        self.open.last_mut().map_or(&mut self.done, |(_, _, statements)| statements)
    }

    fn add_words(&mut self, text: &str, at: Place, report: &mut Report) {
        let (words, is_closed) = words(text);
        if !is_closed {
            let what = "a double quote is not closed: what follows it is not read; close it";
            report.add(at, text, Outcome::NotUnderstood, what);
        }
        let Some(first) = words.first() else { return };
        if !self.open.is_empty() && OUTERMOST.contains(&first.as_str()) {
            let line = self.open.last().map_or(at, |(_, line, _)| *line);
            let what = format!(
                "it stands in the block of line {}, whose closing brace is missing; it is read as \
                 if that block had ended before",
                line.line
            );
            report.add(at, text, Outcome::NotUnderstood, what);
            while !self.open.is_empty() {
                self.attach();
            }
            self.too_deep = 0;
        }
        let statement = Statement { at, text: (*text).to_owned(), words, block: None };
        self.top().push(statement);
    }

    fn open(&mut self, at: Place, report: &mut Report) {
        if self.open.len() >= DEEPEST {
            let what = "blocks are nested too deep; keepalived has four levels";
            report.add(at, "{", Outcome::NotUnderstood, what);
            self.too_deep += 1;
            return;
        }
        let may_open = self.may_open;
        let head = if may_open { self.top().pop() } else { None };
        if head.is_none() {
            let what = "no keyword is before this brace; what it holds is read as if it had none";
            report.add(at, "{", Outcome::NotUnderstood, what);
        }
        let line = head.as_ref().map_or(at, |head| head.at);
        self.open.push((head, line, Vec::new()));
    }

    fn close(&mut self, at: Place, report: &mut Report) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if self.open.is_empty() {
            let what = "no block is open that this brace could close; take it out, or look for one \
                        that is closed too early";
            report.add(at, "}", Outcome::NotUnderstood, what);
        } else {
            self.attach();
        }
    }

    /// Closes the innermost block.
    fn attach(&mut self) {
        let Some((head, _, statements)) = self.open.pop() else { return };
        match head {
            Some(head) => self.top().push(Statement { block: Some(statements), ..head }),
            None => self.top().extend(statements),
        }
    }

    pub(super) fn finish(mut self, report: &mut Report) -> Vec<Statement> {
        while let Some((head, line, _)) = self.open.last() {
            let text = head.as_ref().map_or("{", |head| head.text.as_str()).to_owned();
            let what = "its block is not closed: a closing brace is missing";
            report.add(*line, text, Outcome::NotUnderstood, what);
            self.attach();
        }
        self.done
    }
}
