//! The process that decides the role and keeps both machines' connections the same.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use config::Config;
use control::daemon;
use control::log::{Lines, Log};

/// Decides with its peer which of two appliances is active, carries connections from one
/// to the other, and serves the metrics.
///
/// `tandem status` shows the state of the pair; SIGTERM stops it in order: an active machine hands
/// its role over first.
#[derive(Parser)]
#[command(name = "tandem-control", version)]
struct Arguments {
    /// The configuration file; `tandem check FILE` reports its mistakes.
    #[arg(long, value_name = "FILE", default_value = "/etc/tandem/tandem.toml")]
    config: PathBuf,
}

/// A fault of the program, as Rust has it.
const FAULT: i32 = 101;
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
    let log = match Log::start(checked.config.node.log) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("tandem-control: no thread for the log: {error}");
            return ExitCode::FAILURE;
        }
    };
    end_with_a_fault(log.lines());
    // From here on everything goes through the log: standard error may make its writer wait.
    for warning in &checked.warnings {
        tracing::warn!("{warning}");
    }
    match daemon::run(&checked.config, &arguments.config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            if error.is_mistake() { ExitCode::from(MISTAKE) } else { ExitCode::FAILURE }
        }
    }
}

/// A fault in any thread ends the process, which is started anew within its lease. Half a
/// process would keep the role and not do its work.
fn end_with_a_fault(log: Lines) {
    std::panic::set_hook(Box::new(move |fault| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name");
        let line = format!("tandem-control: a fault in the thread {name}: {fault}\n");
        let _ = log.clone().write_all(line.as_bytes());
        log.finish();
        std::process::exit(FAULT);
    }));
}
