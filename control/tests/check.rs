//! `tandem check`: needs no dataplane, and says what is wrong or what is meant.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn check(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .current_dir(repository())
        .arg("check")
        .args(arguments)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_right_file_is_summed_up() {
    let (code, shown, errors) = check(&["docs/examples/tandem.toml"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(
        shown,
        "\
docs/examples/tandem.toml is right.

node        a: 1 worker on core 1, room for 1,000,000 connections
public      0000:03:00.0 at 198.51.100.2/24, mtu 1500, floating 198.51.100.10, gateway 198.51.100.1
private     0000:03:00.1 at 10.0.0.2/24, mtu 1500, floating 10.0.0.1
masquerade  10.0.0.0/24 as 198.51.100.10, ports 1024-65535
service     web: 198.51.100.10:80 tcp to 3 servers by wlc
service     dns: 198.51.100.10:53 udp to 2 servers by rr
"
    );
}

#[test]
fn warnings_are_shown_and_don_t_fail() {
    let (code, shown, _) = check(&["control/config/tests/mistakes/warnings.toml"]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("warnings.toml:6:1: warning: public.gateway is missing"), "{shown}");
    assert!(shown.contains("is right, with 7 warnings."), "{shown}");
    assert!(shown.contains("to 1 server by wlc, 1 draining"), "{shown}");
    assert!(shown.contains("masquerade  nothing"), "{shown}");
}

#[test]
fn every_mistake_is_shown_with_its_place() {
    let file = "control/config/tests/mistakes/overlap.toml";
    let (code, shown, errors) = check(&[file]);
    assert_eq!((code, shown.as_str()), (Some(2), ""));
    let places: Vec<_> = errors.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let place = |place: &str| format!("{file}:{place}:");
    assert_eq!(places, [place("12:8"), place("13:11"), place("14:13"), "3".to_owned()]);
    assert!(errors.ends_with("\n3 mistakes\n"), "{errors}");
}

#[test]
fn json_has_each_mistake_in_parts() {
    let (code, shown, errors) = check(&["--json", "control/config/tests/mistakes/overlap.toml"]);
    assert_eq!((code, errors.as_str()), (Some(2), ""));
    let answer: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(answer["valid"], false);
    let first = &answer["mistakes"][0];
    assert_eq!((&first["line"], &first["column"]), (&Value::from(12), &Value::from(8)));
    assert!(first["what"].as_str().unwrap().starts_with("private.port is"));

    let (code, shown, _) = check(&["--json", "docs/examples/tandem.toml"]);
    let answer: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &answer["valid"]), (Some(0), &Value::from(true)));
}

#[test]
fn a_file_that_is_not_there() {
    let (code, _, errors) = check(&["no/such.toml"]);
    assert_eq!(code, Some(2));
    assert!(errors.starts_with("no/such.toml: there is no such file; "), "{errors}");
}
