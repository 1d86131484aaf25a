//! The texts of all files in one row, so that a place is one number whichever file it is in.
//!
//! Behind the texts there is more room for places: what a service inherits from another place is
//! copied there. A place in the copy leads back to the text, and tells who inherits it.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{Span, place_of};
use crate::mistake::Place;
use crate::sources::{Source, Sources};

/// Number of a file, in the order in which they are read.
pub(crate) type FileIndex = usize;

/// Every text with its name.
pub(crate) struct Texts<'t> {
    files: Vec<Text<'t>>,
    /// By their start, without gaps: first the files themselves, then the copies.
    regions: RefCell<Vec<Region>>,
    /// How many values may still be copied.
    room: Cell<usize>,
}

/// The most values that are copied: a thousand services inherit a thousand values each.
const MOST_COPIED: usize = 1_000_000;

struct Text<'t> {
    source: &'t Source,
    /// Where the lines begin.
    lines: Vec<usize>,
}

/// The places of one text, or of a copy of it.
struct Region {
    start: usize,
    file: FileIndex,
    /// Who inherits what is copied here; none: this is the text itself, or a copy of nobody's.
    heir: Option<Rc<str>>,
}

/// A place in a file.
pub(super) struct Found {
    pub(super) file: FileIndex,
    pub(super) place: Place,
    pub(super) heir: Option<Rc<str>>,
}

impl<'t> Texts<'t> {
    pub(crate) fn new(sources: &'t Sources) -> Self {
        let (mut files, mut regions, mut start) = (Vec::new(), Vec::new(), 0);
        for (file, source) in sources.files().iter().enumerate() {
            let ends = source.text.match_indices('\n').map(|(at, _)| at + 1);
            files.push(Text { source, lines: core::iter::once(0).chain(ends).collect() });
            regions.push(Region { start, file, heir: None });
            start += room(&source.text);
        }
        Texts { files, regions: RefCell::new(regions), room: Cell::new(MOST_COPIED) }
    }

    /// The texts, each with the place of its begin.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &'t str)> {
        let regions = self.regions.borrow();
        let starts: Vec<_> = regions.iter().map(|region| region.start).collect();
        self.files.iter().zip(starts).map(|(text, start)| (start, text.source.text.as_str()))
    }

    /// Room for a copy of the text that a place is in. Gives what has to be added to each place.
    pub(crate) fn copy_of(&self, place: usize, heir: Option<Rc<str>>) -> usize {
        let mut regions = self.regions.borrow_mut();
        let Some(Region { start, file, .. }) = region_of(&regions, place) else { return 0 };
        let (start, file) = (*start, *file);
        let end = regions.last().map_or(0, |last| last.start + self.room_of(last.file));
        regions.push(Region { start: end, file, heir });
        end.wrapping_sub(start)
    }

    /// Takes room for a copy of so many values; false when there is not enough.
    pub(crate) fn take_room(&self, values: usize) -> bool {
        let left = self.room.get().checked_sub(values);
        self.room.set(left.unwrap_or(0));
        left.is_some()
    }

    /// The first place of the text, or copy of one, that a place is in.
    pub(crate) fn start_of(&self, place: usize) -> usize {
        region_of(&self.regions.borrow(), place).map_or(0, |region| region.start)
    }

    /// True for a place in a copy.
    pub(super) fn is_copy(&self, place: usize) -> bool {
        let regions = self.regions.borrow();
        regions.get(self.files.len()).is_some_and(|copy| place >= copy.start)
    }

    fn room_of(&self, file: FileIndex) -> usize {
        self.files.get(file).map_or(1, |text| room(&text.source.text))
    }

    pub(super) fn find(&self, place: usize) -> Found {
        let regions = self.regions.borrow();
        let region = region_of(&regions, place);
        let (start, file) = region.map_or((0, 0), |region| (region.start, region.file));
        let heir = region.and_then(|region| region.heir.clone());
        Found { file, place: self.place(file, place.saturating_sub(start)), heir }
    }

    fn place(&self, file: FileIndex, offset: usize) -> Place {
        let Some(Text { source, lines }) = self.files.get(file) else {
            return Place { line: 1, column: 1 };
        };
        let index = lines.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = lines.get(index).copied().unwrap_or(0);
        let line = source.text.get(start..).unwrap_or_default();
        let Place { line: below, column } = place_of(line, offset.saturating_sub(start));
        let above = u32::try_from(index).unwrap_or(u32::MAX);
        Place { line: above.saturating_add(below), column }
    }

    pub(super) fn name(&self, file: FileIndex) -> &'t str {
        self.files.get(file).map_or("", |text| &text.source.name)
    }

    /// The line of a place, and its file.
    pub(super) fn line_and_file(&self, place: usize) -> String {
        let found = self.find(place);
        format!("line {} of {}", found.place.line, self.name(found.file))
    }

    /// The line of a place, for a message about another one: `line 3`, and whose line it is when
    /// the other one is in another file.
    pub(super) fn line(&self, place: &Span, beside: &Span) -> String {
        let (found, beside) = (self.find(place.start), self.find(beside.start));
        let line = found.place.line;
        if found.file == beside.file {
            format!("line {line}")
        } else {
            format!("line {line} of {}", self.name(found.file))
        }
    }
}

/// The region that a place is in.
fn region_of(regions: &[Region], place: usize) -> Option<&Region> {
    let after = regions.partition_point(|region| region.start <= place);
    regions.get(after.checked_sub(1)?)
}

/// How many places a text has: one more than bytes, for its end.
fn room(text: &str) -> usize {
    text.len() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        Sources::new([file("a", "a\nbü d\n"), file("b", ""), file("c", "one\ntwo")])
    }

    fn shown(texts: &Texts<'_>, place: usize) -> String {
        let Found { file, place: Place { line, column }, heir } = texts.find(place);
        format!("{}:{line}:{column} {}", texts.name(file), heir.as_deref().unwrap_or("-"))
    }

    #[test]
    fn a_place_is_found_in_its_file() {
        let sources = sources();
        let texts = Texts::new(&sources);
        let starts: Vec<_> = texts.all().map(|(start, _)| start).collect();
        assert_eq!(starts, [0, 9, 10]);
        for (start, text) in texts.all() {
            for (offset, _) in text.char_indices() {
                assert_eq!(texts.find(start + offset).place, place_of(text, offset), "{offset}");
            }
        }
        assert_eq!(shown(&texts, 8), "a:3:1 -");
        assert_eq!(shown(&texts, 9), "b:1:1 -");
        assert_eq!(shown(&texts, 14), "c:2:1 -");
        assert_eq!(shown(&texts, 999), "c:2:4 -", "the end");
    }

    #[test]
    fn a_copy_leads_back_to_the_text_and_tells_its_heir() {
        let sources = sources();
        let texts = Texts::new(&sources);
        let shifts: Vec<_> =
            ["x", "y"].into_iter().map(|heir| texts.copy_of(14, Some(heir.into()))).collect();
        assert_eq!(shown(&texts, 14 + shifts[0]), "c:2:1 x");
        assert_eq!(shown(&texts, 14 + shifts[1]), "c:2:1 y");
        assert_eq!(shown(&texts, 14), "c:2:1 -");
        let again = texts.copy_of(14 + shifts[0], None);
        assert_eq!(shown(&texts, 14 + shifts[0] + again), "c:2:1 -", "a copy of a copy");
        assert!(texts.is_copy(14 + shifts[1]) && !texts.is_copy(14));
        assert_eq!(texts.start_of(14), 10);
    }

    #[test]
    fn lines_of_other_files_are_named() {
        let sources = sources();
        let texts = Texts::new(&sources);
        assert_eq!(texts.line(&(2..3), &(0..1)), "line 2");
        assert_eq!(texts.line(&(2..3), &(14..15)), "line 2 of a");
    }
}
