//! One table, or all rates as JSON, after one interval.

use std::io::{self, Write};
use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use super::app::App;
use super::clients::{self, Clients};
use super::{Arguments, Group};
use crate::command::Context;
use crate::command::rates::{self, Rates};
use crate::command::status::{ask, unanswered};
use crate::error::Error;
use crate::output::colour;
use crate::output::table::{Align, Table};
use crate::output::units::count;

/// All rates, and the clients if they are counted.
#[derive(Serialize, JsonSchema)]
pub(in crate::command) struct Answer<'a> {
    #[serde(flatten)]
    rates: &'a Rates,
    /// The clients that have most connections; none unless they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    clients: Option<Vec<ClientCount>>,
}

#[derive(Serialize, JsonSchema)]
struct ClientCount {
    /// The client's address.
    client: String,
    /// Its connections.
    connections: u64,
    /// Those of them whose ends have not answered each other.
    half_open: u64,
}

pub(super) fn run(
    arguments: &Arguments,
    mut app: App,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let (before, begun) = (ask(context.socket)?, Instant::now());
    unanswered(&before)?;
    let clients = match arguments.counts_clients() {
        true => Some(clients::walk(context.socket, &|| false).map_err(io::Error::other)?),
        false => None,
    };
    std::thread::sleep(arguments.interval.saturating_sub(begun.elapsed()));
    let now = ask(context.socket)?;
    unanswered(&now)?;
    let rates = rates::between(&before, &now, begun.elapsed()).unwrap_or_default();
    if context.json {
        let clients = clients.map(|clients| listed(&clients, arguments.lines));
        return context.answer(&Answer { rates: &rates, clients }, |_, _| Ok(()));
    }
    app.rates = Some(rates);
    app.clients = clients.map(Ok);
    write(&app, arguments.lines, context.out)?;
    Ok(())
}

fn listed(clients: &Clients, most: usize) -> Vec<ClientCount> {
    let one = |(client, count): &(std::net::IpAddr, clients::Count)| ClientCount {
        client: client.to_string(),
        connections: count.connections,
        half_open: count.half_open,
    };
    clients.clients.iter().take(most).map(one).collect()
}

/// The table, in the order that it is sorted by.
pub(super) fn write(app: &App, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let rows = app.rows();
    if rows.is_empty() {
        let of = match app.group {
            Group::Drops => "No packet was dropped.",
            Group::Clients => "No client has a connection.",
            _ => "There is nothing to show.",
        };
        return writeln!(out, "{of}");
    }
    let mut table = Table::of(app.group.columns().iter().map(|column| {
        let align = if column.is_text { Align::Left } else { Align::Right };
        (column.heading, align)
    }));
    let has_colours = colour::are_wanted();
    for row in rows.iter().take(most) {
        let cells = row.cells.iter().map(|cell| cell.text.clone()).collect();
        table.add(cells, row.colour.filter(|_| has_colours));
    }
    table.write(out)?;
    if rows.len() > most {
        writeln!(out, "{most} of {} rows; --lines shows more", count(rows.len() as u64))?;
    }
    Ok(())
}
