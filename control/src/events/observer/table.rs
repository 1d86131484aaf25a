//! Tables of the dataplane that are nearly full, and those that have refused something.

use core::time::Duration;
use std::collections::BTreeMap;

use api::{Counters, EventKind, Status};
use tokio::time::Instant;

use super::{drops, growth, total};
use crate::events::Draft;
use crate::output::units::count;

/// From which share on a table is nearly full, and below which it has room again, in per cent.
const NEARLY_FULL: u64 = 90;
const HAS_ROOM: u64 = 80;
/// A table has room again when it has refused nothing for so long.
const QUIET: Duration = Duration::from_secs(30);

/// What is counted when a table has no room, and what to do.
const FULL: [(&str, &str, &str, &str); 5] = [
    ("connections", "table_full", "the connection table", "raise node.connections"),
    (
        "ports",
        "ports_exhausted",
        "the ports of a masquerade address",
        "give [[masquerade]] another address or more ports",
    ),
    ("neighbours", "neighbour_table", "the neighbour table", "look at: tandem neighbours"),
    (
        "fragments",
        "fragment_table",
        "the table of fragmented datagrams",
        "look who sends fragments",
    ),
    ("buffers", "no_buffer", "the pool of packet buffers", "raise node.mbufs"),
];

/// How full the tables are.
#[derive(Default)]
pub(super) struct Tables {
    counted: BTreeMap<&'static str, u64>,
    /// The connection table is nearly full.
    is_pressed: bool,
    /// Which tables have refused something, and when the last time.
    full: BTreeMap<&'static str, Instant>,
}

impl Tables {
    /// What has changed.
    pub(super) fn follow(
        &mut self,
        status: &Status,
        counters: &Counters,
        now: Instant,
    ) -> Vec<Draft> {
        let mut drafts: Vec<Draft> =
            self.look_at_connections(status, counters).into_iter().collect();
        for (table, reason, name, remedy) in FULL {
            let refused = growth(&mut self.counted, table, drops(counters, reason));
            if refused > 0 {
                if self.full.insert(table, now).is_none() {
                    let what = format!("{name} has no room: {remedy}");
                    drafts.push(
                        Draft::new(EventKind::TableFull, what)
                            .why(format!("{refused} packets were dropped in the last second"))
                            .field("table", table),
                    );
                }
            } else if self.full.get(table).is_some_and(|last| now - *last >= QUIET) {
                self.full.remove(table);
                let what = format!("{name} has room again");
                drafts.push(Draft::new(EventKind::TableRelieved, what).field("table", table));
            }
        }
        drafts
    }

    fn look_at_connections(&mut self, status: &Status, counters: &Counters) -> Option<Draft> {
        let held: u64 = status.workers.iter().map(|worker| worker.connections).sum();
        let limit = status.connections_limit;
        let evicted = growth(&mut self.counted, "evicted", total(counters, "connections_evicted"));
        let share = held.saturating_mul(100).checked_div(limit)?;
        let is_pressed = share >= NEARLY_FULL || evicted > 0 && share >= HAS_ROOM;
        let is_relieved = share < HAS_ROOM && evicted == 0;
        let numbers = format!("{} of {} connections", count(held), count(limit));
        let draft = if is_pressed && !self.is_pressed {
            let what = "the connection table is nearly full: raise node.connections, or look who \
                        has most with tandem sources";
            let why = match evicted {
                0 => numbers,
                _ => format!("{numbers}, and {evicted} that nobody answered were ended early"),
            };
            Draft::new(EventKind::TablePressure, what).why(why)
        } else if is_relieved && self.is_pressed {
            let what = "the connection table has room again";
            Draft::new(EventKind::TableRelieved, what).why(numbers)
        } else {
            return None;
        };
        self.is_pressed = is_pressed;
        Some(draft.field("table", "connections").field("connections", held).field("limit", limit))
    }
}

#[cfg(test)]
mod tests {
    use api::{DropCount, WorkerStatus};

    use super::*;

    fn status(connections: u64) -> Status {
        let worker = WorkerStatus { connections, ..WorkerStatus::default() };
        Status { workers: vec![worker], connections_limit: 1000, ..Status::default() }
    }

    fn dropped(reason: &str, packets: u64) -> Counters {
        let drop = DropCount { name: reason.to_owned(), packets, ..DropCount::default() };
        Counters { drops: vec![drop], ..Counters::default() }
    }

    fn kinds(drafts: Vec<Draft>) -> Vec<String> {
        let name = |draft: Draft| {
            let event = draft.event("a");
            format!("{} {}", event.kind, event.field("table").unwrap_or_default())
        };
        drafts.into_iter().map(name).collect()
    }

    #[test]
    fn pressure_has_two_bounds() {
        let (mut tables, now) = (Tables::default(), Instant::now());
        let told: Vec<_> = [0, 899, 900, 950, 890, 800, 799, 899, 900]
            .map(|held| kinds(tables.follow(&status(held), &Counters::default(), now)).concat())
            .into();
        let (pressed, relieved) = ("table.pressure connections", "table.relieved connections");
        assert_eq!(told, ["", "", pressed, "", "", "", relieved, "", pressed]);
    }

    #[test]
    fn a_table_that_refuses_is_told_once_until_it_has_room() {
        let (mut tables, start) = (Tables::default(), Instant::now());
        let mut told = Vec::new();
        for (second, packets) in [(0, 7), (1, 7), (2, 9), (3, 12), (20, 12), (33, 12), (34, 12)] {
            let now = start + Duration::from_secs(second);
            let counters = dropped("ports_exhausted", packets);
            for kind in kinds(tables.follow(&status(0), &counters, now)) {
                told.push((second, kind));
            }
        }
        let expected = [(2, "table.full ports"), (33, "table.relieved ports")];
        assert_eq!(told, expected.map(|(second, kind)| (second, kind.to_owned())));
    }
}
