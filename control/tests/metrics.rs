//! docs/metrics.md has every metric.

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
