//! `tandem upgrade`: another release of the image, on this machine or on both of the pair.
//!
//! RAUC verifies the file and writes the slot that does not run; GRUB starts it and counts; the
//! image's tandem-good judges it. What is here is the order of steps: nothing begins while a
//! machine would be left without a slot that is known to be well, or its clients without a
//! machine.

mod bundle;
mod own;
mod pair;

use std::path::PathBuf;

use clap::Args;

use super::Context;
use crate::error::Error;
use crate::upgrade::Machine;
use crate::upgrade::machine::is_newer;
use bundle::Bundle;
use own::Own;

pub(super) const HELP: &str = "\
FILE is verified and written to the slot that does not run; an active machine hands its role over; \
then it restarts. A new slot that is not well within two minutes is left for the old one. With \
--pair the peer gets the file, restarts and has to be ready again before this machine goes on; where \
something is not right, it stops and says so, and can be typed again.

Examples:
  tandem upgrade tandem-0.2.0+20260301120000.raucb
  tandem upgrade --pair tandem-0.2.0+20260301120000.raucb";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The upgrade: tandem-VERSION.raucb
    file: PathBuf,

    /// Upgrade both machines of the pair, one after the other
    #[arg(long)]
    pair: bool,

    /// Also take a release that is not newer than the one that runs
    #[arg(long)]
    downgrade: bool,

    /// Restart even when this machine forwards and no peer can take over: connections are lost
    #[arg(long, conflicts_with = "pair")]
    without_peer: bool,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let machine = Machine::default();
    let own = Own::of(&machine)?;
    let bundle = Bundle::read(&arguments.file)?;
    let bundle = &bundle;
    tell(
        context,
        &format!(
            "{} is release {}, and its signature is right. This machine runs {} from slot {}.",
            bundle.file.display(),
            bundle.release,
            own.release,
            own.slot
        ),
    )?;
    if arguments.pair {
        pair::upgrade_peer(bundle, arguments.downgrade, context)?;
        if own.release == bundle.release {
            return tell(context, "This machine runs it already: both do now.");
        }
    }
    refuse_older(bundle, &own.release, arguments.downgrade)?;
    own.upgrade(bundle, arguments.without_peer, context)
}

/// An older release may not know what the machine has written since.
fn refuse_older(bundle: &Bundle, running: &str, downgrade: bool) -> Result<(), Error> {
    if downgrade || is_newer(&bundle.release, running) {
        return Ok(());
    }
    Err(Error::Upgrade(format!(
        "{} is release {}, which is not newer than {running}, and nothing was changed: add \
         --downgrade to install it all the same",
        bundle.file.display(),
        bundle.release
    )))
}

/// Says what happens, at once.
fn tell(context: &mut Context<'_>, line: &str) -> Result<(), Error> {
    context.progress(line)
}
