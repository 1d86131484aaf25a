//! The process that decides the role and keeps the pair in step.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use config::Config;
use control::daemon;
use control::log::Log;

/// Decides with its peer which of two appliances is active, carries connections from one
/// to the other, and serves the metrics.
///
/// `tandem status` shows how the pair is; SIGTERM stops it in order: an active machine hands
/// its role over first.
#[derive(Parser)]
#[command(name = "tandem-control", version)]
struct Arguments {
    /// The configuration file; `tandem check FILE` tells its mistakes.
    #[arg(long, value_name = "FILE", default_value = "/etc/tandem/tandem.toml")]
    config: PathBuf,
}

/// A mistake in the configuration or the command line.
const MISTAKE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let checked = match Config::load_checked(&arguments.config) {
        Ok(checked) => checked,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return ExitCode::from(MISTAKE);
        }
    };
    for warning in &checked.warnings {
        eprintln!("{warning}");
    }
    let log = match Log::start(checked.config.node.log) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("tandem-control: no thread for the log: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = daemon::run(&checked.config);
    drop(log);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tandem-control: {error}");
            if error.is_mistake() { ExitCode::from(MISTAKE) } else { ExitCode::FAILURE }
        }
    }
}
