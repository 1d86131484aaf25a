//! What all subcommands do alike with what they have measured: print it, keep it, and
//! compare it with what was kept before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use perf::Error;
use perf::machine::Machine;
use perf::record::{Change, Figure, Record, Recorder, html};
use perf::statistics::Summary;
use serde::Serialize;

/// Where a run keeps its files.
#[derive(Args)]
pub(crate) struct Folder {
    /// Where the packets' files go for the length of the run.
    #[arg(long, default_value = "/tmp/tandem-perf")]
    folder: PathBuf,
}

impl Folder {
    /// Runs with the folder: the packets' files are large, and nobody needs them after it.
    pub(crate) fn keep<T>(&self, run: impl FnOnce(&Path) -> Result<T, Error>) -> Result<T, Error> {
        let folder = &self.folder;
        std::fs::create_dir_all(folder).map_err(Error::io(folder.display().to_string()))?;
        let result = run(folder);
        let _ = std::fs::remove_dir_all(folder);
        result
    }
}

/// What becomes of the record.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Print the record as one JSON object instead of a table.
    #[arg(long, global = true)]
    json: bool,

    /// Save the record with all its samples, for --against.
    #[arg(long, global = true, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Write a report with charts as one HTML file.
    #[arg(long, global = true, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Compare each figure with a record that was saved before with the same settings: faster,
    /// slower, or the same (Mann-Whitney test, p < 0.01; less than 1 % apart is the same).
    #[arg(long, global = true, value_name = "BASELINE")]
    against: Option<PathBuf>,

    /// Exit with 3 when a figure is slower than the baseline's.
    #[arg(long, global = true, requires = "against")]
    fail_if_slower: bool,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did.
    Done,
    /// It is slower than it may be.
    Slower,
}

impl Output {
    /// Before a run: a baseline that it cannot be compared with ends it here.
    pub(crate) fn begin(
        &self,
        command: &'static str,
        settings: &impl Serialize,
    ) -> Result<Recorder, Error> {
        let recorder = Recorder::begin(command, settings, self.against.as_deref())?;
        for difference in recorder.warnings() {
            eprintln!("tandem-perf: the baseline is of another machine: {difference}");
        }
        if recorder.machine().build == "debug" {
            eprintln!("tandem-perf: this is a debug build; its figures say nothing");
        }
        Ok(recorder)
    }

    /// After it: prints what came out, and keeps it where that was asked for.
    pub(crate) fn end<T: Serialize>(
        &self,
        recorder: Recorder,
        (figures, drops): (&[Figure], Option<&BTreeMap<String, u64>>),
        result: &T,
        print: fn(&T),
    ) -> Result<Ending, Error> {
        let record = recorder.end(figures, drops, result)?;
        let json = record.json()?;
        if self.json {
            println!("{json}");
        } else {
            print_machine(&record.machine);
            print(result);
            print_changes(&record.changes);
        }
        self.keep(&record, &json)?;
        let slower = self.fail_if_slower && record.is_slower();
        Ok(if slower { Ending::Slower } else { Ending::Done })
    }

    fn keep(&self, record: &Record, json: &str) -> Result<(), Error> {
        if let Some(path) = &self.save {
            write(path, json)?;
        }
        self.html.as_ref().map_or(Ok(()), |path| write(path, &html::page(record)?))
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(Error::io(path.display().to_string()))
}

fn print_machine(machine: &Machine) {
    let Machine { cpu, cores, kernel, dpdk, tandem, rustc, build, .. } = machine;
    println!("{cpu}, {cores} cores, Linux {kernel}, {dpdk}, tandem {tandem} ({build}, {rustc})");
}

fn print_changes(changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    println!("\n{:<54} {:>8} {:>18} {:>8}", "AGAINST THE BASELINE", "RATIO", "99 % OF IT", "P");
    for Change { name, unit, difference, verdict } in changes {
        let [low, high] = difference.interval;
        println!(
            "{:<54} {:>8.3} {:>18} {:>8.4}  {verdict}",
            format!("{name}, {unit}"),
            difference.ratio,
            format!("{low:.3} to {high:.3}"),
            difference.p
        );
    }
}

pub(crate) fn spread(summary: &Summary) -> String {
    format!("{:.1} ({:.1} to {:.1})", summary.median, summary.least, summary.most)
}
