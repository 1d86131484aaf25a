//! `tandem apply`: take other files as the configuration, for good or until it is confirmed.

use core::time::Duration;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use api::{Applied, Apply, Client, VersionFile};
use clap::Args;
use config::{Config, Sources};

use super::Context;
use crate::error::Error;
use crate::output::date;

pub(super) const HELP: &str = "\
FILE, and what it includes from its own folder, take the place of the files in force; then the \
dataplane reloads. Where it refuses, the old files are back. With --confirm they come back after \
that time by themselves, unless you type: tandem config confirm

Examples:
  tandem apply new.toml
  tandem apply new.toml --confirm 60s";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file to take
    file: PathBuf,

    /// Take it back after this time, such as 60s or 5m, unless it is confirmed
    #[arg(long, value_name = "TIME", value_parser = time)]
    confirm: Option<Duration>,
}

/// A time as it is in the configuration.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    config::parse_duration(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| format!("{text:?} is no time: write 60s, 5m or 1h"))
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    // Mistakes are told before anything is sent, with their places in this file.
    let checked = Config::load_checked(&arguments.file).map_err(Error::Mistakes)?;
    let files = below_its_folder(&arguments.file, &checked.sources)?;
    let apply = Apply { files, confirm_within: arguments.confirm.map(milliseconds) };
    let mut control = Client::connect(context.pair_socket()).map_err(Error::Control)?;
    let applied = control.apply(apply).map_err(Error::Control)?;
    context.answer(&applied, show)
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The files by their names below the first one's folder.
fn below_its_folder(file: &Path, sources: &Sources) -> Result<Vec<VersionFile>, Error> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let below = |source: &config::Source| {
        let name = Path::new(&source.name).strip_prefix(folder).ok().and_then(Path::to_str);
        let name = name.filter(|name| !name.starts_with('/')).ok_or_else(|| {
            Error::Usage(format!(
                "{} is not below the folder of {}: what is applied lies in one folder, and is \
                 included by paths below it",
                source.name,
                file.display()
            ))
        })?;
        Ok(VersionFile { name: name.to_owned(), text: source.text.clone() })
    };
    sources.files().iter().map(below).collect()
}

pub(super) fn show(applied: &Applied, out: &mut dyn Write) -> io::Result<()> {
    let Applied { version, generation, warnings } = applied;
    warnings.iter().try_for_each(|warning| writeln!(out, "{warning}"))?;
    writeln!(
        out,
        "Version {} of the configuration is in force, generation {generation}.",
        version.number
    )?;
    if let Some(until) = version.confirm_by {
        writeln!(
            out,
            "The one before comes back at {} unless you type: tandem config confirm",
            date::utc(until / 1000)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_below_the_folder_of_the_first() {
        let sources = |names: &[&str]| {
            Sources::new(names.iter().map(|name| ((*name).to_owned(), String::new())))
        };
        let named = |file: &str, names: &[&str]| {
            let files = below_its_folder(Path::new(file), &sources(names));
            files.map(|files| files.into_iter().map(|file| file.name).collect::<Vec<_>>())
        };
        let names = named("/new/t.toml", &["/new/t.toml", "/new/services.d/a.toml"]).unwrap();
        assert_eq!(names, ["t.toml", "services.d/a.toml"]);
        assert_eq!(named("t.toml", &["t.toml", "s/a.toml"]).unwrap(), ["t.toml", "s/a.toml"]);
        for (file, names) in [
            ("/new/t.toml", ["/new/t.toml", "/etc/other.toml"]),
            ("t.toml", ["t.toml", "/etc/other.toml"]),
        ] {
            let error = named(file, &names).unwrap_err().to_string();
            assert!(error.contains("/etc/other.toml"), "{error}");
        }
    }
}
