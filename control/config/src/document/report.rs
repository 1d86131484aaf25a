//! Collects the mistakes of all files.

use core::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::Span;
use super::texts::{FileIndex, Found, Texts};
use crate::mistake::{Mistake, Mistakes, Place, Severity};
use crate::sources::{Problem, ProblemKind, Sources};

/// Collects mistakes while the texts are read; whoever reads holds it by reference.
pub(crate) struct Report<'t> {
    texts: Texts<'t>,
    found: RefCell<Vec<Noted>>,
    /// Lines with mistakes in the TOML itself.
    broken: RefCell<BTreeSet<(FileIndex, u32)>>,
    /// The lines from which on nothing was read as it was meant.
    lost: RefCell<HashMap<FileIndex, u32>>,
    /// A file is not there, or is not read to its end.
    incomplete: bool,
    /// What is read is perhaps used by nobody.
    probing: Cell<bool>,
}

/// A mistake, and where it was found.
struct Noted {
    at: usize,
    severity: Severity,
    what: String,
    remedy: String,
}

impl<'t> Report<'t> {
    pub(crate) fn new(sources: &'t Sources) -> Self {
        let mut report = Report {
            texts: Texts::new(sources),
            found: RefCell::default(),
            broken: RefCell::default(),
            lost: RefCell::default(),
            incomplete: false,
            probing: Cell::new(false),
        };
        let starts: Vec<usize> = report.texts.all().map(|(start, _)| start).collect();
        for Problem { file, at, kind, what, remedy } in sources.problems() {
            let start = starts.get(*file).copied().unwrap_or(0);
            let span = at.start + start..at.end + start;
            report.add(kind.severity(), &span, what.clone(), remedy.clone());
            if *kind == ProblemKind::Broken {
                let Found { file, place, .. } = report.texts.find(span.start);
                report.broken.borrow_mut().insert((file, place.line));
                report.lost_after(&span);
            }
            report.incomplete |= *kind == ProblemKind::Missing;
        }
        report
    }

    /// What the places are in.
    pub(crate) fn texts(&self) -> &Texts<'t> {
        &self.texts
    }

    /// A mistake in the TOML itself.
    pub(crate) fn syntax(&self, span: &Span, what: impl Into<String>, remedy: impl Into<String>) {
        let Found { file, place, .. } = self.texts.find(span.start);
        if self.broken.borrow_mut().insert((file, place.line)) {
            self.add(Severity::Error, span, what.into(), remedy.into());
        }
    }

    /// From here on the text was not read as it was meant.
    pub(crate) fn lost_after(&self, span: &Span) {
        let Found { file, place, .. } = self.texts.find(span.start);
        self.lost.borrow_mut().entry(file).or_insert(place.line);
    }

    pub(crate) fn error(&self, span: &Span, what: impl Into<String>, remedy: impl Into<String>) {
        self.judge(Severity::Error, span, what.into(), remedy.into());
    }

    pub(crate) fn warning(&self, span: &Span, what: impl Into<String>, remedy: impl Into<String>) {
        self.judge(Severity::Warning, span, what.into(), remedy.into());
    }

    /// Something is not there. Where the TOML is broken it may well be, unread.
    pub(crate) fn missing(&self, span: &Span, what: impl Into<String>, remedy: impl Into<String>) {
        if self.broken.borrow().is_empty() && !self.incomplete {
            self.add(Severity::Error, span, what.into(), remedy.into());
        }
    }

    /// The text cannot be used, and nothing says why: say so rather than nothing.
    pub(crate) fn unexplained(&self) {
        let found = self.found.borrow();
        if !self.incomplete && found.iter().all(|noted| noted.severity == Severity::Warning) {
            drop(found);
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
        let Found { file, place: Place { line, .. }, .. } = self.texts.find(span.start);
        let is_lost = self.lost.borrow().get(&file).is_some_and(|lost| line >= *lost);
        if !is_lost && !self.broken.borrow().contains(&(file, line)) {
            self.add(severity, span, what, remedy);
        }
    }

    fn add(&self, severity: Severity, span: &Span, what: String, remedy: String) {
        if self.probing.get() && !self.texts.is_copy(span.start) {
            return;
        }
        self.found.borrow_mut().push(Noted { at: span.start, severity, what, remedy });
    }

    /// Reads what perhaps nobody uses: only mistakes in copies count, and not what it lacks.
    pub(crate) fn probe(&self, read: impl FnOnce()) {
        self.probing.set(true);
        read();
        self.probing.set(false);
    }

    /// The line of a place and its file: `line 3 of tandem.toml`.
    pub(crate) fn line_and_file(&self, span: &Span) -> String {
        self.texts.line_and_file(span.start)
    }

    /// The line that a place is on, for a message about another place: `line 3`, or
    /// `line 3 of other.toml`.
    pub(crate) fn line(&self, span: &Span, beside: &Span) -> String {
        self.texts.line(span, beside)
    }

    /// Everything found, sorted by file and place: the mistakes, and the warnings.
    pub(crate) fn finish(self) -> Mistakes {
        let mut all = self.together();
        all.sort_by_key(|(file, mistake)| (*file, mistake.place));
        let (mistakes, warnings) = all
            .into_iter()
            .map(|(_, mistake)| mistake)
            .partition(|mistake| mistake.severity == Severity::Error);
        Mistakes { mistakes, warnings }
    }

    /// What was found, each once, whoever inherits it.
    fn together(self) -> Vec<(FileIndex, Mistake)> {
        let mut mistakes: Vec<(FileIndex, Mistake, Vec<Rc<str>>)> = Vec::new();
        let mut known = HashMap::new();
        for Noted { at, severity, what, remedy } in self.found.into_inner() {
            let Found { file, place, heir } = self.texts.find(at);
            let key = (file, place, severity, what.clone(), remedy.clone());
            let index = *known.entry(key).or_insert(mistakes.len());
            if index == mistakes.len() {
                let name = self.texts.name(file).to_owned();
                let place = Some(place);
                mistakes.push((
                    file,
                    Mistake { file: name, place, severity, what, remedy },
                    vec![],
                ));
            }
            if let (Some(heir), Some((_, _, heirs))) = (heir, mistakes.get_mut(index)) {
                if !heirs.contains(&heir) {
                    heirs.push(heir);
                }
            }
        }
        let named = mistakes.into_iter().map(|(file, mut mistake, heirs)| {
            mistake.what.push_str(&inherited(&heirs));
            (file, mistake)
        });
        named.collect()
    }
}

/// Who inherits a mistake, in brackets.
fn inherited(heirs: &[Rc<str>]) -> String {
    match heirs {
        [] => String::new(),
        [one] => format!(" ({one} inherits it)"),
        [one, other] => format!(" ({one} and {other} inherit it)"),
        [one, more @ ..] => format!(" ({one} and {} more inherit it)", more.len()),
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
    fn what_is_inherited_is_told_once() {
        let sources = Sources::new([("name".to_owned(), "one\ntwo".to_owned())]);
        let report = Report::new(&sources);
        let shift = |heir: &str| report.texts().copy_of(4, Some(heir.into()));
        for shift in [shift("a"), shift("b"), shift("c"), shift("a")] {
            report.error(&(4 + shift..5 + shift), "two is wrong", "mend it");
        }
        let lines = report.finish().lines();
        assert_eq!(lines, ["name:2:1: two is wrong (a and 2 more inherit it); mend it"]);
    }
}
