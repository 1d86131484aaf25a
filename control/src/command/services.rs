//! `tandem services`: services and their real servers.

use std::io::{self, Write};

use api::{ServerStatus, ServiceStatus, Services};

use super::Context;
use crate::error::Error;
use crate::output::Table;
use crate::output::units::{bytes, count};

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Error> {
    let services = context.client()?.services()?;
    context.answer(&services, show)
}

fn show(services: &Services, out: &mut dyn Write) -> io::Result<()> {
    if services.services.is_empty() {
        return writeln!(out, "There are no services in the configuration.");
    }
    for (index, service) in services.services.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        show_service(service, out)?;
    }
    Ok(())
}

fn show_service(service: &ServiceStatus, out: &mut dyn Write) -> io::Result<()> {
    let ServiceStatus { name, scheduler, .. } = service;
    let [listen, protocol] = service.listens_joined(", ");
    writeln!(
        out,
        "{name}: {listen} {protocol} by {scheduler}; {} connections, in {} packets {}, out {} \
         packets {}",
        count(service.connections_total),
        count(service.packets_in),
        bytes(service.bytes_in),
        count(service.packets_out),
        bytes(service.bytes_out)
    )?;
    if service.sorry_only {
        let to = match service.sorry.is_empty() {
            true => "nobody: it has no sorry server",
            false => "its sorry servers alone",
        };
        writeln!(out, "New connections go to {to}.")?;
    }
    if service.servers.is_empty() {
        writeln!(out, "It has no servers: clients get no answer.")?;
    } else {
        show_servers("SERVER", &service.servers, out)?;
    }
    if !service.sorry.is_empty() {
        show_servers("SORRY SERVER", &service.sorry, out)?;
    }
    Ok(())
}

fn show_servers(
    title: &'static str,
    servers: &[ServerStatus],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new([
        title,
        "STATE",
        "RETURN PATH",
        ">WEIGHT",
        ">ACTIVE",
        ">CONNECTIONS",
        ">PACKETS IN",
        ">IN",
        ">PACKETS OUT",
        ">OUT",
    ]);
    for server in servers {
        table.row([
            server.address.to_string(),
            state(server),
            server.return_path.to_string(),
            server.weight.to_string(),
            count(server.connections_active),
            count(server.connections_total),
            count(server.packets_in),
            bytes(server.bytes_in),
            count(server.packets_out),
            bytes(server.bytes_out),
        ]);
    }
    table.write(out)
}

/// The state, and what made the server suspect.
fn state(server: &ServerStatus) -> String {
    match server.suspect {
        Some(cause) => format!("{}, suspect ({cause})", server.state),
        None => server.state.to_string(),
    }
}
