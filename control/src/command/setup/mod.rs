//! `tandem setup`: prepares a machine for the dataplane, and takes it back again.
//!
//! [`wishes`] turns the command line and an existing configuration into what is wanted; [`plan`]
//! compares that with the machine and makes a list of [`action`]s of what differs, so that a
//! second run has nothing to do. [`show`] writes the list, [`apply`] carries it out and keeps a
//! [`record`] of what was there before, from which [`undo`] puts it back.

mod action;
pub(super) mod address;
mod apply;
mod ask;
mod boot;
mod configuration;
mod cores;
mod nic;
mod pages;
mod plan;
mod record;
mod running;
mod show;
#[cfg(test)]
mod tests;
mod undo;
mod vfio;
mod wishes;

use std::io::IsTerminal;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::Args;
use config::{Cidr, Config};
use host::Host;
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use super::doctor::run_tool_for_long;
use crate::error::Error;
use action::Action;
use apply::Applier;
use plan::Plan;
use record::Record;
use undo::Undone;

pub(super) const HELP: &str = "\
It shows first what it would do, and asks. What it changes is recorded in \
/var/lib/tandem/setup.json, and --undo puts it back. A second run has nothing to do.

Examples:
  tandem setup --public eth1 --private eth2 --dry-run
  tandem setup --public 0000:03:00.0 --private 0000:03:00.1 --cores 2,4 --hugepages 1G
  tandem setup --undo";

#[derive(Clone, Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Each is a flag of its own.
pub(super) struct Arguments {
    /// The NIC towards clients: PCI address, kernel interface or MAC address
    #[arg(long, value_name = "NIC")]
    public: Option<String>,
    /// The NIC towards the real servers, in the same words
    #[arg(long, value_name = "NIC")]
    private: Option<String>,
    /// The cores that forward, such as 2,4 or 2-5; by default some on the NICs' NUMA node
    #[arg(long, value_name = "LIST")]
    cores: Option<String>,
    /// Hugepages in all: a size such as 1G, or a number of pages
    #[arg(long, value_name = "SIZE", value_parser = pages::parse)]
    hugepages: Option<pages::Amount>,
    /// Use vfio-pci without an IOMMU: the NICs can then write to all of the machine's memory
    #[arg(long)]
    no_iommu: bool,
    /// Leave the workers' cores to everything else on this machine as well
    #[arg(long)]
    no_isolation: bool,
    /// The configuration; one that exists is never overwritten
    #[arg(long, value_name = "PATH", default_value = "/etc/tandem/tandem.toml")]
    config: PathBuf,
    /// This machine's name, for a first configuration
    #[arg(long)]
    name: Option<String>,
    /// This machine's own address on the public side, such as 198.51.100.2/24
    #[arg(long, value_name = "ADDRESS/PREFIX", value_parser = address::parse)]
    public_address: Option<Cidr<Ipv4Addr>>,
    /// This machine's own address on the private side, such as 10.0.0.2/24
    #[arg(long, value_name = "ADDRESS/PREFIX", value_parser = address::parse)]
    private_address: Option<Cidr<Ipv4Addr>>,
    /// The address that clients use, such as 198.51.100.10
    #[arg(long, value_name = "ADDRESS")]
    virtual_ip: Option<Ipv4Addr>,
    /// The real servers' default route, such as 10.0.0.1
    #[arg(long, value_name = "ADDRESS")]
    gateway_address: Option<Ipv4Addr>,
    /// The router that leads to the clients, such as 198.51.100.1
    #[arg(long, value_name = "ADDRESS")]
    public_gateway: Option<Ipv4Addr>,
    /// Work on the files below another root directory, and run nothing
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Take NICs that carry an address, a route or an SSH session as well; with --undo, put files
    /// back that were changed since, and keep the changed ones as *.tandem-old
    #[arg(long)]
    force: bool,
    /// Put everything back as it was
    #[arg(long)]
    undo: bool,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    if !arguments.root.is_dir() {
        let message = format!("--root {} is not a directory", arguments.root.display());
        return Err(Error::Usage(message));
    }
    let host = Host::at(&arguments.root);
    let is_live = host.is_running();
    let applier = Applier { host: &host, is_live, tool: &run_tool_for_long };
    if arguments.undo {
        undo(arguments, &applier, context)
    } else {
        set_up(arguments, &applier, context)
    }
}

fn set_up(
    arguments: &Arguments,
    applier: &Applier<'_>,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let mut wishes = wishes::of(arguments, applier.host)?;
    let may_ask = !(arguments.yes || arguments.dry_run || context.json)
        && std::io::stdin().is_terminal()
        && wishes.writes_configuration;
    if may_ask {
        ask::addresses(&mut wishes.addresses, context.out)?;
    }
    let mut record = Record::load(applier.host)?;
    let plan = plan::of(&wishes, applier, &record)?;
    if !context.json {
        show::plan(&plan, applier.host, context.out)?;
    }
    if plan.actions.is_empty() || arguments.dry_run || !plan.problems.is_empty() {
        return finish(arguments, &plan, false, context);
    }
    if !is_agreed(arguments, context)? {
        writeln!(context.out, "Nothing was changed.")?;
        return Ok(());
    }
    let is_loud = !context.json;
    let out = &mut *context.out;
    applier.apply(&plan.actions, &mut record, &mut |line| {
        if is_loud { writeln!(out, "{line}") } else { Ok(()) }
    })?;
    finish(arguments, &plan, true, context)
}

/// What was done, or would be.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// It was done.
    done: bool,
    /// The steps; none with `--undo`.
    actions: Vec<Action>,
    /// What has to be mended before anything is done.
    problems: Vec<String>,
    /// What is left to do by hand.
    left: Vec<String>,
    /// What the operator should know of what was put back.
    notes: Vec<String>,
    /// What is put back, with `--undo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<String>>,
}

/// The end of a run: what is left to do.
fn finish(
    arguments: &Arguments,
    plan: &Plan,
    is_done: bool,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    if context.json {
        let Plan { actions, problems, left, .. } = plan;
        let answer = Answer {
            done: is_done,
            actions: actions.clone(),
            problems: problems.clone(),
            left: left.clone(),
            ..Answer::default()
        };
        context.answer(&answer, |_, _| Ok(()))?;
    } else {
        show::end(plan, is_done, context.out)?;
    }
    context.out.flush()?;
    if plan.problems.is_empty() || arguments.dry_run {
        return Ok(());
    }
    let message = "nothing was changed: what stands in the way has to be mended first";
    if context.json { Err(Error::FoundWrong) } else { Err(Error::Setup(message.to_owned())) }
}

fn undo(
    arguments: &Arguments,
    applier: &Applier<'_>,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let mut record = Record::load(applier.host)?;
    let steps = undo::steps(&record, applier.host);
    if context.json && (arguments.dry_run || record.is_empty()) {
        let answer = Answer { steps: Some(steps), ..Answer::default() };
        return context.answer(&answer, |_, _| Ok(()));
    }
    if record.is_empty() {
        let path = record::PATH;
        writeln!(context.out, "Nothing is to be undone: {path} has nothing that setup did.")?;
        return Ok(());
    }
    if !context.json {
        writeln!(context.out, "This puts back what tandem setup changed:\n")?;
        steps.iter().try_for_each(|step| writeln!(context.out, "  {step}"))?;
        writeln!(context.out)?;
    }
    if arguments.dry_run {
        writeln!(context.out, "Nothing was changed (--dry-run).")?;
        return Ok(());
    }
    let config_path = wishes::config_path(arguments, applier.host)?;
    let config = Config::load(applier.host.file(config_path)).ok();
    if let Some(problem) = running::problem(applier, config.as_ref()) {
        return Err(Error::Setup(format!("nothing was changed: {problem}")));
    }
    if !is_agreed(arguments, context)? {
        writeln!(context.out, "Nothing was changed.")?;
        return Ok(());
    }
    let Undone { failures, notes } = undo::undo(applier, &mut record, arguments.force)?;
    if context.json {
        let (done, left) = (failures.is_empty(), failures.clone());
        let answer = Answer { done, left, notes, steps: Some(steps), ..Answer::default() };
        context.answer(&answer, |_, _| Ok(()))?;
    } else {
        notes.iter().try_for_each(|note| writeln!(context.out, "{note}"))?;
        if failures.is_empty() {
            let rest = if notes.is_empty() { "Everything" } else { "Everything else" };
            writeln!(
                context.out,
                "{rest} is as it was. Isolated cores and the like are until the next start."
            )?;
        }
    }
    context.out.flush()?;
    if failures.is_empty() {
        return Ok(());
    }
    if context.json { Err(Error::FoundWrong) } else { Err(Error::Setup(failures.join("\n"))) }
}

fn is_agreed(arguments: &Arguments, context: &mut Context<'_>) -> Result<bool, Error> {
    if arguments.yes {
        return Ok(true);
    }
    if context.json || !std::io::stdin().is_terminal() {
        return Err(Error::Usage(
            "there is no terminal to ask on: add --yes to do it, or --dry-run to look at it only"
                .to_owned(),
        ));
    }
    ask::agreement(context.out)
}
