//! The process that forwards packets.

use core::sync::atomic::AtomicBool;
use core::time::Duration;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use config::{Checked, Config};
use dataplane::log::Log;
use dataplane::runtime::{Dataplane, KernelInterfaces};
use dataplane::signals::Signals;

/// Tandem's packet pipeline: load balancing and masquerading over DPDK.
///
/// It drives the NICs of the configuration from pinned cores and forwards whether or not
/// any other process runs. `tandem status` shows its state; SIGTERM stops it, SIGHUP has it
/// read its configuration again.
#[derive(Parser)]
#[command(name = "tandem-dataplane", version)]
struct Arguments {
    /// The configuration file; `tandem check FILE` reports its mistakes.
    #[arg(long, value_name = "FILE", default_value = "/etc/tandem/tandem.toml")]
    config: PathBuf,

    /// Do not create interfaces for the kernel: packets to this machine's real addresses are
    /// dropped. For performance runs.
    #[arg(long)]
    no_kernel_interfaces: bool,
}

/// A mistake in the configuration or the command line.
const MISTAKE: u8 = 2;

/// The service manager starts this process again at once, which once a second is enough where a NIC
/// is awaited.
const ABSENT_NIC: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(feature) = missing_cpu_feature() {
        eprintln!(
            "tandem-dataplane: this processor lacks {feature}, which the program was built for"
        );
        return ExitCode::FAILURE;
    }
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
            eprintln!("tandem-dataplane: no thread for the log: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(checked, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.last_words(&format!("tandem-dataplane: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(checked: Checked, arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let signals =
        Signals::register(&stop).map_err(|error| format!("no handler for signals: {error}"))?;
    let kernel = match arguments.no_kernel_interfaces {
        true => KernelInterfaces::Omit,
        false => KernelInterfaces::Create,
    };
    let dataplane =
        Dataplane::start(checked, arguments.config, kernel, stop).inspect_err(|error| {
            if error.is_absent_nic() {
                std::thread::sleep(ABSENT_NIC);
            }
        })?;
    signals
        .follow(Arc::downgrade(dataplane.admin()))
        .map_err(|error| format!("no thread for signals: {error}"))?;
    tracing::info!("started");
    // Only a service manager listens; without one there is nobody to tell.
    let _ = sd_notify::notify(false, &[sd_notify::NotifyState::Ready]);
    dataplane.run().map_err(|error| format!("a worker did not end by itself: {error}"))?;
    tracing::info!("stopped");
    Ok(())
}

/// What the program was compiled to use and the processor does not have; better one
/// sentence than an illegal instruction.
fn missing_cpu_feature() -> Option<&'static str> {
    let wanted = [
        ("aes", cfg!(target_feature = "aes")),
        ("avx2", cfg!(target_feature = "avx2")),
        ("bmi2", cfg!(target_feature = "bmi2")),
    ];
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let flags = text.lines().find(|line| line.starts_with("flags"))?;
    let has = |feature: &str| flags.split_whitespace().any(|flag| flag == feature);
    wanted.into_iter().find(|(name, used)| *used && !has(name)).map(|(name, _)| name)
}
