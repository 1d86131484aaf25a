//! `tandem sources`: who takes most connections.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use api::{Connection, ConnectionKind, Filter};
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use super::connections::Pages;
use crate::error::Error;
use crate::output::Table;
use crate::output::units::count;

pub(super) const HELP: &str = "\
All connections are looked at, a page at a time; no worker waits for that. HALF OPEN are those whose \
ends have not answered each other: many of them, and few others, are a flood. Limits for such sources \
are in [sources] of the configuration.

Examples:
  tandem sources
  tandem sources --by network --prefix 24
  tandem sources --json --limit 1 | jq -r '.sources[0].source'";

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum By {
    /// A client address
    Client,
    /// A network of clients
    Network,
    /// A private host that is masqueraded
    Host,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// What is counted together
    #[arg(long, value_enum, default_value_t = By::Client)]
    by: By,
    /// How many bits of a client's address are its network
    #[arg(long, value_name = "BITS", default_value_t = 24)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=32))]
    prefix: u8,
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Count only the connections of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

/// What one source has.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
struct Source {
    /// Its address, or its network.
    source: String,
    /// Its connections.
    connections: u64,
    /// Those of them whose ends have not answered each other.
    half_open: u64,
}

/// The answer, those that have most first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Those that have most.
    sources: Vec<Source>,
    /// How many sources there are in all.
    all: u64,
    /// The connections of all of them.
    connections: u64,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let filter = Filter { service: arguments.service.clone(), ..Filter::default() };
    let mut pages = Pages::new(context.client()?, filter, u64::MAX);
    let mut counted = Counted::default();
    while let Some(entries) = pages.next()? {
        for connection in &entries {
            counted.add(connection, arguments);
        }
    }
    context.answer(&counted.answer(arguments), show)
}

#[derive(Default)]
struct Counted(HashMap<Ipv4Addr, (u64, u64)>);

impl Counted {
    fn add(&mut self, connection: &Connection, arguments: &Arguments) {
        let is_counted = match arguments.by {
            By::Client | By::Network => connection.kind == ConnectionKind::Service,
            By::Host => connection.kind == ConnectionKind::Masquerade,
        };
        let IpAddr::V4(source) = connection.original.source.ip() else { return };
        if !is_counted {
            return;
        }
        let bits = if arguments.by == By::Network { arguments.prefix } else { 32 };
        let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
        let count = self.0.entry(Ipv4Addr::from_bits(source.to_bits() & mask)).or_default();
        count.0 += 1;
        count.1 += u64::from(is_half_open(&connection.state));
    }

    fn answer(self, arguments: &Arguments) -> Answer {
        let mut all: Vec<_> = self.0.into_iter().collect();
        // Equal ones in the order of their addresses, so that two calls show the same.
        all.sort_unstable_by_key(|(source, count)| (core::cmp::Reverse(count.0), *source));
        let source = |(source, (connections, half_open)): &(Ipv4Addr, (u64, u64))| Source {
            source: match arguments.by {
                By::Network => format!("{source}/{}", arguments.prefix),
                By::Client | By::Host => source.to_string(),
            },
            connections: *connections,
            half_open: *half_open,
        };
        Answer {
            sources: all.iter().take(arguments.limit).map(source).collect(),
            all: all.len() as u64,
            connections: all.iter().map(|(_, count)| count.0).sum(),
        }
    }
}

/// As what may make room in a full table.
pub(super) fn is_half_open(state: &str) -> bool {
    matches!(state, "SYN_RECV" | "SYNACK" | "UNREPLIED" | "REPLIED")
}

fn show(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    if answer.sources.is_empty() {
        return writeln!(out, "No source has a connection.");
    }
    let mut table = Table::new(["SOURCE", ">CONNECTIONS", ">SHARE", ">HALF OPEN"]);
    for source in &answer.sources {
        let permille = source.connections * 1000 / answer.connections.max(1);
        table.row([
            source.source.clone(),
            count(source.connections),
            format!("{}.{} %", permille / 10, permille % 10),
            count(source.half_open),
        ]);
    }
    table.write(out)?;
    let shown = answer.sources.len() as u64;
    if shown < answer.all {
        writeln!(out, "{} of {} sources; --limit shows more", count(shown), count(answer.all))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use api::Endpoints;

    use super::*;

    fn connection(source: [u8; 4], kind: ConnectionKind, state: &str) -> Connection {
        let ends = Endpoints {
            source: (source, 4000).into(),
            destination: ([198, 51, 100, 10], 80).into(),
        };
        Connection {
            kind,
            protocol: "tcp".to_owned(),
            state: state.to_owned(),
            service: None,
            original: ends,
            translated: ends,
            age_seconds: 0,
            idle_seconds: 0,
            expires_seconds: 9,
            worker: 0,
        }
    }

    fn answer(by: By) -> Answer {
        let arguments = Arguments { by, prefix: 24, limit: 2, service: None };
        let mut counted = Counted::default();
        let service = ConnectionKind::Service;
        for (last, state) in
            [(1, "ESTABLISHED"), (2, "SYN_RECV"), (2, "SYN_RECV"), (3, "UNREPLIED")]
        {
            counted.add(&connection([203, 0, 113, last], service, state), &arguments);
        }
        let host = connection([10, 0, 0, 11], ConnectionKind::Masquerade, "ASSURED");
        counted.add(&host, &arguments);
        counted.add(&connection([203, 0, 114, 9], service, "TIME_WAIT"), &arguments);
        counted.answer(&arguments)
    }

    #[test]
    fn those_that_have_most_come_first() {
        let source = |source: &str, connections, half_open| Source {
            source: source.to_owned(),
            connections,
            half_open,
        };
        let by_client = answer(By::Client);
        assert_eq!(by_client.sources, [source("203.0.113.2", 2, 2), source("203.0.113.1", 1, 0)]);
        assert_eq!((by_client.all, by_client.connections), (4, 5));
        let by_network = answer(By::Network).sources;
        assert_eq!(by_network, [source("203.0.113.0/24", 4, 3), source("203.0.114.0/24", 1, 0)]);
        assert_eq!(answer(By::Host).sources, [source("10.0.0.11", 1, 0)]);
        let mut out = Vec::new();
        show(&by_client, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("40.0 %") && out.contains("2 of 4 sources"), "{out}");
    }
}
