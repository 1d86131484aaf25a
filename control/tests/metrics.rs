//! docs/metrics.md has every metric, and the dashboard asks for no other. Names follow the
//! conventions of Prometheus.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use control::metrics::catalogue::{ALL, Family, Kind};

#[test]
fn every_metric_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let documentation = std::fs::read_to_string(path).unwrap();
    let (list, _) = documentation.split_once("## Alerts").unwrap();
    let is_row = |line: &&str| line.starts_with("| `tandem_") || line.starts_with("| `process_");
    let rows: Vec<&str> = list.lines().filter(is_row).collect();
    let expected: Vec<String> = ALL
        .iter()
        .map(|family| {
            let Family { name, kind, labels, help, action } = family;
            let (kind, unit, labels) = (kind.name(), family.unit(), labels.join(", "));
            format!("| `{name}` | {kind} | {unit} | {labels} | {help} | {action} |")
        })
        .collect();
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
    assert_eq!(rows.len(), expected.len());
}

/// The words of an expression that are names.
fn names(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// The labels by which an expression selects, as in `{job=~"$job"}`.
fn selectors(expression: &str) -> Vec<&str> {
    let selected = expression.split('{').skip(1).filter_map(|part| part.split('}').next());
    let pairs = selected.flat_map(|part| part.split("\",").flat_map(|one| one.split("=~").next()));
    pairs.filter_map(|pair| pair.split(['=', '!']).next()).collect()
}

/// Checks that what is asked for is in the catalogue; returns how many metrics are.
fn check(title: &str, expression: &str, legend: &str) -> usize {
    let asked = names(expression).filter(|word| word.starts_with("tandem_"));
    let families: Vec<&Family> = asked
        .map(|name| {
            let found = ALL.iter().find(|family| family.name == name);
            found.unwrap_or_else(|| panic!("{title}: there is no {name}"))
        })
        .collect();
    // Prometheus's own.
    if expression.starts_with("ALERTS{") {
        return 0;
    }
    assert!(!families.is_empty(), "{title}: {expression}");
    let legend = legend.split("{{").skip(1).filter_map(|part| part.split("}}").next());
    for label in legend.chain(selectors(expression)) {
        let is_targets = ["instance", "job"].contains(&label);
        let has = |family: &&Family| family.labels.contains(&label);
        assert!(is_targets || families.iter().all(has), "{title}: there is no label {label}");
    }
    families.len()
}

#[test]
fn the_dashboard_asks_for_metrics_and_labels_that_there_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/grafana/tandem.json");
    let text = std::fs::read_to_string(path).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let titles: Vec<&str> = panels
        .iter()
        .filter(|panel| panel["type"] == "row")
        .map(|row| row["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["What is wrong", "The pair", "Services", "Workers"]);
    let mut asked = 0;
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let legend = target["legendFormat"].as_str().unwrap();
            asked += check(title, target["expr"].as_str().unwrap(), legend);
        }
    }
    assert!(asked >= panels.len() / 2, "{asked}");
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        let text = |key: &str| annotation[key].as_str().unwrap();
        check(text("name"), text("expr"), text("titleFormat"));
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let queries = variables.iter().filter(|variable| variable["type"] == "query");
    for variable in queries {
        let query = variable["query"].as_str().unwrap();
        assert!(names(query).any(|name| ALL.iter().any(|family| family.name == name)), "{query}");
    }
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for Family { name, kind, labels, help, .. } in ALL {
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        for part in ["_count", "_sum", "_bucket", "_created"] {
            assert!(!name.ends_with(part), "{name}: both formats use {part} themselves");
        }
        assert!(help.ends_with('.') && !help.contains(['\\', '\n', '"']), "{name}: {help}");
        for label in *labels {
            let is_reserved = ["le", "quantile", "job", "instance"].contains(label);
            assert!(!is_reserved, "{name}: {label} is Prometheus's own");
        }
        // A series of a counter that goes to another one with a change of state ends there.
        let has_state = labels.contains(&"state") || labels.contains(&"role");
        assert!(*kind == Kind::Gauge || !has_state, "{name}");
    }
}
