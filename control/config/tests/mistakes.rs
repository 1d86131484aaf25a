//! Every mistake is found, at its place, in words that say what would be right.
//!
//! Each file `mistakes/NAME.toml` is read, and what is found must be what stands in
//! `mistakes/NAME.txt`. To take a new wording over, run with `TANDEM_UPDATE=1` and
//! read the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use config::{Config, Mistake, Severity};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes")
}

/// What is found, a line each: mistakes, then warnings.
fn found(name: &str, text: &str) -> String {
    let (mistakes, warnings) = match Config::check(name, text) {
        Ok(checked) => (Vec::new(), checked.warnings),
        Err(found) => (found.mistakes, found.warnings),
    };
    let mut lines = String::new();
    for mistake in mistakes.iter().chain(&warnings) {
        writeln!(lines, "{mistake}").unwrap();
    }
    lines
}

fn golden(name: &str) {
    let text = fs::read_to_string(folder().join(format!("{name}.toml"))).unwrap();
    let found = found(&format!("{name}.toml"), &text);
    let expected = folder().join(format!("{name}.txt"));
    if std::env::var_os("TANDEM_UPDATE").is_some() {
        fs::write(&expected, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&expected).unwrap());
}

macro_rules! golden {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            golden(stringify!($name));
        }
    )*};
}

golden!(
    buffers checks empty header hooks limits listens node not_forwarded overlap pair peer persist pool ranges schedulers services sides status status_open status_plain syntax unclosed values warnings
);

#[test]
fn every_file_is_tested() {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let count = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).count();
    assert_eq!(count, 25, "name each in golden!");
}

#[test]
fn files_that_cannot_be_read() {
    let error = Config::load("/nonexistent/tandem.toml").unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nonexistent/tandem.toml: there is no such file; give the path of a configuration file"
    );
    let error = Config::load(folder()).unwrap_err();
    assert!(error.to_string().contains("this is a directory"), "{error}");
}

#[test]
fn bytes_that_are_no_text_have_a_place() {
    let path = std::env::temp_dir().join(format!("tandem-config-{}.toml", std::process::id()));
    fs::write(&path, b"[node]\nname = \"\xff\"\n").unwrap();
    let found = Config::load(&path).unwrap_err().mistakes;
    fs::remove_file(&path).unwrap();
    let [Mistake { place: Some(place), severity: Severity::Error, .. }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((place.line, place.column), (2, 9));
}
