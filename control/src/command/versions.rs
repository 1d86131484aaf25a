//! `tandem config`: the versions of the configuration that were in force.

use core::time::Duration;
use std::io::{self, Write};

use api::{Client, RollBack, Version, VersionFile, VersionNumber, VersionOrigin, Versions};
use clap::{Args, Subcommand};
use config::Sources;
use config::diff::compare;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, apply, diff};
use crate::error::Error;
use crate::output::{Table, date};

pub(super) const HELP: &str = "\
Every configuration that was in force is kept for a while, with a number.

Examples:
  tandem config log
  tandem config diff 3 5
  tandem config rollback --confirm 60s";

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Config {
    /// Show the versions that are kept, the newest first
    #[command(after_help = "Examples:\n  tandem config log")]
    Log,
    /// Show the files of a version
    #[command(after_help = "Examples:\n  tandem config show 3")]
    Show(Number),
    /// Show what differs between two versions
    #[command(after_help = diff::VERSIONS_HELP)]
    Diff(Two),
    /// Take an older version again
    #[command(
        after_help = "Examples:\n  tandem config rollback\n  tandem config rollback 3 --confirm 60s"
    )]
    Rollback(Back),
    /// Keep what was applied with tandem apply --confirm
    #[command(after_help = "Examples:\n  tandem config confirm")]
    Confirm,
}

/// What differs between two versions.
#[derive(Serialize, JsonSchema)]
pub(super) struct Changes {
    /// The number of the older version.
    old: u64,
    /// The number of the newer version.
    new: u64,
    /// They differ.
    differs: bool,
    /// Each difference.
    changes: Vec<diff::Change>,
}

impl Config {
    /// The schema of the command's answer.
    pub(super) fn schema(&self) -> &'static str {
        match self {
            Config::Log => "versions",
            Config::Show(_) => "config-files",
            Config::Diff(_) => "config-diff",
            Config::Rollback(_) | Config::Confirm => "applied",
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(super) struct Number {
    /// The version's number
    version: u64,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Two {
    /// The older one; without it, the one before that in force
    old: Option<u64>,
    /// The newer one; without it, the one in force
    new: Option<u64>,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Back {
    /// The version's number; without it, the one before that in force
    version: Option<u64>,

    /// Take it back after this time, such as 60s or 5m, unless it is confirmed
    #[arg(long, value_name = "TIME", value_parser = apply::time)]
    confirm: Option<Duration>,
}

pub(super) fn run(command: &Config, context: &mut Context<'_>) -> Result<(), Error> {
    let mut control = Client::connect(context.pair_socket()).map_err(Error::Control)?;
    match command {
        Config::Log => {
            let versions = control.versions().map_err(Error::Control)?;
            context.answer(&versions, show_log)
        }
        Config::Show(Number { version }) => {
            let number = VersionNumber { number: *version };
            let files = control.version_files(number).map_err(Error::Control)?;
            context.answer(&files, |files, out| show_files(&files.files, out))
        }
        Config::Diff(two) => differ(two, &mut control, context).map_err(|error| match error {
            Error::Differs => error,
            other => Error::NotCompared(Box::new(other)),
        }),
        Config::Rollback(Back { version, confirm }) => {
            let confirm_within = confirm.map(apply::milliseconds);
            let order = RollBack { version: *version, confirm_within };
            let applied = control.roll_back(order).map_err(Error::Control)?;
            context.answer(&applied, apply::show)
        }
        Config::Confirm => {
            let applied = control.confirm().map_err(Error::Control)?;
            context.answer(&applied, apply::show)
        }
    }
}

fn differ(two: &Two, control: &mut Client, context: &mut Context<'_>) -> Result<(), Error> {
    let kept = control.versions().map_err(Error::Control)?.versions;
    let number = |asked: Option<u64>, place: usize| {
        asked
            .or(kept.get(place).map(|version| version.number))
            .ok_or_else(|| Error::Usage("there is no version before the one in force".to_owned()))
    };
    let (old, new) = (number(two.old, 1)?, number(two.new, 0)?);
    let mut sources = |number| -> Result<Sources, Error> {
        let files = control.version_files(VersionNumber { number }).map_err(Error::Control)?.files;
        Ok(Sources::new(files.into_iter().map(|file| (file.name, file.text))))
    };
    let changes = compare(&sources(old)?, &sources(new)?).map_err(Error::Mistakes)?;
    let changes: Vec<diff::Change> = changes.into_iter().map(Into::into).collect();
    let differs = !changes.is_empty();
    context.answer(&Changes { old, new, differs, changes }, |answer, out| {
        answer.changes.iter().try_for_each(|change| diff::show_change(change, out))
    })?;
    context.out.flush()?;
    if differs { Err(Error::Differs) } else { Ok(()) }
}

fn show_log(versions: &Versions, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new([">VERSION", "SINCE", "HOW", ""]);
    for (place, version) in versions.versions.iter().enumerate() {
        let note = match (place, version.confirm_by) {
            (0, Some(until)) => {
                format!("in force, to be confirmed by {}", date::utc(until / 1000))
            }
            (0, None) => "in force".to_owned(),
            _ => String::new(),
        };
        table.row([version.number.to_string(), date::utc(version.time), how(version), note]);
    }
    table.write(out)
}

fn how(version: &Version) -> String {
    let how = match version.origin {
        VersionOrigin::Files => "read from the files",
        VersionOrigin::Applied => "applied",
        VersionOrigin::RolledBack => "rolled back",
        VersionOrigin::NotConfirmed => "not confirmed, back",
    };
    match version.of {
        Some(of) => format!("{how} to {of}"),
        None => how.to_owned(),
    }
}

fn show_files(files: &[VersionFile], out: &mut dyn Write) -> io::Result<()> {
    for (number, file) in files.iter().enumerate() {
        if files.len() > 1 {
            let between = if number == 0 { "" } else { "\n" };
            writeln!(out, "{between}# {}", file.name)?;
        }
        write!(out, "{}", file.text)?;
    }
    Ok(())
}
