//! The commands, one file each.

mod administer;
mod apply;
mod capture;
mod check;
mod connections;
mod counters;
mod diff;
mod doctor;
mod events;
mod explain;
mod failover;
mod import;
mod key;
mod kill;
mod manual;
mod needs;
mod neighbours;
mod pair;
pub(crate) mod pools;
mod question;
mod rates;
mod reload;
mod schema;
mod services;
mod setup;
mod sources;
pub(crate) mod status;
mod top;
mod trace;
mod upgrade;
mod versions;
mod watch;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use api::{AdminOrder, Client};
use clap::{Parser, Subcommand};
use schemars::JsonSchema;
use serde::Serialize;

use self::schema::Envelope;
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

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed; of status and watch: degraded; of diff: there are differences; of doctor: something is wrong
  2  a mistake in the configuration or the command line; of status and watch: broken
  3  connections are left after tandem drain --wait --timeout; of import: what it does would not be the same

Examples:
  tandem status        what is wrong, and what to type
  tandem watch         the same, again and again
  tandem top           who has the traffic
  tandem doctor        why the dataplane does not start
  tandem help drain    more about a command";

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Check a configuration file, and show what it means
    #[command(after_help = check::HELP)]
    Check(check::Arguments),
    /// Show what is wrong first, what to type, and how the machine and the pair are
    #[command(after_help = status::HELP)]
    Status(status::Arguments),
    /// Show the status again and again; in a pipe a line each time
    #[command(after_help = watch::HELP)]
    Watch(watch::Arguments),
    /// Show rates by service, server, client, drop reason and worker
    #[command(after_help = top::HELP)]
    Top(top::Arguments),
    /// Show services and their real servers
    #[command(after_help = services::HELP)]
    Services,
    /// Give a real server no new connection; those that it has go on
    #[command(after_help = administer::HELP)]
    Drain(administer::DrainArguments),
    /// Put a real server in maintenance: as drained, and what its checks say changes nothing
    #[command(after_help = administer::DISABLE_HELP)]
    Disable(administer::Servers),
    /// Give a real server that was drained or disabled new connections again
    #[command(after_help = administer::ENABLE_HELP)]
    Enable(administer::Servers),
    /// Give a real server another weight than the configured one, or that one again
    #[command(after_help = administer::WEIGHT_HELP)]
    Weight(administer::WeightArguments),
    /// Show connections, or count them
    #[command(after_help = connections::HELP)]
    Connections(connections::Arguments),
    /// End connections: a client's, a server's, idle ones
    #[command(after_help = kill::HELP)]
    Kill(kill::Arguments),
    /// Capture packets for Wireshark, before and after their translation, and why they were dropped
    #[command(after_help = capture::HELP)]
    Capture(capture::Arguments),
    /// Show who has most connections: clients, networks of clients, private hosts
    #[command(after_help = sources::HELP)]
    Sources(sources::Arguments),
    /// Show the neighbours (ARP) of both sides
    #[command(after_help = neighbours::HELP)]
    Neighbours,
    /// Show every counter, and dropped packets by reason
    #[command(after_help = counters::HELP)]
    Counters(counters::Arguments),
    /// Follow packets through the dataplane: what was decided about each, and why
    #[command(after_help = trace::HELP)]
    Trace(trace::Arguments),
    /// Say what would become of a packet, and why; nothing is changed by it
    #[command(after_help = explain::HELP)]
    Explain(explain::Arguments),
    /// Show what happened on this machine, when, and why
    #[command(after_help = events::HELP)]
    Events(events::Arguments),
    /// Move the active role to the other machine; no connection is lost
    #[command(after_help = failover::HELP)]
    Failover,
    /// Have the dataplane read its configuration file again; no connection is lost
    #[command(after_help = reload::HELP)]
    Reload,
    /// Take other files as the configuration, for good or until it is confirmed
    #[command(after_help = apply::HELP)]
    Apply(apply::Arguments),
    /// Show older versions of the configuration, take one again, confirm the newest
    #[command(subcommand, after_help = versions::HELP)]
    Config(versions::Config),
    /// Show what a reload would change; it changes nothing
    #[command(after_help = diff::HELP)]
    Diff(diff::Arguments),
    /// Read keepalived.conf, ipvsadm-save, lvs.cf or ldirectord.cf, and write a configuration
    #[command(after_help = import::HELP)]
    Import(Box<import::Arguments>),
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
    /// Write the JSON Schema of an answer, or list the schemas
    #[command(after_help = schema::HELP)]
    Schema(schema::Arguments),
    /// Write the script with which a shell completes commands and options
    #[command(after_help = manual::HELP)]
    Completions(manual::Completions),
    /// Write the man pages of all commands into a folder
    #[command(hide = true, after_help = "Examples:\n  tandem manual /usr/local/share/man/man1")]
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
                    | Error::Altered
                    | Error::NotImported
            )
        {
            // Where even this cannot be written, the exit code has to say it.
            let _ = if self.json && !matches!(error, Error::Output(_)) {
                let answer = error.json();
                serde_json::to_writer_pretty(&mut out, &Envelope::new("error", &answer))
                    .map_err(io::Error::from)
                    .and_then(|()| writeln!(out))
                    .and_then(|()| out.flush())
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
        let schema = self.command.schema();
        let mut context = Context { json: self.json, socket: &self.socket, out, schema };
        match &self.command {
            Command::Check(arguments) => check::run(arguments, &mut context),
            Command::Status(arguments) => status::run(arguments, &mut context),
            Command::Watch(arguments) => watch::run(arguments, &mut context),
            Command::Top(arguments) => top::run(arguments, &mut context),
            Command::Services => services::run(&mut context),
            Command::Drain(arguments) => administer::drain(arguments, &mut context),
            Command::Disable(servers) => {
                administer::set(servers, AdminOrder::Disable, &mut context)
            }
            Command::Enable(servers) => administer::set(servers, AdminOrder::Enable, &mut context),
            Command::Weight(arguments) => administer::weight(arguments, &mut context),
            Command::Connections(arguments) => connections::run(arguments, &mut context),
            Command::Kill(arguments) => kill::run(arguments, &mut context),
            Command::Capture(arguments) => capture::run(arguments, &mut context),
            Command::Sources(arguments) => sources::run(arguments, &mut context),
            Command::Neighbours => neighbours::run(&mut context),
            Command::Counters(arguments) => counters::run(arguments, &mut context),
            Command::Trace(arguments) => trace::run(arguments, &mut context),
            Command::Explain(arguments) => explain::run(arguments, &mut context),
            Command::Events(arguments) => events::run(arguments, &mut context),
            Command::Failover => failover::run(&mut context),
            Command::Reload => reload::run(&mut context),
            Command::Apply(arguments) => apply::run(arguments, &mut context),
            Command::Config(command) => versions::run(command, &mut context),
            Command::Diff(arguments) => diff::run(arguments, &mut context),
            Command::Import(arguments) => import::run(arguments, &mut context),
            Command::Doctor(arguments) => doctor::run(arguments, &mut context),
            Command::Setup(arguments) => setup::run(arguments, &mut context),
            Command::Upgrade(arguments) => upgrade::run(arguments, &mut context),
            Command::Key(command) => key::run(command, &mut context),
            Command::Schema(arguments) => schema::run(arguments, &mut context),
            Command::Completions(arguments) => manual::completions(arguments, &mut context),
            Command::Manual(arguments) => manual::pages(arguments),
        }
    }
}

impl Command {
    /// The schema of the command's answer; [`schema::ALL`] has them.
    fn schema(&self) -> &'static str {
        match self {
            Command::Capture(_) => "capture",
            Command::Check(_) => "check",
            Command::Status(_) => "status",
            Command::Watch(_) => "watch",
            Command::Top(_) => "top",
            Command::Services => "services",
            Command::Drain(_) | Command::Disable(_) | Command::Enable(_) | Command::Weight(_) => {
                "servers"
            }
            Command::Connections(arguments) => arguments.schema(),
            Command::Kill(_) => "killed",
            Command::Sources(_) => "sources",
            Command::Neighbours => "neighbours",
            Command::Counters(_) => "counters",
            Command::Trace(_) => "trace",
            Command::Explain(_) => "explanation",
            Command::Events(arguments) => arguments.schema(),
            Command::Failover => "pair",
            Command::Reload => "reloaded",
            Command::Apply(_) => "applied",
            Command::Config(command) => command.schema(),
            Command::Diff(_) => "diff",
            Command::Import(_) => "import",
            Command::Doctor(_) => "doctor",
            Command::Setup(_) => "setup",
            Command::Upgrade(_) => "progress",
            Command::Key(key::Key::Status(_)) => "key",
            Command::Key(_) => "progress",
            // What these write is no answer in JSON's sense.
            Command::Schema(_) | Command::Completions(_) | Command::Manual(_) => "",
        }
    }
}

/// What every command has at hand.
struct Context<'c> {
    json: bool,
    socket: &'c PathBuf,
    out: &'c mut dyn Write,
    /// The schema of the answer.
    schema: &'static str,
}

/// A step of a command that takes several.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Progress {
    /// What was done, or is being done.
    message: String,
}

impl Context<'_> {
    fn client(&self) -> Result<Client, Error> {
        Ok(Client::connect(self.socket)?)
    }

    /// The socket of the tandem-control beside the dataplane.
    fn pair_socket(&self) -> PathBuf {
        config::Node::pair_socket_beside(self.socket)
    }

    /// Writes an answer: as JSON in its envelope, or as `show` does.
    fn answer<T: Serialize>(
        &mut self,
        answer: &T,
        show: impl Fn(&T, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        if self.json {
            let envelope = Envelope::new(self.schema, answer);
            serde_json::to_writer_pretty(&mut *self.out, &envelope).map_err(io::Error::from)?;
            writeln!(self.out)?;
        } else {
            show(answer, self.out)?;
        }
        Ok(())
    }

    /// Writes one of several answers as JSON, each on a line, in its envelope.
    fn line<T: Serialize>(&mut self, answer: &T) -> Result<(), Error> {
        let envelope = Envelope::new(self.schema, answer);
        serde_json::to_writer(&mut *self.out, &envelope).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// Says what happens, at once.
    fn progress(&mut self, message: &str) -> Result<(), Error> {
        if self.json {
            self.line(&Progress { message: message.to_owned() })?;
        } else {
            writeln!(self.out, "{message}")?;
        }
        Ok(self.out.flush()?)
    }
}
