//! What all subcommands print alike, and where their packets' files go.

use std::path::{Path, PathBuf};

use clap::Args;
use perf::Error;
use perf::machine::Machine;
use perf::statistics::Summary;

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

pub(crate) fn show<T: serde::Serialize>(
    json: bool,
    result: &T,
    print: fn(&T),
) -> Result<(), Error> {
    if !json {
        print(result);
        return Ok(());
    }
    let text = serde_json::to_string_pretty(result).map_err(Error::dataplane)?;
    println!("{text}");
    Ok(())
}

pub(crate) fn print_machine(machine: &Machine) {
    println!(
        "{}, {} cores, Linux {}, {}, tandem {}",
        machine.cpu, machine.cores, machine.kernel, machine.dpdk, machine.tandem
    );
}

pub(crate) fn spread(summary: &Summary) -> String {
    format!("{:.1} ({:.1} to {:.1})", summary.median, summary.least, summary.most)
}
