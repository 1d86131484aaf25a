//! docs/metrics.md has every metric, and the dashboard asks for no other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use control::metrics::catalogue::{ALL, Kind};

#[test]
fn every_metric_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let documentation = std::fs::read_to_string(path).unwrap();
    let (list, _) = documentation.split_once("## Alerts").unwrap();
    let rows: Vec<&str> = list.lines().filter(|line| line.starts_with("| `tandem_")).collect();
    let expected: Vec<String> = ALL
        .iter()
        .map(|family| {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let labels = family.labels.join(", ");
            format!("| `{}` | {kind} | {labels} | {} |", family.name, family.help)
        })
        .collect();
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
    assert_eq!(rows.len(), expected.len());
}

#[test]
fn the_dashboard_asks_for_metrics_and_labels_that_there_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/grafana/tandem.json");
    let text = std::fs::read_to_string(path).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut asked = 0;
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let names = words.filter(|word| word.starts_with("tandem_"));
            let families: Vec<_> = names
                .map(|name| {
                    let found = ALL.iter().find(|family| family.name == name);
                    found.unwrap_or_else(|| panic!("{}: there is no {name}", panel["title"]))
                })
                .collect();
            assert!(!families.is_empty(), "{}: {expression}", panel["title"]);
            asked += families.len();
            let legend = target["legendFormat"].as_str().unwrap();
            for label in legend.split("{{").skip(1).filter_map(|part| part.split("}}").next()) {
                let has = |family: &&control::metrics::catalogue::Family| {
                    label == "instance" || family.labels.contains(&label)
                };
                assert!(families.iter().all(has), "{}: there is no label {label}", panel["title"]);
            }
        }
    }
    assert!(asked >= panels.len() / 2, "{asked}");
}
