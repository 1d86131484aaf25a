//! The commands, one file each.

mod administer;
mod apply;
mod capture;
mod check;
mod connections;
mod counters;
mod diff;
mod doctor;
mod failover;
mod key;
mod manual;
mod needs;
mod neighbours;
mod pair;
mod pools;
mod reload;
mod services;
mod setup;
mod sources;
mod status;
mod upgrade;
mod verdict;
mod versions;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use api::{AdminOrder, Client};
use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::error::Error;

/// Shows and operates a Tandem appliance.
#[derive(Clone, Debug, Parser)]
#[command(name = "tandem", version, about = ABOUT, after_help = EXIT_CODES)]
pub struct Cli {
    /// Write JSON instead of tables
    #[arg(long, global = true)]
    json: bool,

    /// The dataplane's control socket
    #[arg(long, global = true, value_name = "PATH", default_value = config::Node::CONTROL_SOCKET)]
    socket: PathBuf,

    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str = "Shows and operates a Tandem appliance";

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 a mistake in the configuration or the command line, 3 \
     connections are left after tandem drain --wait --timeout; diff and status --brief have their own";

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Check a configuration file, and show what it means
    Check(check::Arguments),
    /// Show role, NICs, workers, the configuration in force and the pair
    #[command(after_help = status::HELP)]
    Status(status::Arguments),
    /// Show services and their real servers
    Services,
    /// Give a real server no new connection; those that it has go on
    #[command(after_help = administer::HELP)]
    Drain(administer::DrainArguments),
    /// Put a real server in maintenance: as drained, and what its checks say changes nothing
    Disable(administer::Servers),
    /// Give a real server that was drained or disabled new connections again
    Enable(administer::Servers),
    /// Give a real server another weight than the configured one, or that one again
    Weight(administer::WeightArguments),
    /// Show connections
    Connections(connections::Arguments),
    /// Capture packets for Wireshark, before and after their translation, and why they were dropped
    #[command(after_help = capture::HELP)]
    Capture(capture::Arguments),
    /// Show who has most connections: clients, networks of clients, private hosts
    #[command(after_help = sources::HELP)]
    Sources(sources::Arguments),
    /// Show the neighbours (ARP) of both sides
    Neighbours,
    /// Show every counter, and dropped packets by reason
    Counters(counters::Arguments),
    /// Move the active role to the other machine; no connection is lost
    Failover,
    /// Have the dataplane read its configuration file again; no connection is lost
    Reload,
    /// Take other files as the configuration, for good or until it is confirmed
    #[command(after_help = apply::HELP)]
    Apply(apply::Arguments),
    /// Show older versions of the configuration, take one again, confirm the newest
    #[command(subcommand)]
    Config(versions::Config),
    /// Show what a reload would change; it changes nothing
    #[command(after_help = diff::HELP)]
    Diff(diff::Arguments),
    /// Look for what keeps this machine from forwarding, and say what to type
    #[command(after_help = doctor::HELP)]
    Doctor(doctor::Arguments),
    /// Prepare this machine for the dataplane: hugepages, NICs, cores, a first configuration
    #[command(after_help = setup::HELP)]
    Setup(Box<setup::Arguments>),
    /// Upgrade the image of this machine, or of both machines of the pair
    #[command(after_help = upgrade::HELP)]
    Upgrade(upgrade::Arguments),
    /// Show, make and change the key that both machines of the pair share
    #[command(subcommand, after_help = key::HELP)]
    Key(key::Key),
    /// Write the script with which a shell completes commands and options
    #[command(after_help = manual::HELP)]
    Completions(manual::Completions),
    /// Write the man pages of all commands into a folder
    #[command(hide = true)]
    Manual(manual::Manual),
}

impl Cli {
    /// Does what the command line says; errors are written to standard error, with
    /// `--json` to standard output.
    pub fn main(self) -> ExitCode {
        let mut out = BufWriter::new(io::stdout().lock());
        let result = self.run(&mut out).and_then(|()| Ok(out.flush()?));
        let Err(error) = result else { return ExitCode::SUCCESS };
        let code = error.exit_code();
        if code != 0
            && !matches!(
                error,
                Error::Reported(_)
                    | Error::Unfinished
                    | Error::Differs
                    | Error::FoundWrong
                    | Error::Broken
            )
        {
            // Where even this cannot be written, the exit code has to say it.
            let _ = if self.json && !matches!(error, Error::Output(_)) {
                writeln!(out, "{:#}", error.json()).and_then(|()| out.flush())
            } else {
                let _ = out.flush();
                writeln!(io::stderr(), "{error}")
            };
        }
        ExitCode::from(code)
    }

    /// Does what the command line says, and writes what it shows to `out`.
    ///
    /// # Errors
    /// When the command fails; `out` may hold what came before.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), Error> {
        let mut context = Context { json: self.json, socket: &self.socket, out };
        match &self.command {
            Command::Check(arguments) => check::run(arguments, &mut context),
            Command::Status(arguments) => status::run(arguments, &mut context),
            Command::Services => services::run(&mut context),
            Command::Drain(arguments) => administer::drain(arguments, &mut context),
            Command::Disable(servers) => {
                administer::set(servers, AdminOrder::Disable, &mut context)
            }
            Command::Enable(servers) => administer::set(servers, AdminOrder::Enable, &mut context),
            Command::Weight(arguments) => administer::weight(arguments, &mut context),
            Command::Connections(arguments) => connections::run(arguments, &mut context),
            Command::Capture(arguments) => capture::run(arguments, &mut context),
            Command::Sources(arguments) => sources::run(arguments, &mut context),
            Command::Neighbours => neighbours::run(&mut context),
            Command::Counters(arguments) => counters::run(arguments, &mut context),
            Command::Failover => failover::run(&mut context),
            Command::Reload => reload::run(&mut context),
            Command::Apply(arguments) => apply::run(arguments, &mut context),
            Command::Config(command) => versions::run(command, &mut context),
            Command::Diff(arguments) => diff::run(arguments, &mut context),
            Command::Doctor(arguments) => doctor::run(arguments, &mut context),
            Command::Setup(arguments) => setup::run(arguments, &mut context),
            Command::Upgrade(arguments) => upgrade::run(arguments, &mut context),
            Command::Key(command) => key::run(command, &mut context),
            Command::Completions(arguments) => manual::completions(arguments, &mut context),
            Command::Manual(arguments) => manual::pages(arguments),
        }
    }
}

/// What every command has at hand.
struct Context<'c> {
    json: bool,
    socket: &'c PathBuf,
    out: &'c mut dyn Write,
}

impl Context<'_> {
    fn client(&self) -> Result<Client, Error> {
        Ok(Client::connect(self.socket)?)
    }

    /// The socket of the tandem-control beside the dataplane.
    fn pair_socket(&self) -> PathBuf {
        config::Node::pair_socket_beside(self.socket)
    }

    /// Writes an answer: as JSON, or as `show` does.
    fn answer<T: Serialize>(
        &mut self,
        answer: &T,
        show: impl Fn(&T, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        if self.json {
            serde_json::to_writer_pretty(&mut *self.out, answer).map_err(io::Error::from)?;
            writeln!(self.out)?;
        } else {
            show(answer, self.out)?;
        }
        Ok(())
    }
}
