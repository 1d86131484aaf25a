//! `include PATTERN`: which files a pattern names.

use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use crate::files::Files;

/// The most files and folders that one pattern names.
const MOST: usize = 4096;

/// The pattern of a line that includes files.
pub(super) fn pattern(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("include")?;
    let kind = rest.strip_prefix(['r', 'm', 'w', 'b', 'a']).filter(|rest| begins_blank(rest));
    let rest = kind.unwrap_or(rest);
    begins_blank(rest).then(|| rest.trim())
}

fn begins_blank(text: &str) -> bool {
    text.starts_with([' ', '\t'])
}

/// True for a pattern that may match nothing.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// The files of a pattern: relative to the folder, alternatives between braces one after the
/// other, each sorted by name, as glob(3) has it.
pub(super) fn files(files: &Files, folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for plain in alternatives(pattern) {
        let mut paths = vec![if plain.starts_with('/') { "/".into() } else { folder.to_owned() }];
        for part in plain.split('/').filter(|part| !part.is_empty()) {
            paths = paths.iter().flat_map(|path| matching(files, path, part)).take(MOST).collect();
        }
        found.extend(paths);
        found.truncate(MOST);
    }
    found
}

fn matching(files: &Files, folder: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?', '[']) {
        let path = folder.join(part);
        return if files.is_there(&path) { vec![path] } else { Vec::new() };
    }
    let glob = GlobBuilder::new(part).literal_separator(true).backslash_escape(true).build();
    let Ok(glob) = glob.map(|glob| glob.compile_matcher()) else { return Vec::new() };
    let shows_hidden = part.starts_with('.');
    let names = files.names(folder).into_iter();
    let names = names.filter(|name| shows_hidden || !name.starts_with('.'));
    names.filter(|name| glob.is_match(name)).map(|name| folder.join(name)).collect()
}

/// `a{b,c}d` is `abd` and `acd`; braces that are not closed stand for themselves.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() > MOST {
            break;
        }
        match split(&pattern) {
            Some((before, choices, after)) => {
                open.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{after}")));
            }
            None => done.push(pattern),
        }
    }
    done
}

/// The first braces of a pattern: what is before, between and after.
fn split(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let open = pattern.find('{')?;
    let inside = pattern.get(open + 1..)?;
    let (mut depth, mut from, mut choices) = (0_usize, 0, Vec::new());
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                choices.push(inside.get(from..at)?);
                from = at + 1;
            }
            '}' => {
                choices.push(inside.get(from..at)?);
                return Some((pattern.get(..open)?, choices, inside.get(at + 1..)?));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_include() {
        assert_eq!(pattern("include a.conf"), Some("a.conf"));
        assert_eq!(pattern("includea\t d/*.conf "), Some("d/*.conf"));
        for other in ["include", "included x", "includes", "includez x", "xinclude y"] {
            assert_eq!(pattern(other), None, "{other}");
        }
    }

    #[test]
    fn patterns_are_those_of_a_shell() {
        let paths = ["/e/a.conf", "/e/d/b.conf", "/e/d/c.conf", "/e/d/.h.conf", "/e/x/b.conf"];
        let disk = Files::Memory(paths.map(|path| (PathBuf::from(path), Vec::new())).into());
        let found = |pattern| {
            let found = files(&disk, Path::new("/e"), pattern);
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found("d/*.conf"), "/e/d/b.conf /e/d/c.conf");
        assert_eq!(found("{x,d}/b.conf"), "/e/x/b.conf /e/d/b.conf");
        assert_eq!(found("/e/*/[bc].conf"), "/e/d/b.conf /e/d/c.conf /e/x/b.conf");
        assert_eq!(found("d/.*"), "/e/d/.h.conf");
        assert_eq!(found("nothing"), "");
    }

    #[test]
    fn alternatives_in_alternatives() {
        assert_eq!(alternatives("a{b,{c,d}}e"), ["abe", "ace", "ade"]);
        assert_eq!(alternatives("a{b"), ["a{b"]);
        assert!(alternatives(&"{a,b}".repeat(40)).len() <= MOST);
    }
}
