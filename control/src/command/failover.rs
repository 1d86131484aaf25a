//! `tandem failover`: the active role moves to the other machine.

use std::io::{self, Write};

use api::{Client, Pair, Role};

use super::Context;
use crate::error::Error;

pub(super) const HELP: &str = "\
It waits until the standby machine has every connection, and until it is active. It is refused with
the reason where the other machine could not take over.

Examples:
  tandem failover";

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Error> {
    let mut control = Client::connect(context.pair_socket()).map_err(Error::Control)?;
    let pair = control.failover().map_err(Error::Control)?;
    context.answer(&pair, show)
}

fn show(pair: &Pair, out: &mut dyn Write) -> io::Result<()> {
    let peer = pair.peer.as_ref().map_or("the peer", |peer| &peer.name);
    let (active, standby) = match pair.own.role {
        Role::Active => (pair.own.name.as_str(), peer),
        Role::Standby => (peer, pair.own.name.as_str()),
    };
    writeln!(out, "{active} is active now, {standby} is standby.")
}
