//! Who is still connected to a server that is taken out.

use std::collections::HashMap;
use std::net::IpAddr;

use api::{Client, Connection, Filter, Page, PoolServer};

use crate::output::units::{plural, seconds};

/// The most pages that are asked for; one covers some ten thousand connections of the table.
const PAGES: usize = 1000;
/// The most connections that are looked at.
const CONNECTIONS: usize = 10_000;
/// The most clients that are named.
const NAMED: usize = 5;

/// `3 connections of 2 clients: 198.51.100.100 (2), 198.51.100.101; last seen 2s ago, the longest
/// silent for 4m`. None: the dataplane has not said.
pub(super) fn to(server: &PoolServer, client: &mut Client) -> Option<String> {
    let filter = Filter {
        service: Some(server.service.clone()),
        address: Some(server.address.ip()),
        ..Filter::default()
    };
    let mut page = Page { filter, ..Page::default() };
    let mut found: Vec<Connection> = Vec::new();
    let mut is_cut = true;
    for _ in 0..PAGES {
        let answer = client.connections(page.clone()).ok()?;
        let to_server = |one: &Connection| {
            let (to, ours) = (one.translated.destination, server.address);
            let is_its_port = ours.port() == 0 || to.port() == ours.port();
            to.ip() == ours.ip() && is_its_port && !is_closing(one)
        };
        found.extend(answer.entries.into_iter().filter(to_server));
        page.cursor = answer.next;
        if page.cursor.is_none() {
            is_cut = false;
            break;
        }
        if found.len() >= CONNECTIONS {
            break;
        }
    }
    tell(&found, is_cut)
}

/// True for a connection that one end has begun to close: nobody is connected any more.
fn is_closing(connection: &Connection) -> bool {
    let closing = ["fin_wait", "close_wait", "last_ack", "time_wait", "close"];
    closing.contains(&connection.state.to_ascii_lowercase().as_str())
}

fn tell(found: &[Connection], is_cut: bool) -> Option<String> {
    let last = found.iter().map(|one| one.idle_seconds).min()?;
    let silent = found.iter().map(|one| one.idle_seconds).max()?;
    let mut clients: HashMap<IpAddr, usize> = HashMap::new();
    for one in found {
        *clients.entry(one.original.source.ip()).or_default() += 1;
    }
    let mut clients: Vec<(IpAddr, usize)> = clients.into_iter().collect();
    clients.sort_by_key(|&(client, count)| (core::cmp::Reverse(count), client));
    let named = clients.iter().take(NAMED).map(|(client, count)| match count {
        1 => client.to_string(),
        count => format!("{client} ({count})"),
    });
    let named: Vec<String> = named.collect();
    let more = if clients.len() > NAMED { ", …" } else { "" };
    let cut = if is_cut { "at least " } else { "" };
    Some(format!(
        "{cut}{} of {}: {}{more}; last seen {} ago, the longest silent for {}",
        plural(found.len(), "connection"),
        plural(clients.len(), "client"),
        named.join(", "),
        seconds(last),
        seconds(silent)
    ))
}
