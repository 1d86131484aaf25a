//! What became of each line of the files that were read.

use core::fmt;
use std::collections::{BTreeSet, HashMap};

/// A line of one of the files that were read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The file, by its number in [`Report::files`].
    pub file: u32,
    /// The line, counted from 1; 0 means the file as a whole.
    pub line: u32,
}

/// Something with the place where it is written.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct At<T> {
    /// What is written.
    pub value: T,
    /// Where.
    pub at: Place,
}

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// Tandem does the same.
    Taken,
    /// Tandem does it in another way, which the words tell.
    Otherwise,
    /// Tandem needs no such thing, and forwards alike without it.
    Unneeded,
    /// Tandem does not do it, and so behaves differently.
    NotTaken,
    /// It is no keyword or value of its format. Nothing is guessed.
    NotUnderstood,
}

impl Outcome {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Taken => "taken",
            Outcome::Otherwise => "otherwise",
            Outcome::Unneeded => "unneeded",
            Outcome::NotTaken => "not_taken",
            Outcome::NotUnderstood => "not_understood",
        }
    }

    /// True where the result behaves differently from what was read.
    pub fn alters(self) -> bool {
        matches!(self, Outcome::NotTaken | Outcome::NotUnderstood)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::Taken => "taken over",
            Outcome::Otherwise => "taken over otherwise",
            Outcome::Unneeded => "not needed",
            Outcome::NotTaken => "NOT taken over",
            Outcome::NotUnderstood => "NOT understood",
        })
    }
}

/// What became of one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it is.
    pub at: Place,
    /// What it says, shortened, and without secrets.
    pub text: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How, or why not and what to do; empty where it was taken over.
    pub words: String,
}

/// Something that no file says, and that has to be filled in by hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FillIn {
    /// Its key in Tandem's configuration.
    pub key: String,
    /// What is written now, so that the file can be checked.
    pub value: String,
    /// What it is, and how it is found out.
    pub words: String,
}

/// What became of every line.
#[derive(Clone, Default, Debug)]
pub struct Report {
    /// The names of the files that were read, in order.
    pub files: Vec<String>,
    entries: Vec<Entry>,
    seen: BTreeSet<Place>,
    /// What holds for the files as a whole.
    pub notes: Vec<String>,
}

impl Report {
    /// The number of a file.
    pub(crate) fn file(&mut self, name: &str) -> u32 {
        self.files.push(name.to_owned());
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// The name of the file of a place.
    pub fn file_name(&self, at: Place) -> &str {
        let index = usize::try_from(at.file).unwrap_or(usize::MAX);
        self.files.get(index).map_or("", String::as_str)
    }

    /// `file:line`.
    pub fn shown(&self, at: Place) -> String {
        format!("{}:{}", self.file_name(at), at.line)
    }

    pub(crate) fn add(
        &mut self,
        at: Place,
        text: impl Into<String>,
        outcome: Outcome,
        words: impl Into<String>,
    ) {
        self.seen.insert(at);
        let text = shorten(&text.into());
        self.entries.push(Entry { at, text, outcome, words: words.into() });
    }

    /// True when something was said of the line.
    pub(crate) fn tells_of(&self, at: Place) -> bool {
        self.seen.contains(&at)
    }

    pub(crate) fn note(&mut self, words: impl Into<String>) {
        let words = words.into();
        if !self.notes.contains(&words) {
            self.notes.push(words);
        }
    }

    /// Everything said so far of lines from one to another becomes part of something that
    /// was not taken over as a whole; what was not understood stays so.
    pub(crate) fn refuse_block(&mut self, first_entry: usize, head: Place, words: &str) {
        for entry in self.entries.iter_mut().skip(first_entry) {
            if entry.outcome != Outcome::NotUnderstood && entry.at != head {
                entry.outcome = Outcome::NotTaken;
                words.clone_into(&mut entry.words);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries, by file and line.
    pub fn entries(&self) -> Vec<&Entry> {
        let mut sorted: Vec<&Entry> = self.entries.iter().collect();
        sorted.sort_by_key(|entry| entry.at);
        sorted
    }

    /// How many entries have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.entries.iter().filter(|entry| entry.outcome == outcome).count()
    }

    /// True where the result behaves differently from what was read.
    pub fn alters(&self) -> bool {
        self.entries.iter().any(|entry| entry.outcome.alters())
    }

    /// The entries in groups: neighbouring lines that were taken over are one, and so are
    /// lines of which the same is said.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut same: HashMap<(u32, Outcome, &str), usize> = HashMap::new();
        let mut taken: Option<usize> = None;
        for entry in self.entries() {
            if entry.outcome == Outcome::Taken && entry.words.is_empty() {
                let open = taken.and_then(|index| groups.get_mut(index));
                match open.filter(|group| group.entry.at.file == entry.at.file) {
                    Some(group) => group.lines.push(entry.at.line),
                    None => {
                        taken = Some(groups.len());
                        groups.push(Group { entry, lines: vec![entry.at.line] });
                    }
                }
                continue;
            }
            let key = (entry.at.file, entry.outcome, entry.words.as_str());
            if let Some(group) = same.get(&key).and_then(|index| groups.get_mut(*index)) {
                group.lines.push(entry.at.line);
                continue;
            }
            taken = None;
            same.insert(key, groups.len());
            groups.push(Group { entry, lines: vec![entry.at.line] });
        }
        for group in &mut groups {
            group.lines.sort_unstable();
            group.lines.dedup();
        }
        groups
    }
}

/// Lines of which the same is said.
#[derive(Clone, Debug)]
pub struct Group<'r> {
    /// The first of them.
    pub entry: &'r Entry,
    /// All of them, in order.
    pub lines: Vec<u32>,
}

/// The most characters of a line that are shown.
const MOST_SHOWN: usize = 72;

/// A line as it is shown: one line, printable, and not for ever.
fn shorten(text: &str) -> String {
    let mut shown: String =
        text.chars().take(MOST_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(entries: &[(u32, Outcome, &str)]) -> Report {
        let mut report = Report::default();
        let file = report.file("old.conf");
        for (line, outcome, words) in entries {
            report.add(Place { file, line: *line }, "word", *outcome, *words);
        }
        report
    }

    #[test]
    fn lines_of_which_the_same_is_said_are_one_group() {
        let report = report(&[
            (1, Outcome::Taken, ""),
            (2, Outcome::Taken, ""),
            (3, Outcome::NotTaken, "no"),
            (4, Outcome::Taken, ""),
            (9, Outcome::NotTaken, "no"),
            (10, Outcome::NotTaken, "for another reason"),
        ]);
        let lines: Vec<_> = report.groups().into_iter().map(|group| group.lines).collect();
        assert_eq!(lines, [vec![1, 2], vec![3, 9], vec![4], vec![10]]);
        assert!(report.alters());
    }

    #[test]
    fn what_is_shown_is_one_short_line() {
        assert_eq!(shorten("a\tb"), "a b");
        assert_eq!(shorten(&"x".repeat(100)).len(), MOST_SHOWN + 3);
    }
}
