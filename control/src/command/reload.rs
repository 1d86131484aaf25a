//! `tandem reload`: have the configuration read again.
//!
//! tandem-control is asked where it answers, since it follows at once and knows what it cannot
//! take while it runs. Where it does not, the dataplane is asked, and tandem-control follows when
//! it is there.

use std::io::{self, Write};

use api::client::ClientError;
use api::{Client, FailureKind, Reload, Reloaded};

use super::Context;
use crate::error::Error;

pub(super) const HELP: &str = "\
tandem diff shows first what it would change. A file with mistakes is refused as a whole (exit code
2), and what is in force stays.

Examples:
  tandem reload";

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Error> {
    let by_control =
        Client::connect(context.pair_socket()).and_then(|mut c| c.reload(Reload::default()));
    let reloaded = match by_control {
        Ok(reloaded) => reloaded,
        Err(error) if is_final(&error) => return Err(error.into()),
        Err(_) => context.client()?.reload(Reload::default())?,
    };
    context.answer(&reloaded, show)
}

/// True when the dataplane itself has said that it does not reload.
fn is_final(error: &ClientError) -> bool {
    match error {
        ClientError::Failed(failure) => {
            !matches!(failure.failure, FailureKind::NotNow | FailureKind::Malformed)
        }
        _ => false,
    }
}

fn show(reloaded: &Reloaded, out: &mut dyn Write) -> io::Result<()> {
    reloaded.warnings.iter().try_for_each(|warning| writeln!(out, "{warning}"))?;
    writeln!(out, "Generation {} of the configuration is in force.", reloaded.generation)
}
