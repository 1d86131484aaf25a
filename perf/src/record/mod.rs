//! The record that every run leaves: what ran, how, on what, and what came out.
//!
//! ```text
//!   Recorder::begin (command, settings, baseline)     refuses a baseline of another run
//!      |
//!   the run: figures, each with all of its samples
//!      |
//!   Recorder::end --> Record --> JSON, HTML (html.rs, chart.rs)
//!                        '-----> verdicts against the baseline (verdict.rs)
//! ```

mod chart;
pub mod html;
mod verdict;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Error;
use crate::machine::Machine;
use crate::statistics::Summary;

pub use verdict::{Change, Verdict};

/// The version of records; another one is not read.
pub const SCHEMA: u32 = 1;

/// Which way a figure is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// It is not Tandem's: it tells how the machine was meanwhile.
    Neither,
}

/// What one sample of a figure stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// A second of one run, one after the other.
    Second,
    /// A run, in turn with others.
    Round,
    /// A part of one run.
    Part,
}

impl Each {
    /// What they are counted in.
    fn name(self) -> &'static str {
        match self {
            Each::Second => "second",
            Each::Round => "round",
            Each::Part => "part",
        }
    }
}

/// A figure with all of its samples.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What it is of: "tandem", "cycles a packet".
    pub name: String,
    /// Its unit: "Mpps".
    pub unit: String,
    /// Which way it is better.
    pub better: Better,
    /// What a sample is.
    pub each: Each,
    /// The samples in the order in which they came.
    pub samples: Vec<f64>,
}

impl Figure {
    /// A figure of what has been measured.
    pub fn new(
        name: impl Into<String>,
        unit: &str,
        better: Better,
        each: Each,
        samples: Vec<f64>,
    ) -> Self {
        Figure { name: name.into(), unit: unit.to_owned(), better, each, samples }
    }

    /// Median and spread.
    ///
    /// # Errors
    ///
    /// When there are no samples.
    pub fn summary(&self) -> Result<Summary, Error> {
        let nothing = || Error::Dataplane(format!("{}: nothing was measured", self.name));
        Summary::of(&self.samples).ok_or_else(nothing)
    }

    /// Puts it beside the others of its run; returns its median and spread.
    ///
    /// # Errors
    ///
    /// When there are no samples.
    pub fn put(self, others: &mut Vec<Figure>) -> Result<Summary, Error> {
        let summary = self.summary()?;
        others.push(self);
        Ok(summary)
    }
}

/// Settings by name, as a run has them.
pub type Settings = Map<String, Value>;

/// The record of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The subcommand: "run".
    pub command: String,
    /// When it ended, as RFC 3339 writes it.
    pub date: String,
    pub settings: Settings,
    pub machine: Machine,
    pub figures: Vec<Figure>,
    /// Packets dropped, by reason; none where they are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drops: Option<BTreeMap<String, u64>>,
    /// How the figures changed since a baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What the command itself makes of the figures, at the top level of the JSON: the
    /// medians, and what they are the ratios of.
    #[serde(flatten)]
    pub summary: Map<String, Value>,
}

impl Record {
    /// Reads one that was saved.
    ///
    /// # Errors
    ///
    /// [`Error::Baseline`], when it is none.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path.display().to_string()))?;
        let refuse = |why: String| Error::Baseline { path: path.display().to_string(), why };
        let schema = serde_json::from_str(&text)
            .map_err(|error| refuse(format!("this is no record of tandem-perf: {error}")))
            .map(|value: Value| value.get("schema").and_then(Value::as_u64))?;
        match schema {
            Some(schema) if schema == u64::from(SCHEMA) => serde_json::from_str(&text)
                .map_err(|error| refuse(format!("the record is not complete: {error}"))),
            Some(schema) => Err(refuse(format!(
                "the record has version {schema}, and this tandem-perf reads {SCHEMA}; record it \
                 anew with this one"
            ))),
            None => Err(refuse("this is no record of tandem-perf".to_owned())),
        }
    }

    /// The record as JSON.
    ///
    /// # Errors
    ///
    /// When a number in it is none.
    pub fn json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map_err(Error::dataplane)
    }

    /// True when a figure of Tandem's is slower than in the baseline.
    pub fn is_slower(&self) -> bool {
        self.changes.iter().any(|change| change.verdict == Verdict::Slower)
    }
}

/// What will be in the record of a run.
#[derive(Debug)]
pub struct Recorder {
    command: &'static str,
    settings: Settings,
    machine: Machine,
    baseline: Option<Record>,
}

impl Recorder {
    /// For a command with these settings, whose figures may be compared with a baseline's.
    ///
    /// # Errors
    ///
    /// [`Error::Baseline`], when that is of another command or of other settings.
    pub fn begin(
        command: &'static str,
        settings: &impl Serialize,
        baseline: Option<&Path>,
    ) -> Result<Self, Error> {
        let settings = object(settings)?;
        let baseline = baseline.map(|path| {
            let record = Record::read(path)?;
            match verdict::obstacle(&record, command, &settings) {
                Some(why) => Err(Error::Baseline { path: path.display().to_string(), why }),
                None => Ok(record),
            }
        });
        let baseline = baseline.transpose()?;
        Ok(Recorder { command, settings, machine: Machine::this(), baseline })
    }

    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// What makes this machine another than the baseline's.
    pub fn warnings(&self) -> Vec<String> {
        let baseline = self.baseline.as_ref();
        baseline.map(|baseline| self.machine.differences(&baseline.machine)).unwrap_or_default()
    }

    /// The record of what came out.
    ///
    /// # Errors
    ///
    /// When the summary is none.
    pub fn end(
        self,
        figures: &[Figure],
        drops: Option<&BTreeMap<String, u64>>,
        summary: &impl Serialize,
    ) -> Result<Record, Error> {
        let changes = self.baseline.map(|baseline| verdict::changes(figures, &baseline.figures));
        Ok(Record {
            schema: SCHEMA,
            command: self.command.to_owned(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            settings: self.settings,
            machine: self.machine,
            figures: figures.to_vec(),
            drops: drops.cloned(),
            changes: changes.unwrap_or_default(),
            summary: object(summary)?,
        })
    }
}

fn object(value: &impl Serialize) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(value).map_err(Error::dataplane)? {
        Value::Object(object) => Ok(object),
        other => Err(Error::Dataplane(format!("{other} has no names"))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn example() -> Record {
        let recorder = Recorder::begin("run", &json!({ "connections": 64 }), None).unwrap();
        let mpps = Figure::new("tandem", "Mpps", Better::Higher, Each::Second, vec![1.5, 1.6, 1.4]);
        let drops = BTreeMap::from([("no_buffer <&>".to_owned(), 3)]);
        recorder.end(&[mpps], Some(&drops), &json!({ "mpps": { "median": 1.5 } })).unwrap()
    }

    fn saved(name: &str, text: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("tandem-perf-test-{name}.json"));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn what_was_saved_is_read() {
        let record = example();
        let path = saved("round-trip", &record.json().unwrap());
        assert_eq!(Record::read(&path).unwrap(), record);
        let value: Value = serde_json::from_str(&record.json().unwrap()).unwrap();
        assert_eq!(value["mpps"]["median"], 1.5, "the summary is at the top");
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let other = example().json().unwrap().replace("\"schema\": 1", "\"schema\": 99");
        for (name, text, says) in [
            ("no-json", "mpps: 3", "no record"),
            ("no-record", "{}", "no record"),
            ("other-version", &*other, "version 99"),
            ("incomplete", "{\"schema\": 1}", "not complete"),
        ] {
            let error = Record::read(&saved(name, text)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_baseline_of_other_settings_is_refused_before_anything_runs() {
        let path = saved("baseline", &example().json().unwrap());
        let begin = |command, connections: u32| {
            Recorder::begin(command, &json!({ "connections": connections }), Some(&path))
        };
        assert!(begin("run", 64).is_ok());
        let error = begin("run", 65).unwrap_err().to_string();
        assert!(error.contains("connections 64, now 65"), "{error}");
        let error = begin("compare", 64).unwrap_err().to_string();
        assert!(error.contains("tandem-perf run"), "{error}");
    }

    #[test]
    fn another_machine_is_a_warning() {
        let mut record = example();
        record.machine.cpu = "abacus".to_owned();
        let path = saved("machine", &record.json().unwrap());
        let recorder = Recorder::begin("run", &json!({ "connections": 64 }), Some(&path)).unwrap();
        let warnings = recorder.warnings();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("processor abacus, now "), "{warnings:?}");
    }
}
