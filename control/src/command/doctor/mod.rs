//! `tandem doctor`: is everything right for the dataplane to start and to run well?
//!
//! Each file here looks at one thing of the [`Machine`] and answers with [`Finding`]s. What
//! cannot be found out is a finding as well, with the reason.

mod configuration;
mod cores;
mod cpu;
mod disks;
mod finding;
pub(super) mod firewall;
mod hugepages;
mod iommu;
mod kernel;
mod key;
mod links;
mod machine;
mod memory;
mod nics;
mod show;
#[cfg(test)]
pub(super) mod testing;
mod time;
mod tool;
mod units;

use core::time::Duration;
use std::path::PathBuf;

use api::Client;
use clap::Args;
use config::Config;
use host::Host;
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::error::Error;
use finding::{Finding, State};
use machine::Machine;

pub(super) use machine::Tool;
pub(super) use tool::{run as run_tool, run_for_long as run_tool_for_long};

/// What answers at all answers at once.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) const HELP: &str = "\
It changes nothing. Exit codes: 0 nothing is wrong (notes and unknown things may be there), 1 \
something is wrong.

Examples:
  tandem doctor
  tandem doctor --json | jq -r '.findings[] | select(.state == \"wrong\").type'";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(default_value = "/etc/tandem/tandem.toml")]
    file: PathBuf,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// How many things are wrong.
    wrong: usize,
    /// How many could be better.
    notes: usize,
    /// How many could not be looked at.
    unknown: usize,
    /// All findings, what is wrong first.
    findings: Vec<Finding>,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let checked = Config::load_checked(&arguments.file);
    let config = checked.as_ref().ok().map(|checked| &checked.config);
    let socket = config.map_or(context.socket, |config| &config.node.control_socket);
    let client = Client::connect_with_timeout(socket, PATIENCE);
    let runs = client.and_then(|mut client| client.status()).is_ok();
    let pair_socket = config::Node::pair_socket_beside(socket);
    let client = Client::connect_with_timeout(pair_socket, PATIENCE);
    let pair = client.and_then(|mut client| client.pair());
    let host = Host::at("/");
    let machine = Machine { host: &host, config, runs, tool: &tool::run };

    let mut findings = configuration::look(&host, &arguments.file, &checked);
    findings.extend(machine.look());
    findings.extend(time::peer(config, pair));
    let answer = Answer::of(findings);
    context.answer(&answer, show::show)?;
    context.out.flush()?;
    if answer.wrong > 0 { Err(Error::FoundWrong) } else { Ok(()) }
}

impl Answer {
    /// What is wrong comes first, and so on; within a state the order of the checks stays.
    fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.state);
        let count = |state| findings.iter().filter(|finding| finding.state == state).count();
        Answer {
            wrong: count(State::Wrong),
            notes: count(State::Note),
            unknown: count(State::Unknown),
            findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_first() {
        let answer = Answer::of(vec![
            Finding::ok("swap", "off"),
            Finding::unknown("firewall", "nft is not installed"),
            Finding::wrong("key", "gone", "why", "type"),
            Finding::note("governor", "powersave", "why", "type"),
        ]);
        let order: Vec<_> = answer.findings.iter().map(|finding| finding.check.as_str()).collect();
        assert_eq!(order, ["key", "governor", "firewall", "swap"]);
        assert_eq!((answer.wrong, answer.notes, answer.unknown), (1, 1, 1));
    }
}
