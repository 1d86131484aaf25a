//! `tandem services`: services and their real servers.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::SocketAddr;

use api::{
    Client, ConnectionLimit, PeerExchange, Pool, PoolServer, Pools, ServerStatus, ServiceStatus,
    Services,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, pools};
use crate::error::Error;
use crate::output::units::{bytes, count};
use crate::output::{Table, colour};

pub(super) const HELP: &str = "\
Below each service stands why a server is not up, and since when.

Examples:
  tandem services
  tandem services --json | jq -r '.pools[].servers[] | select(.operational == \"down\").address'";

pub(super) fn run(context: &mut Context<'_>) -> Result<(), Error> {
    let mut client = context.client()?;
    let services = client.services()?;
    let whole = Answer { services, pools: pools::fetch(context).map(OfControl::from) };
    if context.json {
        return context.answer(&whole, |_, _| Ok(()));
    }
    show(&whole, &mut client, context.out)?;
    Ok(())
}

/// What the dataplane says, and what tandem-control does where it runs.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    services: Services,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pools: Option<OfControl>,
}

/// The pools beside the services, whose answer has a generation of its own.
#[derive(Serialize, JsonSchema)]
struct OfControl {
    /// The generation of the configuration that the pools are of.
    #[serde(rename = "pools_generation")]
    generation: u64,
    /// What tandem-control knows of the real servers.
    pools: Vec<Pool>,
    /// What the operator has to mend, each a sentence without its full stop.
    warnings: Vec<String>,
    /// How the exchange of states with the peer is.
    peer: Option<PeerExchange>,
}

impl From<Pools> for OfControl {
    fn from(Pools { pools, warnings, peer, generation, .. }: Pools) -> Self {
        OfControl { generation, pools, warnings, peer }
    }
}

fn show(whole: &Answer, client: &mut Client, out: &mut dyn Write) -> io::Result<()> {
    let Answer { services, pools } = whole;
    if services.services.is_empty() {
        return writeln!(out, "There are no services in the configuration.");
    }
    let pools = pools.as_ref();
    let named: HashMap<&str, &Pool> =
        pools.iter().flat_map(|all| &all.pools).map(|pool| (pool.service.as_str(), pool)).collect();
    for (index, service) in services.services.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let pool = named.get(service.name.as_str()).copied();
        show_service(service, pool, out)?;
        if let Some(pool) = pool {
            pools::alarms(pool).iter().try_for_each(|alarm| writeln!(out, "ALARM: {alarm}"))?;
            pools::notes(pool, client, out)?;
        }
    }
    let warnings = pools.iter().flat_map(|all| &all.warnings);
    for warning in warnings {
        writeln!(out, "\nWarning: {warning}.")?;
    }
    Ok(())
}

fn show_service(
    service: &ServiceStatus,
    pool: Option<&Pool>,
    out: &mut dyn Write,
) -> io::Result<()> {
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
    if let Some(ConnectionLimit { most, counted, full, .. }) = &service.limit {
        let full = if *full { ": it is full" } else { "" };
        writeln!(out, "It takes {} connections and has {}{full}.", most, counted)?;
    }
    if service.sorry_only {
        let to = match service.sorry.is_empty() {
            true => "nobody: it has no sorry server",
            false => "its sorry servers alone",
        };
        writeln!(out, "New connections go to {to}.")?;
    }
    if let Some(clients) = service.persistent_clients {
        writeln!(out, "{} clients keep their servers.", count(clients))?;
    }
    let of_pool: HashMap<SocketAddr, &PoolServer> =
        pool.iter().flat_map(|pool| &pool.servers).map(|server| (server.address, server)).collect();
    let known = |server: &ServerStatus| of_pool.get(&server.address).copied();
    if service.servers.is_empty() {
        writeln!(out, "It has no servers: clients get no answer.")?;
    } else {
        show_servers("SERVER", &service.servers, &known, out)?;
    }
    if !service.sorry.is_empty() {
        show_servers("SORRY SERVER", &service.sorry, &known, out)?;
    }
    Ok(())
}

fn show_servers<'p>(
    title: &'static str,
    servers: &[ServerStatus],
    known: &dyn Fn(&ServerStatus) -> Option<&'p PoolServer>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new([
        title,
        "STATE",
        "RETURN PATH",
        ">WEIGHT",
        ">EFFECTIVE",
        ">ACTIVE",
        ">CLOSING",
        ">CONNECTIONS",
        ">PACKETS IN",
        ">IN",
        ">PACKETS OUT",
        ">OUT",
    ]);
    let has_colours = colour::are_wanted();
    for server in servers {
        let known = known(server);
        let colour = known.filter(|_| has_colours).map(pools::colour);
        let (weight, effective) = weights(server, known);
        let cells = [
            api::server_name(&server.address),
            state(server, known),
            server.return_path.to_string(),
            weight,
            effective,
            count(server.connections_active),
            count(server.connections_closing),
            count(server.connections_total),
            count(server.packets_in),
            bytes(server.bytes_in),
            count(server.packets_out),
            bytes(server.bytes_out),
        ];
        table.coloured_row(cells, colour);
    }
    table.write(out)
}

/// The configured weight, or the one that was set, and the one that counts now. Where only the
/// dataplane is asked there is one of them.
fn weights(server: &ServerStatus, known: Option<&PoolServer>) -> (String, String) {
    match known {
        None => (server.weight.to_string(), String::new()),
        Some(known) => {
            let weight = known.set_weight.unwrap_or(known.configured_weight);
            (weight.to_string(), pools::effective(known))
        }
    }
}

/// The state, what made the server suspect, and how far its limit is reached.
fn state(server: &ServerStatus, known: Option<&PoolServer>) -> String {
    let state = known.map_or_else(|| server.state.to_string(), pools::word);
    let suspect = server.suspect.map(|cause| format!(", suspect ({cause})")).unwrap_or_default();
    let limit = server.limit.map(|ConnectionLimit { most, counted, full, .. }| {
        format!(", {}{counted}/{most}", if full { "full " } else { "" })
    });
    format!("{state}{suspect}{}", limit.unwrap_or_default())
}
