//! `tandem counters`: every counter, and dropped packets by reason.

use std::collections::BTreeSet;
use std::io::{self, Write};

use api::{Counters, MempoolUse};
use clap::Args;

use super::Context;
use crate::error::Error;
use crate::output::Table;
use crate::output::units::count;

pub(super) const HELP: &str = "\
docs/counters.md says what each counts, and what to do about drops.

Examples:
  tandem counters
  tandem counters --all
  tandem counters --json | jq '.drops[] | select(.packets > 0)'";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// Show counters that are zero as well
    #[arg(long)]
    all: bool,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let counters = context.client()?.counters()?;
    context.answer(&counters, |counters, out| {
        show_counters(counters, arguments.all, out)?;
        writeln!(out)?;
        show_mempools(&counters.mempools, out)?;
        show_drops(counters, arguments.all, out)
    })
}

fn show_counters(counters: &Counters, all: bool, out: &mut dyn Write) -> io::Result<()> {
    let names: BTreeSet<&String> =
        counters.workers.iter().flat_map(|worker| worker.counters.keys()).collect();
    let mut table = Table::new(["COUNTER", ">CORE", ">VALUE"]);
    let mut shown = false;
    for name in names {
        for worker in &counters.workers {
            let value = worker.counters.get(name).copied().unwrap_or(0);
            if value > 0 || all {
                table.row([name.clone(), worker.core.to_string(), count(value)]);
                shown = true;
            }
        }
    }
    for (name, &value) in &counters.main_core {
        if value > 0 || all {
            table.row([name.clone(), "main".to_owned(), count(value)]);
            shown = true;
        }
    }
    if shown { table.write(out) } else { writeln!(out, "Nothing was counted yet.") }
}

fn show_mempools(mempools: &[MempoolUse], out: &mut dyn Write) -> io::Result<()> {
    if mempools.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["BUFFERS OF", ">IN USE", ">OF"]);
    for pool in mempools {
        table.row([pool.name.clone(), count(pool.in_use), count(pool.size)]);
    }
    table.write(out)?;
    writeln!(out)
}

fn show_drops(counters: &Counters, all: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut drops: Vec<_> = counters.drops.iter().filter(|drop| drop.packets > 0 || all).collect();
    drops.sort_by_key(|drop| std::cmp::Reverse(drop.packets));
    if drops.is_empty() {
        return writeln!(out, "No packet was dropped.");
    }
    let mut table = Table::new(["DROP REASON", ">PACKETS", "MEANING"]);
    for drop in drops {
        table.row([drop.name.clone(), count(drop.packets), drop.description.clone()]);
    }
    table.write(out)
}
