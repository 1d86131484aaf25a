//! `tandem neighbours`: the neighbours of both sides.

use std::io::{self, Write};

use api::Neighbours;

use super::Context;
use crate::error::Error;
use crate::output::Table;
use crate::output::units::seconds;

pub(super) const HELP: &str = "\
One that is incomplete does not answer ARP: nothing can be sent to it.

Examples:
  tandem neighbours
  tandem neighbours --json | jq -r '.entries[] | select(.state == \"incomplete\").address'";

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Error> {
    let neighbours = context.client()?.neighbours()?;
    context.answer(&neighbours, show)
}

fn show(neighbours: &Neighbours, out: &mut dyn Write) -> io::Result<()> {
    if neighbours.entries.is_empty() {
        return writeln!(out, "No neighbours are known yet: nothing was sent or received.");
    }
    let mut table = Table::new(["SIDE", "ADDRESS", "MAC", "STATE", ">AGE"]);
    for neighbour in &neighbours.entries {
        table.row([
            neighbour.side.to_string(),
            neighbour.address.to_string(),
            neighbour.mac.clone().unwrap_or_default(),
            neighbour.state.to_string(),
            seconds(neighbour.age_seconds),
        ]);
    }
    table.write(out)
}
