//! `tandem check`: is a configuration right, and what does it mean?

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use config::{
    Checked, Config, Hook, HookAction, Interface, Masquerade, Mistake, Mistakes, Service,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use super::doctor::firewall::{Wanted, wanted};
use crate::error::Error;
use crate::output::units::{count, plural};

pub(super) const HELP: &str = "\
Every mistake is shown at once, with its place and what would be right; the exit code is 2 then.

Examples:
  tandem check /etc/tandem/tandem.toml
  tandem check new.toml && tandem apply new.toml --confirm 60s";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let result = Config::load_checked(&arguments.file);
    if context.json {
        context.answer(&document(&result), |_, _| Ok(()))?;
        context.out.flush()?;
        return result.map(|_| ()).map_err(Error::Reported);
    }
    let checked = result.map_err(Error::Mistakes)?;
    Ok(show(arguments, &checked, context.out)?)
}

/// What was found, and what the configuration needs of the machine.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    /// The configuration can be taken.
    valid: bool,
    /// What keeps it from being taken.
    mistakes: Vec<Place>,
    /// What is rather not meant so.
    warnings: Vec<Place>,
    /// The machine's `node.name`; none of a configuration with mistakes.
    name: Option<String>,
    /// What the kernel's firewall has to let through; none of a configuration with mistakes.
    open: Option<Vec<Open>>,
}

/// A mistake, and where it is.
#[derive(Serialize, JsonSchema)]
struct Place {
    /// The file.
    file: String,
    /// The line, counted from 1; none: it is about the file as a whole.
    line: Option<u32>,
    /// The column, counted from 1.
    column: Option<u32>,
    /// What is wrong.
    what: String,
    /// What would be right.
    remedy: String,
}

/// What the firewall has to let through.
#[derive(Serialize, JsonSchema)]
struct Open {
    /// What it is for.
    what: String,
    /// "tcp" or "udp".
    protocol: String,
    /// The port on this machine.
    port: u16,
}

fn document(result: &Result<Checked, Mistakes>) -> Answer {
    let (mistakes, warnings) = match result {
        Ok(checked) => (&Vec::new(), &checked.warnings),
        Err(found) => (&found.mistakes, &found.warnings),
    };
    let list = |mistakes: &Vec<Mistake>| mistakes.iter().map(one).collect::<Vec<_>>();
    let config = result.as_ref().ok().map(|checked| &checked.config);
    Answer {
        valid: result.is_ok(),
        mistakes: list(mistakes),
        warnings: list(warnings),
        name: config.map(|config| config.node.name.clone()),
        open: config.map(open),
    }
}

/// What the kernel's firewall has to let through.
fn open(config: &Config) -> Vec<Open> {
    let one = |wanted: &Wanted| {
        let (protocol, port) = (wanted.packet.transport.to_string(), wanted.packet.port);
        Open { what: wanted.what.to_owned(), protocol, port }
    };
    wanted(config).iter().map(one).collect()
}

fn one(mistake: &Mistake) -> Place {
    Place {
        file: mistake.file.clone(),
        line: mistake.place.map(|place| place.line),
        column: mistake.place.map(|place| place.column),
        what: mistake.what.clone(),
        remedy: mistake.remedy.clone(),
    }
}

fn show(arguments: &Arguments, checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    let Checked { config, warnings, .. } = checked;
    warnings.iter().try_for_each(|warning| writeln!(out, "{warning}"))?;
    writeln!(out, "{} is right{}.", arguments.file.display(), with(warnings.len()))?;
    writeln!(out)?;
    show_node(config, out)?;
    show_side("public", &config.public, out)?;
    show_side("private", &config.private, out)?;
    if config.masquerade.is_empty() {
        writeln!(out, "masquerade  nothing: private hosts open no connection to the public side")?;
    }
    config.masquerade.iter().try_for_each(|rule| show_masquerade(rule, out))?;
    if config.services.is_empty() {
        writeln!(out, "services    none: no client is served")?;
    }
    config.services.iter().try_for_each(|service| show_service(service, out))?;
    config.hooks.iter().try_for_each(|hook| show_hook(hook, out))
}

fn with(warnings: usize) -> String {
    if warnings == 0 { String::new() } else { format!(", with {}", plural(warnings, "warning")) }
}

fn show_node(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    let node = &config.node;
    let cores: Vec<String> = node.workers.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "node        {}: {} on core {}, room for {} connections",
        node.name,
        plural(node.workers.len(), "worker"),
        cores.join(", "),
        count(node.connections.into())
    )
}

fn show_side(name: &str, side: &Interface, out: &mut dyn Write) -> io::Result<()> {
    let floating: Vec<String> =
        side.floating.iter().map(|floating| floating.address.to_string()).collect();
    write!(out, "{name:<10}  {} at {}, mtu {}", side.device, side.address, side.mtu)?;
    if !floating.is_empty() {
        write!(out, ", floating {}", floating.join(", "))?;
    }
    if let Some(gateway) = side.gateway {
        write!(out, ", gateway {gateway}")?;
    }
    if !side.routes.is_empty() {
        write!(out, ", {}", plural(side.routes.len(), "route"))?;
    }
    writeln!(out)
}

fn show_masquerade(rule: &Masquerade, out: &mut dyn Write) -> io::Result<()> {
    let sources: Vec<String> = rule.source.iter().map(ToString::to_string).collect();
    let Masquerade { address, ports, .. } = rule;
    writeln!(out, "masquerade  {} as {address}, ports {ports}", sources.join(", "))
}

fn show_service(service: &Service, out: &mut dyn Write) -> io::Result<()> {
    let Service { name, listens, protocols, scheduler, servers, sorry, .. } = service;
    let draining = servers.iter().filter(|server| server.weight == 0).count();
    let servers = plural(servers.len(), "server");
    let listens: Vec<_> = listens.iter().map(ToString::to_string).collect();
    let protocols: Vec<_> = protocols.iter().map(ToString::to_string).collect();
    let (listens, protocols) = (listens.join(", "), protocols.join(", "));
    write!(out, "service     {name}: {listens} {protocols} to {servers} by {scheduler}")?;
    if !sorry.is_empty() {
        write!(out, ", {}", plural(sorry.len(), "sorry server"))?;
    }
    if draining > 0 {
        write!(out, ", {draining} draining")?;
    }
    if let Some(time) = service.detection_time() {
        write!(out, ", a failure is found out within {} s", time.as_secs_f64())?;
    }
    writeln!(out)
}

fn show_hook(hook: &Hook, out: &mut dyn Write) -> io::Result<()> {
    let Hook { name, on, severity, action, .. } = hook;
    write!(out, "hook        {name}: at {}", on.join(", "))?;
    if *severity > api::EventSeverity::Info {
        write!(out, " that matter as {severity} or more")?;
    }
    match action {
        HookAction::Command(command) => {
            let program = command.command.first().map_or("", String::as_str);
            let user = command.user.as_deref().unwrap_or(Hook::USER);
            write!(out, " runs {program} as {user}")?;
            if !std::path::Path::new(program).exists() {
                write!(out, "; this machine has no {program}")?;
            }
        }
        HookAction::Webhook(webhook) => write!(out, " sends them to {}", webhook.shown())?,
        _ => {}
    }
    writeln!(out)
}
