//! Connections counted, all together or by what they have in common.

use core::cmp::Reverse;
use std::collections::HashMap;
use std::io::{self, Write};

use api::{Client, ConnectionGroup, CountBy, CountConnections, Filter};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Error;
use crate::output::Table;
use crate::output::units::{count, permille, plural};

/// How many connections there are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(in crate::command) struct Counted {
    /// Connections that match.
    pub(in crate::command) connections: u64,
    /// The generation of the configuration whose services are named.
    pub(in crate::command) generation: u64,
}

/// The same by group, the largest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(in crate::command) struct Grouped {
    /// Connections that match.
    connections: u64,
    /// What is counted together.
    by: CountBy,
    /// The groups, the largest first.
    groups: Vec<ConnectionGroup>,
    /// How many groups there are, also those that are not told.
    all: u64,
    /// The generation of the configuration whose services are named.
    generation: u64,
}

/// Counts the connections that match.
pub(in crate::command) fn counted(client: &mut Client, filter: &Filter) -> Result<Counted, Error> {
    let mut counted = Counted { connections: 0, generation: 0 };
    each_part(client, filter, None, |part, generation| {
        counted.connections += part.connections;
        counted.generation = generation;
    })?;
    Ok(counted)
}

/// Counts the connections that match by group; tells of so many groups.
pub(super) fn grouped(
    client: &mut Client,
    filter: &Filter,
    by: CountBy,
    most: usize,
) -> Result<Grouped, Error> {
    let (mut connections, mut last) = (0, 0);
    let mut groups: HashMap<Option<String>, u64> = HashMap::new();
    each_part(client, filter, Some(by), |part, generation| {
        (connections, last) = (connections + part.connections, generation);
        for group in part.groups {
            *groups.entry(group.name).or_default() += group.connections;
        }
    })?;
    let all = groups.len() as u64;
    let group = |(name, connections)| ConnectionGroup { name, connections };
    let mut groups: Vec<_> = groups.into_iter().map(group).collect();
    // Equal ones by their names, so that two calls show the same.
    groups.sort_unstable_by(|left, right| {
        let key = |group: &ConnectionGroup| Reverse(group.connections);
        key(left).cmp(&key(right)).then_with(|| left.name.cmp(&right.name))
    });
    groups.truncate(most);
    Ok(Grouped { connections, by, groups, all, generation: last })
}

/// What one part of the table has.
struct Part {
    connections: u64,
    groups: Vec<ConnectionGroup>,
}

fn each_part(
    client: &mut Client,
    filter: &Filter,
    by: Option<CountBy>,
    mut take: impl FnMut(Part, u64),
) -> Result<(), Error> {
    let mut cursor = None;
    loop {
        let part =
            client.count_connections(CountConnections { cursor, filter: filter.clone(), by })?;
        take(Part { connections: part.connections, groups: part.groups }, part.generation);
        cursor = part.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

pub(super) fn show_count(counted: &Counted, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", connections(counted.connections))
}

/// `1 connection`, `1,234 connections`.
pub(in crate::command) fn connections(number: u64) -> String {
    plural(usize::try_from(number).unwrap_or(usize::MAX), "connection")
}

pub(super) fn show_groups(grouped: &Grouped, out: &mut dyn Write) -> io::Result<()> {
    if grouped.groups.is_empty() {
        return writeln!(out, "No connection matches.");
    }
    let heading = grouped.by.to_string().to_uppercase();
    let mut table = Table::new([heading.as_str(), ">CONNECTIONS", ">SHARE"]);
    for group in &grouped.groups {
        let share = group.connections * 1000 / grouped.connections.max(1);
        table.row([
            group.name.clone().unwrap_or_default(),
            count(group.connections),
            permille(u16::try_from(share).unwrap_or(1000)),
        ]);
    }
    table.write(out)?;
    let shown = grouped.groups.len() as u64;
    if shown < grouped.all {
        let of =
            plural(usize::try_from(grouped.all).unwrap_or(usize::MAX), &grouped.by.to_string());
        writeln!(out, "{} of {of}; --limit shows more", count(shown))?;
    }
    Ok(())
}
