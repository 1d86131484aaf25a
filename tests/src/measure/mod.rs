//! Long runs that measure the pair at its default timers, in the lab.
//!
//! Scenarios tell whether something happens, and never how fast. These tell how fast, how
//! often and at what loss, with many rounds; docs/performance.md shows what they print.

mod checks;
mod detection;
mod handover;
mod healing;
mod reloads;
mod restart;
mod resync;
mod takeover;

use clap::Subcommand;

use crate::{Error, Lab, Options, Settings};

pub use restart::Supervisor;

/// What is measured.
#[derive(Clone, Debug, Subcommand)]
pub enum Measure {
    /// Kill the active machine again and again under load: gaps, and connections lost.
    Takeover {
        /// How often.
        #[arg(long, default_value_t = 20)]
        rounds: u32,
        /// Downloads, and as many connections that are kept alive.
        #[arg(long, default_value_t = 200)]
        clients: u32,
    },
    /// Hand the role over again and again under load: datagrams and connections lost, beside
    /// what the lab loses by itself in the same time.
    Handover {
        /// How often.
        #[arg(long, default_value_t = 50)]
        rounds: u32,
        /// Datagrams a second.
        #[arg(long, default_value_t = 10_000)]
        rate: u32,
        /// Downloads that run all the time.
        #[arg(long, default_value_t = 100)]
        downloads: u32,
    },
    /// Kill tandem-control of the active machine again and again under load: how long until
    /// the next one renews the lease, and what is lost.
    Restart {
        /// How often.
        #[arg(long, default_value_t = 200)]
        rounds: u32,
        /// Who starts it again.
        #[arg(long, value_enum, default_value = "lab")]
        supervisor: Supervisor,
        /// Datagrams a second.
        #[arg(long, default_value_t = 1000)]
        rate: u32,
        /// Downloads that run all the time.
        #[arg(long, default_value_t = 50)]
        downloads: u32,
    },
    /// Cut every path and mend them again and again: how long until one machine is active,
    /// and until clients are served.
    Healing {
        /// How often.
        #[arg(long, default_value_t = 10)]
        rounds: u32,
    },
    /// Break a real server in every way again and again: how long until its checks have it out,
    /// beside what `tandem check` promises.
    Detection {
        /// How often in each way.
        #[arg(long, default_value_t = 30)]
        rounds: u32,
    },
    /// Check many servers once a second while requests pass: probes that begin late, and what
    /// tandem-control needs for it.
    Checks {
        /// Servers, 1 to 1,000.
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=1000))]
        servers: u16,
        /// Seconds.
        #[arg(long, default_value_t = 30)]
        seconds: u32,
    },
    /// Reload again and again under load: requests that fail, servers that change their state,
    /// and memory.
    Reloads {
        /// How often.
        #[arg(long, default_value_t = 5000)]
        rounds: u32,
    },
    /// Let a machine join while connections are made: how long until it has all of them.
    Resync {
        /// How often.
        #[arg(long, default_value_t = 5)]
        rounds: u32,
        /// Connections.
        #[arg(long, default_value_t = 100_000)]
        connections: u32,
    },
}

impl Measure {
    /// Measures and prints; true if nothing was lost that must not be lost.
    ///
    /// # Errors
    ///
    /// [`Error`], when the lab itself does not work.
    pub fn run(&self) -> Result<bool, Error> {
        let settings = match self {
            // Room for as many again, which are made meanwhile.
            Measure::Resync { connections, .. } => {
                Settings { connections: 2 * connections + 1000, ..Settings::pair() }
            }
            Measure::Detection { .. } | Measure::Reloads { .. } => Settings::checked(),
            Measure::Checks { servers, .. } => checks::settings(*servers),
            _ => Settings::pair(),
        };
        let lab = Lab::up(Options { settings, ..Options::default() })?;
        if settings.pair {
            lab.await_pair()?;
        }
        let good = match *self {
            Measure::Takeover { rounds, clients } => takeover::run(&lab, rounds, clients),
            Measure::Handover { rounds, rate, downloads } => {
                handover::run(&lab, rounds, rate, downloads)
            }
            Measure::Restart { rounds, supervisor, rate, downloads } => {
                restart::run(&lab, rounds, supervisor, rate, downloads)
            }
            Measure::Healing { rounds } => healing::run(&lab, rounds),
            Measure::Detection { rounds } => detection::run(&lab, rounds),
            Measure::Checks { servers, seconds } => checks::run(&lab, servers, seconds),
            Measure::Reloads { rounds } => reloads::run(&lab, rounds),
            Measure::Resync { rounds, connections } => resync::run(&lab, rounds, connections),
        };
        // Whatever came of it, nothing stays behind.
        Lab::down()?;
        good
    }
}

/// The median, least and most of some values, as a line has them.
fn spread(values: &[u64], unit: &str) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let [median, least, most] = [sorted.len() / 2, 0, sorted.len().saturating_sub(1)]
        .map(|place| sorted.get(place).copied().unwrap_or(0));
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("median {median}{unit} ({least} to {most})")
}
