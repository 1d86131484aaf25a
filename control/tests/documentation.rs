//! Every link of the documentation leads to a file, and to a heading, that there is; and every page is
//! in the book.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The pages below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    pages
}

fn pages() -> Vec<PathBuf> {
    let root = repository();
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(|name| root.join(name));
    top.into_iter().chain(below(&root.join("docs"))).collect()
}

/// The lines of a page that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// A line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// What the links of a page lead to.
fn links(text: &str) -> Vec<String> {
    let of_line = |line: &str| -> Vec<String> {
        let line = without_code(line);
        let targets = line.split("](").skip(1).filter_map(|part| part.split(')').next());
        targets.map(str::to_owned).collect()
    };
    prose(text).flat_map(of_line).collect()
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose(text).filter(|line| {
        let marks = line.chars().take_while(|c| *c == '#').count();
        (1..=6).contains(&marks) && line.chars().nth(marks) == Some(' ')
    });
    let slug = |heading: &str| -> String {
        let kept = heading.trim_start_matches('#').trim().chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            other => other.is_alphanumeric().then(|| other.to_ascii_lowercase()),
        });
        kept.collect()
    };
    headings
        .map(|heading| {
            let slug = slug(heading);
            let before = seen.entry(slug.clone()).or_default();
            *before += 1;
            if *before == 1 { slug } else { format!("{slug}-{}", *before - 1) }
        })
        .collect()
}

/// What is wrong with a link of a page.
fn fault(page: &Path, text: &str, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return None;
    }
    let (file, anchor) =
        link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = page.parent().unwrap().join(file);
    if !file.is_empty() && !target.exists() {
        return Some(format!("{}: there is no {link}", page.display()));
    }
    let anchor = anchor?;
    let of_target =
        if file.is_empty() { text.to_owned() } else { fs::read_to_string(&target).unwrap() };
    let is_there = anchors(&of_target).contains(anchor);
    (!is_there).then(|| format!("{}: {link} has no such heading", page.display()))
}

#[test]
fn every_local_link_leads_somewhere() {
    let (mut faults, mut checked) = (Vec::new(), 0);
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            checked += 1;
            faults.extend(fault(&page, &text, &link));
        }
    }
    assert!(checked > 100, "{checked}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The control of the test before.
#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = repository().join("docs/metrics.md");
    let text = "# Metrics\n\n## What it's `for`\n\n[a](nowhere.md) [b](#none) [c](#whats-it-for)\n\
                ```\n[d](nothing.md)\n```\n`[e](nothing.md)` [f](counters.md#none) [g](#whats-for)\n\
                [h](#what-its-for) [i](../docs/counters.md#workers)\n";
    let faulty: Vec<String> =
        links(text).into_iter().filter(|link| fault(&page, text, link).is_some()).collect();
    assert_eq!(faulty, ["nowhere.md", "#none", "#whats-it-for", "counters.md#none", "#whats-for"]);
}

#[test]
fn every_page_is_in_the_book() {
    let documents = repository().join("docs");
    let summary = fs::read_to_string(documents.join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<PathBuf> = links(&summary).into_iter().map(PathBuf::from).collect();
    let there: BTreeSet<PathBuf> = below(&documents)
        .into_iter()
        .map(|page| page.strip_prefix(&documents).unwrap().to_owned())
        .filter(|page| page != Path::new("SUMMARY.md"))
        .collect();
    let missing: Vec<_> = there.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
    assert_eq!(links(&summary).len(), listed.len(), "a page is listed twice");
}
