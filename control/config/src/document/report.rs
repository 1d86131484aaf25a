//! Collects the mistakes of one text.

use core::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::Span;
use crate::mistake::{Mistake, Mistakes, Place, Severity};

/// Collects mistakes while the text is read; whoever reads holds it by reference.
pub(crate) struct Report<'t> {
    name: &'t str,
    text: &'t str,
    /// Where the lines begin.
    lines: Vec<usize>,
    found: RefCell<Vec<Mistake>>,
    /// Lines with mistakes in the TOML itself.
    broken: RefCell<BTreeSet<u32>>,
    /// The line from which on nothing was read as it was meant.
    lost: Cell<u32>,
}

impl<'t> Report<'t> {
    pub(crate) fn new(name: &'t str, text: &'t str) -> Self {
        let (found, broken) = Default::default();
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = core::iter::once(0).chain(ends).collect();
        Report { name, text, lines, found, broken, lost: Cell::new(u32::MAX) }
    }

    /// A mistake in the TOML itself.
    pub(crate) fn syntax(&self, span: &Span, what: impl Into<String>, remedy: impl Into<String>) {
        if self.broken.borrow_mut().insert(self.place(span).line) {
            self.add(Severity::Error, span, what.into(), remedy.into());
        }
    }

    /// From here on the text was not read as it was meant.
    pub(crate) fn lost_after(&self, span: &Span) {
        self.lost.set(self.place(span).line);
    }

    pub(crate) fn error(&self, span: &Span, what: impl Into<String>, remedy: impl Into<String>) {
        self.judge(Severity::Error, span, what.into(), remedy.into());
    }

    pub(crate) fn warning(&self, span: &Span, what: impl Into<String>, remedy: impl Into<String>) {
        self.judge(Severity::Warning, span, what.into(), remedy.into());
    }

    /// Something is not there. Where the TOML is broken it may well be, unread.
    pub(crate) fn missing(&self, span: &Span, what: impl Into<String>, remedy: impl Into<String>) {
        if self.broken.borrow().is_empty() {
            self.add(Severity::Error, span, what.into(), remedy.into());
        }
    }

    /// The text cannot be used, and nothing says why: say so rather than nothing.
    pub(crate) fn unexplained(&self) {
        if self.found.borrow().iter().all(|mistake| mistake.severity == Severity::Warning) {
            let what = "the configuration is incomplete";
            self.add(
                Severity::Error,
                &(0..0),
                what.into(),
                "compare it with docs/configuration.md".into(),
            );
        }
    }

    /// What stands on a line with broken TOML was not read as it was meant.
    fn judge(&self, severity: Severity, span: &Span, what: String, remedy: String) {
        let line = self.place(span).line;
        if line < self.lost.get() && !self.broken.borrow().contains(&line) {
            self.add(severity, span, what, remedy);
        }
    }

    fn add(&self, severity: Severity, span: &Span, what: String, remedy: String) {
        let file = self.name.to_owned();
        let place = Some(self.place(span));
        self.found.borrow_mut().push(Mistake { file, place, severity, what, remedy });
    }

    /// The line that a place is on, for messages that point to another place.
    pub(crate) fn line(&self, span: &Span) -> u32 {
        self.place(span).line
    }

    fn place(&self, span: &Span) -> Place {
        let index = self.lines.partition_point(|start| *start <= span.start).saturating_sub(1);
        let start = self.lines.get(index).copied().unwrap_or(0);
        let line = self.text.get(start..).unwrap_or_default();
        let Place { line: below, column } = place_of(line, span.start.saturating_sub(start));
        let above = u32::try_from(index).unwrap_or(u32::MAX);
        Place { line: above.saturating_add(below), column }
    }

    /// Everything found, sorted by place: the mistakes, and the warnings.
    pub(crate) fn finish(self) -> Mistakes {
        let mut found = self.found.into_inner();
        found.sort_by_key(|mistake| mistake.place);
        found.dedup();
        let (mistakes, warnings) =
            found.into_iter().partition(|mistake| mistake.severity == Severity::Error);
        Mistakes { mistakes, warnings }
    }
}

/// The place of a byte of the text; beyond its end, that of the end.
pub(crate) fn place_of(text: &str, offset: usize) -> Place {
    let before = || text.char_indices().take_while(|(at, _)| *at < offset).map(|(_, c)| c);
    let line = before().filter(|c| *c == '\n').count();
    let column = before().fold(0, |column, c| if c == '\n' { 0 } else { column + 1 });
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
    Place { line: number(line), column: number(column) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let text = "a\nbü d\n";
        let place = |offset| place_of(text, offset);
        assert_eq!(place(0), Place { line: 1, column: 1 });
        assert_eq!(place(2), Place { line: 2, column: 1 });
        assert_eq!(place(6), Place { line: 2, column: 4 });
        assert_eq!(place(99), Place { line: 3, column: 1 });
    }

    #[test]
    fn a_report_finds_the_same_places() {
        let text = "a\nbü d\n\nlast";
        let report = Report::new("name", text);
        for (offset, _) in text.char_indices() {
            assert_eq!(report.place(&(offset..offset)), place_of(text, offset), "{offset}");
        }
        assert_eq!(report.place(&(99..99)), place_of(text, 99));
    }
}
