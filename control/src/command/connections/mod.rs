//! `tandem connections` lists connections, page by page, or counts them.

mod count;
mod filter;
mod pages;

use std::io::{self, Write};

use api::{Connection, ConnectionOrder, CountBy, Page, SortKey};
use clap::{Args, ValueEnum};

pub(super) use count::{Counted, Grouped, connections, counted};
pub(super) use filter::FilterArguments;
pub(super) use pages::Pages;

use super::{Context, schema};
use crate::error::Error;
use crate::output::Table;
use crate::output::units::{count, seconds};

pub(super) const HELP: &str = "\
The connections are looked at some at a time, and no worker waits for that; one that opens or ends \
meanwhile may be missed. AGE is since this machine knows of the connection: on a standby, and after a \
takeover, since it was copied. On a standby no connection is idle, as the active machine has its \
packets. A group without a name is what belongs to no service, or has no server.

Examples:
  tandem connections --client 203.0.113.0/24 --state established --sort age
  tandem connections --service web --idle 5m --count
  tandem connections --by client --limit 10";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// Show at most this many connections, or groups with --by
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    /// Show all connections
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Show those that come first by this: the oldest, the longest idle, those that end soonest, or
    /// by the alphabet; up to 1000
    #[arg(long, value_name = "BY", conflicts_with_all = ["all", "count", "by"])]
    sort: Option<Sort>,
    /// Show those that come last with --sort
    #[arg(long, requires = "sort")]
    reverse: bool,
    /// Show how many there are
    #[arg(long)]
    count: bool,
    /// Show how many there are of each, the most first
    #[arg(long, value_name = "WHAT")]
    by: Option<By>,
    #[command(flatten)]
    filter: FilterArguments,
}

/// What connections are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Sort {
    /// The time since it was opened, the longest first
    Age,
    /// The time without a packet, the longest first
    Idle,
    /// The time until it ends without a further packet, the shortest first
    Expires,
    /// The address that has opened it
    Client,
    /// The service
    Service,
    /// The real server
    Server,
    /// The state
    State,
}

impl Sort {
    fn key(self) -> SortKey {
        match self {
            Sort::Age => SortKey::Age,
            Sort::Idle => SortKey::Idle,
            Sort::Expires => SortKey::Expires,
            Sort::Client => SortKey::Client,
            Sort::Service => SortKey::Service,
            Sort::Server => SortKey::Server,
            Sort::State => SortKey::State,
        }
    }
}

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum By {
    /// A service
    Service,
    /// A real server
    Server,
    /// An address that opens connections
    Client,
    /// A state
    State,
}

impl By {
    fn count_by(self) -> CountBy {
        match self {
            By::Service => CountBy::Service,
            By::Server => CountBy::Server,
            By::Client => CountBy::Client,
            By::State => CountBy::State,
        }
    }
}

impl Arguments {
    /// The schema of the answer.
    pub(super) fn schema(&self) -> &'static str {
        match (self.by, self.count) {
            (Some(_), _) => "connection-groups",
            (None, true) => "connection-count",
            (None, false) => "connections",
        }
    }
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let filter = arguments.filter.filter();
    let most = if arguments.all { u64::MAX } else { arguments.limit };
    let most_groups = usize::try_from(most).unwrap_or(usize::MAX);
    if let Some(by) = arguments.by {
        let by = by.count_by();
        let grouped = count::grouped(&mut context.client()?, &filter, by, most_groups)?;
        return context.answer(&grouped, count::show_groups);
    }
    if arguments.count {
        let counted = counted(&mut context.client()?, &filter)?;
        return context.answer(&counted, count::show_count);
    }
    let order =
        arguments.sort.map(|sort| ConnectionOrder { by: sort.key(), reverse: arguments.reverse });
    if order.is_some() && most > u64::from(Page::LIMIT) {
        return Err(Error::Usage(format!(
            "--sort shows the first {} at the most: write a smaller --limit, or leave out --sort \
             and sort what --all --json writes",
            Page::LIMIT
        )));
    }
    let mut pages = Pages::new(context.client()?, filter, most);
    let mut listing = match order {
        Some(order) => Listing::First(Some(pages.first(order, most_groups)?), &mut pages),
        None => Listing::All(&mut pages),
    };
    if context.json {
        write_json(&mut listing, context.out)
    } else {
        show(&mut listing, context.out)
    }
}

/// The connections to be written, a page at a time.
enum Listing<'p> {
    All(&'p mut Pages),
    /// Those that come first, which are one page.
    First(Option<Vec<Connection>>, &'p mut Pages),
}

impl Listing<'_> {
    fn next(&mut self) -> Result<Option<Vec<Connection>>, Error> {
        match self {
            Listing::All(pages) => pages.next(),
            Listing::First(first, _) => Ok(first.take()),
        }
    }

    fn pages(&self) -> &Pages {
        match self {
            Listing::All(pages) | Listing::First(_, pages) => pages,
        }
    }
}

/// As every answer, with an entry a line.
fn write_json(listing: &mut Listing<'_>, out: &mut dyn Write) -> Result<(), Error> {
    write!(out, "{{{}, \"entries\": [", schema::head("connections"))?;
    let mut first = true;
    while let Some(entries) = listing.next()? {
        for connection in entries {
            out.write_all(if first { b"\n  " } else { b",\n  " })?;
            first = false;
            serde_json::to_writer(&mut *out, &connection).map_err(io::Error::from)?;
        }
    }
    let pages = listing.pages();
    let next = serde_json::to_string(&pages.cursor).map_err(io::Error::from)?;
    writeln!(out, "\n], \"next\": {next}, \"generation\": {}}}", pages.generation)?;
    Ok(())
}

fn show(listing: &mut Listing<'_>, out: &mut dyn Write) -> Result<(), Error> {
    let mut table = Table::new([
        "TYPE",
        "PROTOCOL",
        "STATE",
        "SERVICE",
        "SOURCE",
        "DESTINATION",
        "SENT ON FROM",
        "SENT ON TO",
        ">AGE",
        ">IDLE",
        ">EXPIRES",
        ">WORKER",
    ]);
    let mut shown = 0;
    while let Some(entries) = listing.next()? {
        shown += entries.len() as u64;
        entries.iter().for_each(|connection| add(connection, &mut table));
        if shown > 0 {
            table.write(out)?;
        }
    }
    let pages = listing.pages();
    match (shown, pages.ended) {
        (0, true) if pages.filter.is_empty() => writeln!(out, "There are no connections.")?,
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
        seconds(connection.age_seconds),
        seconds(connection.idle_seconds),
        seconds(connection.expires_seconds),
        connection.worker.to_string(),
    ]);
}
