//! `tandem connections` lists connections, page by page.

use std::io::{self, Write};
use std::net::IpAddr;

use api::{Client, Connection, Cursor, Filter, Page};
use clap::Args;

use super::{Context, schema};
use crate::error::Error;
use crate::output::Table;
use crate::output::units::{count, seconds};

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// Show at most this many connections
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    /// Show all connections
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Show only the connections of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Show only connections with this address at one of their ends
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let filter = Filter { service: arguments.service.clone(), address: arguments.address };
    let most = if arguments.all { u64::MAX } else { arguments.limit };
    let mut pages = Pages::new(context.client()?, filter, most);
    if context.json { write_json(&mut pages, context.out) } else { show(&mut pages, context.out) }
}

/// The pages one after the other, none kept: a table may hold millions.
pub(super) struct Pages {
    client: Client,
    filter: Filter,
    left: u64,
    /// The generation of the last page.
    generation: u64,
    cursor: Option<Cursor>,
    ended: bool,
}

impl Pages {
    /// Those of the connections that match, so many at the most.
    pub(super) fn new(client: Client, filter: Filter, most: u64) -> Self {
        Pages { client, filter, left: most, generation: 0, cursor: None, ended: false }
    }

    /// The next page; none after the last, and when as many as wanted were shown.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Connection>>, Error> {
        if self.ended || self.left == 0 {
            return Ok(None);
        }
        let limit = u32::try_from(self.left).unwrap_or(Page::LIMIT).min(Page::LIMIT);
        let page = Page { cursor: self.cursor, limit, filter: self.filter.clone() };
        let mut page = self.client.connections(page)?;
        page.entries.truncate(limit as usize);
        self.left -= page.entries.len() as u64;
        self.ended = page.next.is_none();
        (self.cursor, self.generation) = (page.next, page.generation);
        Ok(Some(page.entries))
    }
}

/// As every answer, with an entry a line.
fn write_json(pages: &mut Pages, out: &mut dyn Write) -> Result<(), Error> {
    write!(out, "{{{}, \"entries\": [", schema::head("connections"))?;
    let mut first = true;
    while let Some(entries) = pages.next()? {
        for connection in entries {
            out.write_all(if first { b"\n  " } else { b",\n  " })?;
            first = false;
            serde_json::to_writer(&mut *out, &connection).map_err(io::Error::from)?;
        }
    }
    let next = serde_json::to_string(&pages.cursor).map_err(io::Error::from)?;
    writeln!(out, "\n], \"next\": {next}, \"generation\": {}}}", pages.generation)?;
    Ok(())
}

fn show(pages: &mut Pages, out: &mut dyn Write) -> Result<(), Error> {
    let mut table = Table::new([
        "TYPE",
        "PROTOCOL",
        "STATE",
        "SERVICE",
        "SOURCE",
        "DESTINATION",
        "SENT ON FROM",
        "SENT ON TO",
        ">IDLE",
        ">EXPIRES",
        ">WORKER",
    ]);
    let mut shown = 0;
    while let Some(entries) = pages.next()? {
        shown += entries.len() as u64;
        entries.iter().for_each(|connection| add(connection, &mut table));
        if shown > 0 {
            table.write(out)?;
        }
    }
    match (shown, pages.ended) {
        (0, true) if pages.filter == Filter::default() => {
            writeln!(out, "There are no connections.")?
        }
        (0, true) => writeln!(out, "No connection matches.")?,
        (_, true) => {}
        (_, false) => {
            writeln!(out, "{} shown; there may be more: --all shows all", count(shown))?;
        }
    }
    Ok(())
}

fn add(connection: &Connection, table: &mut Table) {
    let Connection { original, translated, .. } = connection;
    table.row([
        connection.kind.to_string(),
        connection.protocol.clone(),
        connection.state.clone(),
        connection.service.clone().unwrap_or_default(),
        original.source.to_string(),
        original.destination.to_string(),
        translated.source.to_string(),
        translated.destination.to_string(),
        seconds(connection.idle_seconds),
        seconds(connection.expires_seconds),
        connection.worker.to_string(),
    ]);
}
