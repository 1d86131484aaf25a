//! `tandem import`: what an operator types, and what becomes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("import/tests/files")
}

fn tandem(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .current_dir(files())
        .args(arguments)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tandem-import-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn what_is_all_taken_over_ends_well() {
    let (code, file, report) = tandem(&["import", "accepted/least.conf"]);
    assert_eq!(code, Some(0), "{report}");
    assert!(file.contains("listen = \"198.51.100.10:80\""), "{file}");
    assert!(!file.contains("taken over"), "the report is elsewhere: {file}");
    assert!(report.contains("accepted/least.conf:") && report.contains("taken over"), "{report}");
    assert!(report.contains("Fill in before you use it:"), "{report}");
}

#[test]
fn what_is_written_is_right() {
    let folder = folder("right");
    let output = folder.join("tandem.toml");
    let output = output.to_str().unwrap();
    let (code, file, _) = tandem(&["import", "accepted/nat-pair.conf", "--output", output]);
    assert_eq!((code, file.as_str()), (Some(0), ""));
    let (code, shown, errors) = tandem(&["check", output]);
    assert_eq!(code, Some(0), "{shown}{errors}");
    // What was there is kept.
    std::fs::write(output, "# mine\n").unwrap();
    let (_, _, report) = tandem(&["import", "accepted/least.conf", "--output", output]);
    let old = format!("{output}.old");
    assert_eq!(std::fs::read_to_string(&old).unwrap(), "# mine\n");
    assert!(report.contains(&old), "{report}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_not_taken_over_has_an_exit_code() {
    let (code, file, report) = tandem(&["import", "refused/typo.conf"]);
    assert_eq!(code, Some(3));
    assert!(file.contains("[[service]]"), "{file}");
    assert!(report.contains("refused/typo.conf:3: NOT understood: lb_argo wlc"), "{report}");
    assert!(report.contains("did you mean lb_algo?"), "{report}");
    let (code, file, _) = tandem(&["import", "--strict", "refused/typo.conf"]);
    assert_eq!((code, file.as_str()), (Some(1), ""));
    // The control.
    assert_eq!(tandem(&["import", "--strict", "accepted/least.conf"]).0, Some(0));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for (file, words) in
        [("nowhere.conf", "nowhere.conf: "), ("accepted", "directory"), ("/dev/null", "--from")]
    {
        let (code, shown, errors) = tandem(&["import", file]);
        assert_eq!((code, shown.as_str()), (Some(1), ""), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
    let (code, _, errors) = tandem(&["import", "--from", "haproxy", "accepted/least.conf"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("keepalived, ipvsadm, lvs.cf, ldirectord"), "{errors}");
}

#[test]
fn a_pipe_is_a_file_too() {
    for file in ["ipvsadm/saved.rules", "accepted/least.conf"] {
        let output = Command::new("bash")
            .current_dir(files())
            .args([
                "-c",
                "cat \"$1\" | \"$0\" import /dev/stdin",
                env!("CARGO_BIN_EXE_tandem"),
                file,
            ])
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && shown.contains("[[service]]"), "{file}: {shown}");
    }
}

#[test]
fn both_machines_at_once() {
    let folder = folder("pair");
    let paths = ["a.toml", "b.toml"].map(|name| folder.join(name).to_str().unwrap().to_owned());
    let [first, second] = &paths;
    let (code, _, report) = tandem(&[
        "import",
        "pair/a.conf",
        "pair/b.conf",
        "--output",
        first,
        "--peer-output",
        second,
    ]);
    // One of them has a service that the other one has not.
    assert_eq!(code, Some(3), "{report}");
    let [one, other] = [first, second].map(|path| std::fs::read_to_string(path).unwrap());
    assert!(
        one.contains("remote = \"198.51.100.3\"") && one.contains("name = \"LVS_DEVEL\""),
        "{one}"
    );
    assert!(
        other.contains("remote = \"198.51.100.2\"") && other.contains("LVS_DEVEL-b"),
        "{other}"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_report_is_json_where_that_is_wanted() {
    let (code, file, report) = tandem(&["--json", "import", "refused/typo.conf"]);
    assert_eq!(code, Some(3));
    assert!(file.contains("[[service]]"), "{file}");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["schema"], &report["alters"]), (&"import".into(), &true.into()));
    let entries = report["entries"].as_array().unwrap();
    let wrong = entries.iter().find(|entry| entry["outcome"] == "not_understood").unwrap();
    assert_eq!((&wrong["line"], &wrong["file"]), (&3.into(), &"refused/typo.conf".into()));
}

#[test]
fn what_the_command_line_knows_is_not_made_up() {
    let (code, file, report) = tandem(&[
        "import",
        "accepted/least.conf",
        "--name",
        "a",
        "--workers",
        "2,3",
        "--public-port",
        "0000:03:00.0",
        "--public-address",
        "198.51.100.2/24",
        "--public-gateway",
        "198.51.100.1",
        "--private-port",
        "0000:03:00.1",
        "--private-address",
        "10.0.0.2/24",
    ]);
    assert_eq!(code, Some(0), "{report}");
    for line in [
        "name = \"a\"",
        "workers = [2, 3]",
        "port = \"0000:03:00.0\"",
        "address = \"10.0.0.2/24\"",
        "gateway = \"198.51.100.1\"",
    ] {
        assert!(file.lines().any(|found| found == line), "{line}: {file}");
    }
    let missing: Vec<&str> = file.lines().filter(|line| line.ends_with("FILL IN")).collect();
    assert_eq!(missing.len(), 1, "the gateway address alone: {missing:?}");
}
