//! The files of the configuration in force, so that whoever asks reads the same as the dataplane.

use serde::{Deserialize, Serialize};

/// Asks for the files of the configuration in force, a page at a time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourcesPage {
    /// The digest of what the asker has already: when that is in force, no file is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// The digest that the first page came with; a later page of other files is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The file that the page begins with, counted from 0.
    pub file: usize,
    /// The byte of its text that the page begins with.
    pub offset: usize,
}

/// A page of the files of the configuration in force.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourcesInForce {
    /// The generation in force: 1 at the start, one more with every reload.
    pub generation: u64,
    /// Tells these files from all others.
    pub digest: String,
    /// Files, or what of them fits into the page.
    pub files: Vec<SourcePiece>,
    /// Where the next page begins; none: this is the last one.
    pub next: Option<(usize, usize)>,
}

/// A file of the configuration, or a piece of one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourcePiece {
    /// The file's name, as it was read.
    pub name: String,
    /// Its text from the asked place on.
    pub text: String,
    /// True when the piece goes on from where the page before ended.
    pub continued: bool,
}

impl SourcesInForce {
    /// The most bytes of text in a page. As JSON none takes more than six times its bytes, and
    /// most take one.
    pub const PAGE: usize = 128 * 1024;

    /// One page of these files: pairs of name and text.
    pub fn page<'f>(
        generation: u64,
        digest: String,
        files: impl IntoIterator<Item = (&'f str, &'f str)>,
        (file, offset): (usize, usize),
    ) -> Self {
        let mut page = SourcesInForce { generation, digest, ..SourcesInForce::default() };
        let mut room = Self::PAGE;
        for (index, (name, text)) in files.into_iter().enumerate().skip(file) {
            let from = if index == file { offset } else { 0 };
            let rest = text.get(from..).unwrap_or_default();
            let mut length = rest.len().min(room);
            while !rest.is_char_boundary(length) {
                length -= 1;
            }
            if room == 0 || (length == 0 && !rest.is_empty()) {
                page.next = Some((index, from));
                break;
            }
            let piece = rest.get(..length).unwrap_or_default().to_owned();
            page.files.push(SourcePiece {
                name: name.to_owned(),
                text: piece,
                continued: from > 0,
            });
            room = room.saturating_sub(name.len() + length);
            if length < rest.len() {
                page.next = Some((index, from + length));
                break;
            }
        }
        page
    }

    /// Appends this page's files to those of the pages before it: pairs of name and text.
    pub fn append_to(self, files: &mut Vec<(String, String)>) {
        for piece in self.files {
            match files.last_mut().filter(|_| piece.continued) {
                Some((_, text)) => text.push_str(&piece.text),
                None => files.push((piece.name, piece.text)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn travel(files: &[(String, String)]) -> (Vec<(String, String)>, usize) {
        let (mut taken, mut at, mut pages) = (Vec::new(), (0, 0), 0);
        loop {
            let pairs = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            let page = SourcesInForce::page(3, "d".to_owned(), pairs, at);
            pages += 1;
            let next = page.next;
            page.append_to(&mut taken);
            match next {
                Some(next) => at = next,
                None => return (taken, pages),
            }
        }
    }

    #[test]
    fn files_of_any_size_arrive_as_they_were() {
        let file = |name: &str, text: String| (name.to_owned(), text);
        let large = "é€x".repeat(100_000);
        let files = vec![
            file("a", "[node]\n".to_owned()),
            file("empty", String::new()),
            file("b", large),
            file("c", "end".to_owned()),
            file("empty too", String::new()),
        ];
        let (taken, pages) = travel(&files);
        assert_eq!(taken, files);
        assert!(pages > 4, "{pages} pages");
        let many: Vec<_> = (0..4000).map(|n| file(&format!("{n}.toml"), "x".repeat(n))).collect();
        assert_eq!(travel(&many).0, many);
    }

    #[test]
    fn a_place_outside_the_files_is_an_empty_page() {
        let page = SourcesInForce::page(1, String::new(), [("a", "é")], (0, 1));
        assert_eq!(page.files[0].text, "");
        let page = SourcesInForce::page(1, String::new(), [("a", "é")], (7, 1));
        assert_eq!((page.files.len(), page.next), (0, None));
    }
}
