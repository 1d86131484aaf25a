//! `tandem kill` ends connections.

use std::io::{self, IsTerminal, Write};

use api::{Client, Filter, Kill};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::connections::{FilterArguments, connections, counted};
use super::{Context, question};
use crate::error::Error;
use crate::output::units::count;

pub(super) const HELP: &str = "\
Both ends of a TCP connection are reset. A UDP flow or a ping is forgotten, and opens anew with the next \
packet of its client. The copies on the standby machine end, too. New connections are not kept away: \
drain the server for that. It is to be typed on the active machine, asks on a terminal before it ends \
anything, and refuses to end everything without --all.

Examples:
  tandem kill --client 203.0.113.9
  tandem kill --server 10.0.0.11:80 --idle 10m --dry-run
  tandem kill --service web --state established --yes";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// End every connection, in place of saying which
    #[arg(long)]
    all: bool,
    /// Only count the connections that would end
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    filter: FilterArguments,
}

/// The connections that ended, or would end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// How many there were.
    connections: u64,
    /// They were only counted.
    dry_run: bool,
    /// The generation of the configuration whose services are named.
    generation: u64,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let filter = arguments.filter.filter();
    check(arguments, &filter)?;
    let mut client = context.client()?;
    if arguments.dry_run {
        let counted = counted(&mut client, &filter)?;
        let (connections, generation) = (counted.connections, counted.generation);
        return context.answer(&Answer { connections, dry_run: true, generation }, show);
    }
    if !arguments.yes && !is_agreed(&mut client, &filter, context)? {
        writeln!(context.out, "Nothing was ended.")?;
        return Ok(());
    }
    let answer = end(&mut client, &filter, arguments.all, context)?;
    context.answer(&answer, show)
}

fn check(arguments: &Arguments, filter: &Filter) -> Result<(), Error> {
    let usage = |text: &str| Err(Error::Usage(text.to_owned()));
    match (filter.is_empty(), arguments.all) {
        (true, false) => usage(
            "say which connections are to end, such as --client 203.0.113.9 or --service web; \
             --all ends every one",
        ),
        (false, true) => usage("--all ends every connection: leave it out, or the filter"),
        _ => Ok(()),
    }
}

fn is_agreed(
    client: &mut Client,
    filter: &Filter,
    context: &mut Context<'_>,
) -> Result<bool, Error> {
    if context.json || !io::stdin().is_terminal() {
        return Err(Error::Usage(
            "there is no terminal to ask on: add --yes to end them, or --dry-run to count them"
                .to_owned(),
        ));
    }
    let number = counted(client, filter)?.connections;
    let text = format!("{} would end ({filter}). End them?", connections(number));
    question::is_agreed(&text, context.out)
}

/// Ends the connections of one part of the table after the other.
fn end(
    client: &mut Client,
    filter: &Filter,
    all: bool,
    context: &mut Context<'_>,
) -> Result<Answer, Error> {
    let mut answer = Answer { connections: 0, dry_run: false, generation: 0 };
    let mut cursor = None;
    loop {
        let part = match client.kill(Kill { cursor, filter: filter.clone(), all }) {
            Ok(part) => part,
            Err(error) => {
                if answer.connections > 0 && !context.json {
                    let ended = connections(answer.connections);
                    writeln!(context.out, "{ended} ended before this went wrong:")?;
                }
                return Err(error.into());
            }
        };
        answer.connections += part.connections;
        (answer.generation, cursor) = (part.generation, part.next);
        if cursor.is_none() {
            return Ok(answer);
        }
        if !context.json && io::stderr().is_terminal() {
            write!(io::stderr(), "\r{} ended so far ", count(answer.connections))?;
        }
    }
}

fn show(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let number = connections(answer.connections);
    match answer {
        Answer { connections: 0, .. } => writeln!(out, "No connection matches."),
        Answer { dry_run: true, .. } => writeln!(out, "{number} would end."),
        Answer { connections: 1, .. } => writeln!(out, "1 connection was ended."),
        Answer { .. } => writeln!(out, "{number} were ended."),
    }
}
