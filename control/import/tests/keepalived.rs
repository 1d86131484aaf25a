//! Debian's keepalived is the judge of which files are right: what it accepts is understood, and what
//! it refuses is said to be wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use common::{all_files, files_of, folder, imported, said};
use import::Outcome;

/// Asks keepalived about files in a network namespace that has their interfaces; its exit code and
/// words of each. None where it cannot be asked: without keepalived, or without namespaces.
fn verdicts(files: &[PathBuf]) -> Option<BTreeMap<PathBuf, (i32, String)>> {
    const SCRIPT: &str = r#"
set -e
ip link add eth0 type veth peer name eth1
ip link add bond0 type veth peer name ens7f1.57
for name in lo eth0 eth1 bond0 ens7f1.57; do ip link set "$name" up; done
for file in "$@"; do
    code=0
    words=$(keepalived -t -i one -f "$file" 2>&1) || code=$?
    printf '%s\t%s\t%s\n' "$code" "$file" "$(printf %s "$words" | tr '\n' '|')"
done
"#;
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !is_there("keepalived") || !is_there("unshare") {
        return None;
    }
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "bash", "-c", SCRIPT, "judge"])
        .args(files)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let verdict = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let code = parts.next()?.parse().ok()?;
        Some((PathBuf::from(parts.next()?), (code, parts.next()?.to_owned())))
    };
    let verdicts: BTreeMap<_, _> = text.lines().filter_map(verdict).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(verdicts.len(), files.len(), "keepalived was asked about each: {errors}");
    Some(verdicts)
}

fn asked(folder: &str) -> Option<BTreeMap<PathBuf, (i32, String)>> {
    let verdicts = verdicts(&files_of(folder));
    if verdicts.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "keepalived is missing, which tests/setup.sh installs"
        );
        eprintln!("keepalived is missing, which tests/setup.sh installs: its verdict is not asked");
    }
    verdicts
}

#[test]
fn what_keepalived_accepts_is_understood() {
    for (path, (code, words)) in asked("accepted").into_iter().flatten() {
        assert_eq!(code, 0, "{}: {words}", path.display());
    }
    for path in files_of("accepted") {
        let import = imported(&path);
        let wrong = said(&import, &[Outcome::NotUnderstood]);
        assert_eq!(wrong, Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn what_keepalived_refuses_is_said_to_be_wrong() {
    for (path, (code, words)) in asked("refused").into_iter().flatten() {
        assert_ne!(code, 0, "{}: {words}", path.display());
    }
    // What keepalived does all the same is done here, too, and said.
    let mended = [
        "net-mask.conf",
        "no-port.conf",
        "quorum-too-high.conf",
        "duplicate-server.conf",
        "no-servers.conf",
        "port-name.conf",
        "dpvs.conf",
    ];
    for path in files_of("refused") {
        let import = imported(&path);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let outcomes: &[Outcome] = if mended.contains(&name.as_str()) {
            &[Outcome::Otherwise, Outcome::NotTaken, Outcome::Unneeded]
        } else {
            &[Outcome::NotUnderstood]
        };
        assert!(!said(&import, outcomes).is_empty(), "{name}: {:?}", import.report);
    }
}

/// Lines of a file that say something.
fn lines(text: &str) -> Vec<u32> {
    let says = |line: &str| {
        let line = line.trim();
        !line.is_empty()
            && !line.starts_with(['#', '!'])
            && !line.trim_matches(['{', '}', ' ']).is_empty()
    };
    let lines = text.lines().zip(1..).filter(|(line, _)| says(line));
    lines.map(|(_, number)| number).collect()
}

#[test]
fn of_every_line_something_is_said() {
    for path in all_files() {
        let import = imported(&path);
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        let entries = import.report.entries();
        for line in lines(&text) {
            let is_told = entries.iter().any(|entry| entry.at.file == 0 && entry.at.line == line);
            assert!(is_told, "{}:{line}", path.display());
        }
    }
}

#[test]
fn there_are_files_enough() {
    let all = all_files();
    assert!(all.len() >= 60, "{}", all.len());
    assert!(folder().join("pair/a.conf").exists());
}
