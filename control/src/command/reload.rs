//! `tandem reload`: have the configuration read again.

use std::io::{self, Write};

use api::{Reload, Reloaded};

use super::Context;
use crate::error::Error;

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Error> {
    let reloaded = context.client()?.reload(Reload::default())?;
    context.answer(&reloaded, show)
}

fn show(reloaded: &Reloaded, out: &mut dyn Write) -> io::Result<()> {
    reloaded.warnings.iter().try_for_each(|warning| writeln!(out, "{warning}"))?;
    writeln!(out, "Generation {} of the configuration is in force.", reloaded.generation)
}
