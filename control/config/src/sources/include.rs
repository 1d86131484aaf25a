//! `include`: the files that a file names, read in the order in which it names them.
//!
//! An entry is the path of a file, or a pattern for the names of files in one folder. Only the
//! name may be a pattern, so that no entry makes its reader walk a whole disk. Everything is
//! bounded: how many files, how deep, and how many bytes.

use core::ops::Range;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use toml::de::{DeTable, DeValue};

use super::file::{self, Identity, MOST_BYTES, Unreadable};
use super::{Problem, ProblemKind, Source, Sources};
use crate::document::value::{include, quote};
use crate::mistake::Mistakes;

/// The most files of a configuration.
const MOST_FILES: usize = 4096;
/// How deep an included file may include others.
const MOST_DEPTH: usize = 8;
/// The most entries of a folder that are compared with a pattern.
const MOST_ENTRIES: usize = 65_536;

/// Reads a file and what it includes.
pub(super) fn read(path: &Path) -> Result<Sources, Mistakes> {
    let name = path.display().to_string();
    let unreadable = |error: Unreadable| Mistakes::unreadable(&name, &error.explain());
    let opened = file::open(path).map_err(unreadable)?;
    let identity = opened.identity;
    let bytes = opened.read(MOST_BYTES).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| Mistakes::not_text(&name, &error))?;
    let mut reader = Reader::default();
    reader.take(identity, Source { name, text });
    reader.follow(0, path, &mut vec![identity]);
    Ok(Sources { files: reader.files, problems: reader.problems })
}

#[derive(Default)]
struct Reader {
    files: Vec<Source>,
    problems: Vec<Problem>,
    /// The bytes of all files.
    bytes: usize,
    /// The number of each file that was read.
    read: HashMap<Identity, usize>,
    /// There are too many files, which is said once.
    is_full: bool,
}

/// An entry of `include`, and where it stands.
struct Entry {
    file: usize,
    at: Range<usize>,
    text: String,
}

impl Reader {
    fn take(&mut self, identity: Identity, source: Source) -> usize {
        self.bytes += source.text.len();
        let number = self.files.len();
        self.read.insert(identity, number);
        self.files.push(source);
        number
    }

    /// Reads what a file includes. `within` are the files that lead to it, and it.
    fn follow(&mut self, file: usize, path: &Path, within: &mut Vec<Identity>) {
        let folder = path.parent().unwrap_or(Path::new(""));
        for entry in self.entries(file) {
            for path in self.expand(&entry, folder) {
                if self.is_full {
                    return;
                }
                self.include(&entry, &path, within);
            }
        }
    }

    /// What stands in `include` of a file. What is wrong with the list itself is told by whoever
    /// reads the tables.
    fn entries(&self, file: usize) -> Vec<Entry> {
        let Some(Source { text, .. }) = self.files.get(file) else { return Vec::new() };
        if !text.contains("include") {
            return Vec::new();
        }
        let (table, _) = DeTable::parse_recoverable(text);
        let list = table.get_ref().get("include").and_then(|list| list.get_ref().as_array());
        let entries = list.into_iter().flatten().filter_map(|entry| match entry.get_ref() {
            DeValue::String(text) if include(entry.get_ref()).is_ok() => {
                Some(Entry { file, at: entry.span(), text: text.to_string() })
            }
            _ => None,
        });
        entries.collect()
    }

    /// The paths that an entry means, sorted.
    fn expand(&mut self, entry: &Entry, folder: &Path) -> Vec<PathBuf> {
        let (parent, name) = entry.text.rsplit_once('/').unwrap_or(("", &entry.text));
        let parent = if entry.text.starts_with('/') && parent.is_empty() { "/" } else { parent };
        if is_pattern(parent) {
            let what = "has a pattern for folders";
            let remedy = "write a pattern for the file's name only, one entry for each folder";
            self.problem(entry, ProblemKind::Missing, what, remedy);
            return Vec::new();
        }
        if !is_pattern(name) {
            return vec![folder.join(&entry.text)];
        }
        let pattern = GlobBuilder::new(name).backslash_escape(true).build();
        let pattern = match pattern {
            Ok(pattern) => pattern.compile_matcher(),
            Err(error) => {
                let what = format!("is no pattern: {}", error.kind());
                let remedy = "write it as in \"services.d/*.toml\"";
                self.problem(entry, ProblemKind::Missing, &what, remedy);
                return Vec::new();
            }
        };
        let folder = folder.join(parent);
        match matching(&folder, &pattern, name.starts_with('.')) {
            Ok(names) if names.is_empty() => {
                let remedy = "nothing is included; write such a file, or take the entry out";
                self.problem(entry, ProblemKind::Warning, "matches no file", remedy);
                Vec::new()
            }
            Ok(names) => names.into_iter().map(|name| folder.join(name)).collect(),
            Err(Unreadable::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                let what = "matches no file: there is no such folder";
                let remedy = "nothing is included; make the folder, or take the entry out";
                self.problem(entry, ProblemKind::Warning, what, remedy);
                Vec::new()
            }
            Err(Unreadable::TooLarge) => {
                let what = format!("is in a folder with more than {MOST_ENTRIES} entries");
                let remedy = "give the configuration a folder of its own";
                self.problem(entry, ProblemKind::Missing, &what, remedy);
                Vec::new()
            }
            Err(error) => {
                let what = format!("is in a folder that cannot be read: {}", error.explain().0);
                let remedy = "run as its owner or as root, or change its mode";
                self.problem(entry, ProblemKind::Missing, &what, remedy);
                Vec::new()
            }
        }
    }

    /// Reads one included file, and what it includes.
    fn include(&mut self, entry: &Entry, path: &Path, within: &mut Vec<Identity>) {
        let name = path.display().to_string();
        if self.files.len() >= MOST_FILES {
            self.is_full = true;
            let what = format!("leads to more than {MOST_FILES} files");
            return self.problem(entry, ProblemKind::Missing, &what, "join some of them");
        }
        let opened = match file::open(path) {
            Ok(opened) => opened,
            Err(error) => return self.unreadable(entry, &name, &error),
        };
        let identity = opened.identity;
        if let Some(&number) = self.read.get(&identity) {
            return self.twice(entry, &name, number, within.contains(&identity));
        }
        if within.len() > MOST_DEPTH {
            let what = format!("includes {name}, more than {MOST_DEPTH} files deep");
            let remedy = "include it from a file that is less deep";
            return self.problem(entry, ProblemKind::Missing, &what, remedy);
        }
        let bytes = match opened.read(MOST_BYTES.saturating_sub(self.bytes)) {
            Ok(bytes) => bytes,
            Err(error) => return self.unreadable(entry, &name, &error),
        };
        let (text, end) = text_of(bytes);
        let number = self.take(identity, Source { name, text });
        if let Some(end) = end {
            let what = "this byte is not UTF-8 text".to_owned();
            let remedy = "save the file as UTF-8".to_owned();
            let kind = ProblemKind::Broken;
            self.problems.push(Problem { file: number, at: end..end, kind, what, remedy });
        }
        within.push(identity);
        self.follow(number, path, within);
        within.pop();
    }

    fn twice(&mut self, entry: &Entry, name: &str, number: usize, is_cycle: bool) {
        let known = self.files.get(number).map_or("", |source| &source.name);
        let (what, remedy) = if is_cycle {
            let itself = if number == entry.file { "itself" } else { "a file that leads here" };
            (
                format!("includes {name}, {itself}"),
                "keep included files in a folder of their own, and take this entry out",
            )
        } else if known == name {
            (format!("includes {name} a second time"), "keep one of the entries")
        } else {
            (
                format!("includes {name}, which is {known} and is included already"),
                "keep one of the entries",
            )
        };
        self.problem(entry, ProblemKind::Missing, &what, remedy);
    }

    fn unreadable(&mut self, entry: &Entry, name: &str, error: &Unreadable) {
        let (what, remedy) = error.explain();
        self.problem(entry, ProblemKind::Missing, &format!("has {name}: {what}"), remedy);
    }

    /// `what` continues a sentence that begins with the entry.
    fn problem(&mut self, entry: &Entry, kind: ProblemKind, what: &str, remedy: &str) {
        let what = format!("include {} {what}", quote(&entry.text));
        let (file, at) = (entry.file, entry.at.clone());
        self.problems.push(Problem { file, at, kind, what, remedy: remedy.to_owned() });
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// The text of a file as far as it is text, and where it ceases to be.
fn text_of(bytes: Vec<u8>) -> (String, Option<usize>) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let end = error.utf8_error().valid_up_to();
            let text = error.into_bytes().get(..end).unwrap_or_default().to_vec();
            (String::from_utf8(text).unwrap_or_default(), Some(end))
        }
    }
}

/// The names in a folder that match. As in a shell, `*` matches no hidden file.
fn matching(
    folder: &Path,
    pattern: &GlobMatcher,
    hidden: bool,
) -> Result<Vec<OsString>, Unreadable> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut names = Vec::new();
    for (count, entry) in fs::read_dir(folder)?.enumerate() {
        if count >= MOST_ENTRIES {
            return Err(Unreadable::TooLarge);
        }
        let name = entry?.file_name();
        if (hidden || !name.as_encoded_bytes().starts_with(b".")) && pattern.is_match(&name) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
