//! What is true of the record of every run.

use std::collections::HashSet;

use perf::record::{Figure, Record, Recorder};
use serde::Serialize;

/// It is read again after it was saved, with the same settings and all samples, and no two
/// of its figures are taken for each other.
pub(crate) fn check(
    command: &'static str,
    settings: &impl Serialize,
    figures: &[Figure],
    result: &impl Serialize,
) {
    let record =
        Recorder::begin(command, settings, None).unwrap().end(figures, None, result).unwrap();
    let path = std::env::temp_dir().join(format!("tandem-perf-test-{command}.json"));
    std::fs::write(&path, record.json().unwrap()).unwrap();
    let read = Record::read(&path).unwrap();
    assert_eq!(read.settings, record.settings);
    let lengths = |record: &Record| -> Vec<_> {
        record.figures.iter().map(|figure| (figure.name.clone(), figure.samples.len())).collect()
    };
    assert_eq!(lengths(&read), lengths(&record));
    std::fs::remove_file(&path).unwrap();
    let names: HashSet<_> = figures.iter().map(|figure| (&figure.name, &figure.unit)).collect();
    assert!(!figures.is_empty() && names.len() == figures.len(), "{names:?}");
}
