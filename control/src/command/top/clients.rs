//! Who has the connections: a walk over all of them, page by page, by client.

use core::time::Duration;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Instant;

use api::{Client, ConnectionKind, Page};

use crate::command::sources::is_half_open;

/// The most clients that are told apart: a flood of forged addresses takes no more memory.
const MOST: usize = 1_000_000;
/// The most clients that are kept to be shown.
const KEPT: usize = 1_000;

/// What one client has.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Count {
    pub(super) connections: u64,
    pub(super) half_open: u64,
    /// How many more it has in each second; none with the first walk.
    pub(super) growth: Option<f64>,
}

/// The clients that have most.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Clients {
    /// When the walk ended.
    pub(super) taken: Instant,
    /// Those that have most come first.
    pub(super) clients: Vec<(IpAddr, Count)>,
    /// Connections of all clients.
    pub(super) connections: u64,
    /// How many clients there are; those beyond the most that are told apart are not among them.
    pub(super) all: usize,
}

/// Walks over all connections. It rests as long as the dataplane worked for each page, so that it
/// takes half of the main core's time at most, and none of a worker's.
pub(super) fn walk(socket: &Path, is_ended: &dyn Fn() -> bool) -> Result<Clients, String> {
    let mut client = Client::connect(socket).map_err(|error| error.to_string())?;
    let mut page = Page::default();
    let mut counts = HashMap::new();
    loop {
        let begun = Instant::now();
        let answer = client.connections(page.clone()).map_err(|error| error.to_string())?;
        for connection in &answer.entries {
            if connection.kind == ConnectionKind::Service {
                add(&mut counts, connection.original.source.ip(), &connection.state);
            }
        }
        page.cursor = answer.next;
        if page.cursor.is_none() {
            return Ok(of(counts));
        }
        if is_ended() {
            return Err("it was ended".to_owned());
        }
        std::thread::sleep(begun.elapsed().min(Duration::from_millis(100)));
    }
}

fn add(counts: &mut HashMap<IpAddr, Count>, client: IpAddr, state: &str) {
    if counts.len() >= MOST && !counts.contains_key(&client) {
        return;
    }
    let count = counts.entry(client).or_default();
    count.connections += 1;
    count.half_open += u64::from(is_half_open(state));
}

fn of(counts: HashMap<IpAddr, Count>) -> Clients {
    let all = counts.len();
    let connections = counts.values().map(|count| count.connections).sum();
    let mut clients: Vec<_> = counts.into_iter().collect();
    clients
        .sort_unstable_by_key(|(client, count)| (core::cmp::Reverse(count.connections), *client));
    clients.truncate(KEPT);
    Clients { taken: Instant::now(), clients, connections, all }
}

impl Clients {
    /// These, with what each has more than in the walk before.
    pub(super) fn since(&self, before: &Clients, seconds: f64) -> Clients {
        let old: HashMap<_, _> =
            before.clients.iter().map(|(client, count)| (*client, count.connections)).collect();
        let mut now = self.clone();
        if seconds > 0.0 {
            for (client, count) in &mut now.clients {
                let was = old.get(client).copied().unwrap_or(0) as f64;
                count.growth = Some((count.connections as f64 - was) / seconds);
            }
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_have_most_come_first_and_grow() {
        let walked = |counts: &[(u8, u64)]| {
            let mut all = HashMap::new();
            for &(last, number) in counts {
                for place in 0..number {
                    let state = if place == 0 { "SYN_RECV" } else { "ESTABLISHED" };
                    add(&mut all, [203, 0, 113, last].into(), state);
                }
            }
            of(all)
        };
        let (before, now) = (walked(&[(1, 4), (2, 2)]), walked(&[(1, 2), (2, 8), (3, 1)]));
        let compared = now.since(&before, 2.0);
        let shown: Vec<_> = compared
            .clients
            .iter()
            .map(|(client, count)| (client.to_string(), count.connections, count.growth))
            .collect();
        assert_eq!(
            shown,
            [
                ("203.0.113.2".to_owned(), 8, Some(3.0)),
                ("203.0.113.1".to_owned(), 2, Some(-1.0)),
                ("203.0.113.3".to_owned(), 1, Some(0.5)),
            ]
        );
        assert_eq!((compared.connections, compared.all), (11, 3));
        assert_eq!(compared.clients[0].1.half_open, 1);
    }
}
