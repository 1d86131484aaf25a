//! The rules for Prometheus ask for metrics that there are, fire and are silent when they should,
//! and docs/alerts.md explains each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use control::command::Cli;
use control::metrics::catalogue::{ALL, Kind};

const RULES: &str = "tandem.rules.yml";
const TESTS: [&str; 2] = ["tandem.test.yml", "tandem-slow.test.yml"];

fn documents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(documents().join(path)).unwrap()
}

/// One alert, as the file has it: every value on a line of its own.
struct Alert {
    name: String,
    lines: Vec<String>,
}

impl Alert {
    /// The value of a key, without quotes.
    fn get(&self, key: &str) -> &str {
        let start = format!("{key}: ");
        let found = self.lines.iter().find_map(|line| line.strip_prefix(&start));
        let value = found.unwrap_or_else(|| panic!("{} has no {key}", self.name));
        value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
    }
}

fn alerts() -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    for line in read(Path::new("prometheus").join(RULES)).lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            alerts.push(Alert { name: name.to_owned(), lines: Vec::new() });
        } else if let Some(alert) = alerts.last_mut() {
            alert.lines.push(line.to_owned());
        }
    }
    assert!(alerts.len() >= 25, "{}", alerts.len());
    alerts
}

/// What promtool says in a folder. It comes with Debian's package prometheus.
fn promtool(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("promtool").current_dir(folder).args(arguments).output();
    let output = output.expect("promtool is missing: tests/setup.sh installs it");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn promtool_takes_the_rules() {
    let (is_well, said) = promtool(&documents().join("prometheus"), &["check", "rules", RULES]);
    assert!(is_well, "{said}");
}

#[test]
fn every_alert_fires_and_is_silent_when_it_should() {
    let folder = documents().join("prometheus");
    let tests = TESTS.map(|file| read(folder.join(file))).concat();
    for Alert { name, .. } in alerts() {
        for what in ["fires", "is silent"] {
            assert!(tests.contains(&format!("\n  - name: {name} {what}\n")), "{name} {what}");
        }
    }
    let (is_well, said) = promtool(&folder, &["test", "rules", TESTS[0], TESTS[1]]);
    assert!(is_well, "{said}");
}

/// The control of the test before: a rule that is wrong in either way is found.
#[test]
fn a_rule_that_never_fires_or_always_does_is_found() {
    let folder = std::env::temp_dir().join(format!("tandem-rules-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (rules, tests) =
        (read(Path::new("prometheus").join(RULES)), read(Path::new("prometheus").join(TESTS[0])));
    let (head, all) = tests.split_once("\ntests:\n").unwrap();
    let own: Vec<&str> =
        all.split("  - name: ").filter(|test| test.starts_with("TandemDataplaneDown ")).collect();
    assert_eq!(own.len(), 2);
    let test = format!("{head}\ntests:\n  - name: {}", own.join("  - name: "));
    fs::write(folder.join(TESTS[0]), test).unwrap();
    for (expression, is_right) in [("== 0", true), ("== 7", false), (">= 0", false)] {
        let changed = rules.replace(
            "expr: tandem_dataplane_up == 0",
            &format!("expr: tandem_dataplane_up {expression}"),
        );
        assert_eq!(changed == rules, is_right);
        fs::write(folder.join(RULES), changed).unwrap();
        let (is_well, said) = promtool(&folder, &["test", "rules", TESTS[0]]);
        assert_eq!(is_well, is_right, "{expression}: {said}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn rules_ask_for_metrics_that_there_are() {
    let text = read(Path::new("prometheus").join(RULES));
    let recorded: BTreeSet<&str> =
        text.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).collect();
    let expressions = text.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let mut asked = 0;
    for expression in expressions {
        let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        for word in expression.split(|c| !of_name(c)) {
            if word.starts_with("tandem:") {
                assert!(recorded.contains(word), "{expression}: {word} is not recorded");
            } else if word.starts_with("tandem_") {
                let is_word = |name: &str, kind| match kind {
                    Kind::Histogram => word.strip_suffix("_bucket") == Some(name),
                    _ => word == name,
                };
                let found = ALL.iter().any(|family| is_word(family.name, family.kind));
                assert!(found, "{expression}: there is no {word}");
                asked += 1;
            }
        }
    }
    assert!(asked > 50, "{asked}");
}

#[test]
fn every_alert_is_explained_and_says_what_to_type() {
    let page = read("alerts.md");
    let commands: BTreeSet<String> =
        Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let mut sections = page.split("\n### ").skip(1);
    for alert in alerts() {
        let name = &alert.name;
        let section = sections.next().unwrap_or_default();
        assert!(section.starts_with(&format!("{name}\n")), "{name} is not the next of alerts.md");
        let (expression, action) =
            (alert.get("expr").replace("\\\"", "\""), alert.get("action").replace("\\\"", "\""));
        let description = alert.get("description").replace("\\\"", "\"");
        for part in [&format!("`{expression}`"), &description, &format!("What to type: {action}.")]
        {
            assert!(section.contains(part), "alerts.md does not say of {name}: {part}");
        }
        assert_eq!(alert.get("runbook_url"), format!("docs/alerts.md#{}", name.to_lowercase()));
        assert!(!alert.get("summary").is_empty());
        let severity = alert.get("labels");
        let severities = ["critical", "warning", "info"];
        assert!(severities.iter().any(|one| severity.contains(one)), "{name}: {severity}");
        for part in action.split("tandem ").skip(1) {
            let word = part.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            assert!(commands.contains(word), "{name}: there is no tandem {word}");
        }
    }
    assert!(sections.next().is_none(), "alerts.md has an alert that is not in the rules");
}
