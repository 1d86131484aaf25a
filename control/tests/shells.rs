//! Completions in the shells themselves, and pages as man(1) shows them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the program writes on standard output; it must succeed.
#[track_caller]
fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .env("LANG", "C.UTF-8")
        .env("HOME", std::env::temp_dir())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; tests/setup.sh installs it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {words:?}: {output:?}");
    text
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tandem-shells-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn script(shell: &str, folder: &Path) -> String {
    let script = said(env!("CARGO_BIN_EXE_tandem"), &["completions", shell]);
    let path = folder.join("_tandem");
    std::fs::write(&path, script).unwrap();
    path.display().to_string()
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = folder("bash");
    let script = script("bash", &folder);
    let ask = |words: &str, last: &str| {
        let line = format!(
            "source {script}; COMP_WORDS=({words} '{last}'); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             $(complete -p tandem | sed 's/.*-F \\([^ ]*\\).*/\\1/') tandem '{last}' ''; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        said("bash", &["-c", &line])
    };
    let commands = ask("tandem", "s");
    for command in ["services", "setup", "sources", "status", "schema"] {
        assert!(commands.lines().any(|line| line == command), "{commands}");
    }
    assert!(!commands.contains("top"), "it does not begin with s: {commands}");
    let options = ask("tandem top", "--s");
    assert!(options.contains("--sources") && options.contains("--sort"), "{options}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn fish_completes_commands_and_words() {
    let folder = folder("fish");
    let script = script("fish", &folder);
    let ask = |line: &str| said("fish", &["-c", &format!("source {script}; complete -C '{line}'")]);
    let commands = ask("tandem st");
    assert!(commands.contains("status\tShow what is wrong first"), "{commands}");
    assert!(!commands.contains("top"), "{commands}");
    let groups = ask("tandem top --by ");
    assert!(groups.contains("clients") && groups.contains("drops"), "{groups}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn zsh_takes_its_script() {
    let folder = folder("zsh");
    let script = script("zsh", &folder);
    said("zsh", &["-n", &script]);
    // The function exists for the command once completion is loaded.
    let line = format!(
        "fpath=({} $fpath); autoload -Uz compinit; compinit -u -D; print -r -- ${{_comps[tandem]}}; \
         autoload +X _tandem && print loaded",
        folder.display()
    );
    let answer = said("zsh", &["-f", "-c", &line]);
    assert!(answer.contains("_tandem") && answer.contains("loaded"), "{answer}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn pages_are_shown_by_man_with_their_examples() {
    let folder = folder("man");
    said(env!("CARGO_BIN_EXE_tandem"), &["manual", folder.to_str().unwrap()]);
    let pages: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|page| page.unwrap().path()).collect();
    assert!(pages.len() > 25, "{pages:?}");
    let page = |name: &str| {
        let path = folder.join(name).display().to_string();
        let output = Command::new("man")
            .args(["--warnings=w", "-l", &path])
            .env("LANG", "C.UTF-8")
            .env("MANWIDTH", "80")
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{name}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let top = page("tandem-top.1");
    for text in ["tandem-top", "--sources", "Examples:", "tandem top --by drops --interval 5s"] {
        assert!(top.contains(text), "{text}: {top}");
    }
    // Each example has a line to itself.
    let line = top.lines().find(|line| line.contains("tandem top --by drops")).unwrap();
    assert_eq!(line.trim(), "tandem top --by drops --interval 5s");
    assert!(page("tandem-key-rotate.1").contains("tandem key rotate"));
    assert!(page("tandem.1").contains("Exit codes:"));
    std::fs::remove_dir_all(folder).unwrap();
}
