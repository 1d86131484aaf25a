//! `tandem key`: the key that both machines of a pair share.

mod install;
mod status;

use std::path::PathBuf;

use api::{Client, Pair};
use clap::{Args, Subcommand};
use config::{Config, Peer};

pub(super) use status::Answer;

use super::Context;
use crate::error::Error;
use crate::key::{KeyFiles, SharedKey};
use crate::pair_key::machines::Machines;
use crate::pair_key::rotation::{self, PATIENCE};

pub(super) const HELP: &str = "\
A key is never shown; the number that it is called by tells nothing of it. No command here moves the \
active role or disturbs a connection.

Examples:
  tandem key status
  tandem key rotate          a pair whose key is to be changed, on either machine
  tandem key new             a new pair: on one machine; copy the file to the other,
  tandem key install FILE    and there";

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Key {
    /// Show which keys both machines use and accept
    #[command(after_help = "Examples:\n  tandem key status")]
    Status(Of),
    /// Have both machines use a new key; or bring a change to its end that was cut off
    #[command(after_help = "Examples:\n  tandem key rotate")]
    Rotate(Of),
    /// Make a key where this machine has none
    #[command(after_help = "Examples:\n  tandem key new")]
    New(Of),
    /// Use the other machine's key, which was copied here
    #[command(after_help = "Examples:\n  tandem key install /root/peer.key")]
    Install(install::Arguments),
}

/// Whose key.
#[derive(Clone, Debug, Args)]
pub(super) struct Of {
    /// The configuration file, which names the key's
    #[arg(long, value_name = "FILE", default_value = "/etc/tandem/tandem.toml")]
    config: PathBuf,
}

impl Of {
    fn peer(&self) -> Result<Peer, Error> {
        let config = Config::load(&self.config).map_err(Error::Mistakes)?;
        config.peer.ok_or_else(|| {
            Error::Key(format!("there is no [peer] in {}: it names the key", self.config.display()))
        })
    }
}

pub(super) fn run(command: &Key, context: &mut Context<'_>) -> Result<(), Error> {
    match command {
        Key::Status(of) => status::run(&of.peer()?, context),
        Key::Rotate(of) => rotate(&of.peer()?, context),
        Key::New(of) => new(&of.peer()?, context),
        Key::Install(arguments) => install::run(arguments, context),
    }
}

fn rotate(peer: &Peer, context: &mut Context<'_>) -> Result<(), Error> {
    let stop = |why: &str| Error::Key(format!("{why}. It stops here, and can be typed again"));
    let name = peers_name(&pair(context)?);
    let mut machines = Machines::new(peer, &context.pair_socket())?;
    let mut written = Ok(());
    let rotated = rotation::rotate(&mut machines, &name, PATIENCE, |line| {
        if written.is_ok() {
            written = tell(context, line);
        }
    });
    let key = rotated.map_err(|why| stop(&why))?;
    written?;
    tell(context, &format!("Both machines use the key {key}, and hold no other."))
}

fn new(peer: &Peer, context: &mut Context<'_>) -> Result<(), Error> {
    let file = &peer.key_file;
    if file.exists() {
        return Err(Error::Key(format!(
            "{} is there already: tandem key rotate has both machines of a pair use another one",
            file.display()
        )));
    }
    let key = SharedKey::random().map_err(|error| Error::Key(error.to_string()))?;
    KeyFiles::of(file).create(&key).map_err(|error| Error::Key(error.to_string()))?;
    tell(
        context,
        &format!(
            "The key {} is in {}. Copy that file to the other machine by a safe way, and type there: \
             tandem key install FILE",
            key.fingerprint(),
            file.display()
        ),
    )
}

/// How the pair is, in tandem-control's words.
fn pair(context: &Context<'_>) -> Result<Pair, Error> {
    let mut control = Client::connect(context.pair_socket()).map_err(Error::Control)?;
    control.pair().map_err(Error::Control)
}

fn peers_name(pair: &Pair) -> String {
    pair.peer.as_ref().map_or_else(|| "the peer".to_owned(), |peer| peer.name.clone())
}

/// Writes a line at once.
fn tell(context: &mut Context<'_>, line: &str) -> Result<(), Error> {
    context.progress(line)
}
