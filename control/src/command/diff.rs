//! `tandem diff`: what would a reload change?

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use config::diff::{Difference, compare};
use config::{Config, Sources};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::error::Error;

pub(super) const HELP: &str = "\
It changes nothing. Exit codes, as those of diff(1): 0 a reload would change nothing, 1 it would \
change what is shown, 2 the file has mistakes or the dataplane does not answer.

Examples:
  tandem diff
  tandem diff /root/from-the-peer.toml";

pub(super) const VERSIONS_HELP: &str = "\
Exit codes, as those of diff(1): 0 they do not differ, 1 they do, 2 there is nothing to compare.

Examples:
  tandem config diff
  tandem config diff 3 5";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file; without one, the one that the dataplane reads
    file: Option<PathBuf>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The file that was compared.
    file: PathBuf,
    /// The generation of the configuration in force.
    generation: u64,
    /// A reload would change something.
    differs: bool,
    /// What it would change.
    changes: Vec<Change>,
    /// What the dataplane cannot take while it runs: a reload would be refused as a whole.
    restart_dataplane: Vec<String>,
    /// The sections that tandem-control takes when it starts.
    restart_control: Vec<String>,
    /// Warnings about the file, one a line.
    warnings: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Change {
    /// What happens to it.
    change: Kind,
    /// The section of the configuration.
    section: &'static str,
    /// The name of the service, for a section that there are several of.
    name: Option<String>,
    /// The real server's address, where the change is of one.
    server: Option<String>,
    /// The key; none: all of it.
    key: Option<String>,
    /// What it was.
    old: Option<String>,
    /// What it becomes.
    new: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Added,
    Removed,
    Changed,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let answer = answer(arguments, context).map_err(|error| Error::NotCompared(Box::new(error)))?;
    context.answer(&answer, show)?;
    context.out.flush()?;
    if answer.differs { Err(Error::Differs) } else { Ok(()) }
}

fn answer(arguments: &Arguments, context: &Context<'_>) -> Result<Answer, Error> {
    let mut client = context.client()?;
    let file = match &arguments.file {
        Some(file) => file.clone(),
        None => client.status()?.configuration.path,
    };
    let (generation, in_force) = client.sources()?;
    let in_force = Sources::new(in_force);
    let checked = Config::load_checked(&file).map_err(Error::Mistakes)?;
    let running = in_force.clone().check().map_err(Error::Mistakes)?.config;
    let changes = compare(&in_force, &checked.sources).map_err(Error::Mistakes)?;
    Ok(Answer {
        file,
        generation,
        differs: !changes.is_empty(),
        changes: changes.into_iter().map(Change::from).collect(),
        restart_dataplane: running.restart_needed(&checked.config),
        restart_control: running.restart_of_control(&checked.config),
        warnings: checked.warnings.iter().map(ToString::to_string).collect(),
    })
}

impl From<Difference> for Change {
    fn from(difference: Difference) -> Self {
        let Difference { section, name, server, key, old, new } = difference;
        let change = match (&key, &old, &new) {
            (None, None, Some(_)) => Kind::Added,
            (None, Some(_), None) => Kind::Removed,
            _ => Kind::Changed,
        };
        Change { change, section, name, server, key, old, new }
    }
}

fn show(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    answer.warnings.iter().try_for_each(|warning| writeln!(out, "{warning}"))?;
    let file = answer.file.display();
    if !answer.differs {
        return writeln!(
            out,
            "A reload of {file} changes nothing: generation {} is the same.",
            answer.generation
        );
    }
    for change in &answer.changes {
        show_change(change, out)?;
    }
    writeln!(out)?;
    if !answer.restart_dataplane.is_empty() {
        writeln!(out, "A reload would be refused: these take a restart of tandem-dataplane:")?;
        answer.restart_dataplane.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    if !answer.restart_control.is_empty() {
        writeln!(
            out,
            "These take a restart of tandem-control, and a reload is refused before it:"
        )?;
        answer.restart_control.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    if answer.restart_dataplane.is_empty() && answer.restart_control.is_empty() {
        writeln!(
            out,
            "This is what a reload of {file} changes; generation {} is in force.",
            answer.generation
        )?;
    }
    Ok(())
}

/// One line: `service web, server 10.0.0.11:80: weight: 1 -> 0`.
pub(super) fn show_change(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    let Change { change: kind, section, name, server, key, old, new } = change;
    write!(out, "{section}")?;
    if let Some(name) = name {
        write!(out, " {name}")?;
    }
    if let Some(server) = server {
        write!(out, ", server {server}")?;
    }
    let value = |value: &Option<String>| value.clone().unwrap_or("not set".to_owned());
    match (kind, key) {
        (Kind::Added, _) => writeln!(out, ": added: {}", value(new)),
        (Kind::Removed, _) => writeln!(out, ": removed"),
        (Kind::Changed, Some(key)) => writeln!(out, ": {key}: {} -> {}", value(old), value(new)),
        (Kind::Changed, None) => writeln!(out, ": changed"),
    }
}
