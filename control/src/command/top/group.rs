//! What the table has a row for: services, servers, clients, drop reasons or workers.

use api::server_name;
use clap::ValueEnum;

use super::clients::{Clients, Count};
use crate::command::rates::{Rates, Traffic};
use crate::output::colour::Colour;
use crate::output::units::{count, permille, rate};

/// What has a row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, ValueEnum)]
pub(super) enum Group {
    /// A service
    Services,
    /// A real server of a service
    Servers,
    /// A client address, by its connections; looks at all connections every 5 s
    Clients,
    /// A reason why packets are dropped
    Drops,
    /// A worker
    Workers,
}

/// A column: its heading, how many characters it has, and whether its cells are text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) width: u16,
    pub(super) is_text: bool,
}

const fn text(heading: &'static str, width: u16) -> Column {
    Column { heading, width, is_text: true }
}

const fn number(heading: &'static str, width: u16) -> Column {
    Column { heading, width, is_text: false }
}

/// A cell, and what it is sorted by.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) weight: f64,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Row {
    /// The same for the same thing in every sample.
    pub(super) key: String,
    pub(super) cells: Vec<Cell>,
    /// What the spark line is of.
    pub(super) rate: f64,
    pub(super) colour: Option<Colour>,
}

impl Group {
    pub(super) const ALL: [Group; 5] =
        [Group::Services, Group::Servers, Group::Clients, Group::Drops, Group::Workers];

    pub(super) fn title(self) -> &'static str {
        match self {
            Group::Services => "services",
            Group::Servers => "servers",
            Group::Clients => "clients",
            Group::Drops => "drops",
            Group::Workers => "workers",
        }
    }

    /// The columns of a line of 80 characters; the spark line has what they leave.
    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Group::Services => {
                const {
                    &[
                        text("SERVICE", 15),
                        text("UP", 7),
                        number("NEW/S", 6),
                        number("ACTIVE", 9),
                        number("PKT/S", 6),
                        number("IN BIT/S", 8),
                        number("OUT BIT/S", 9),
                    ]
                }
            }
            Group::Servers => {
                const {
                    &[
                        text("SERVER", 21),
                        text("SERVICE", 9),
                        text("STATE", 9),
                        number("NEW/S", 6),
                        number("ACTIVE", 7),
                        number("PKT/S", 6),
                        number("BIT/S", 6),
                    ]
                }
            }
            Group::Clients => {
                const {
                    &[
                        text("CLIENT", 25),
                        number("CONNECTIONS", 11),
                        number("SHARE", 7),
                        number("HALF OPEN", 9),
                        number("MORE/S", 7),
                    ]
                }
            }
            Group::Drops => {
                const {
                    &[
                        text("REASON", 26),
                        number("PKT/S", 6),
                        number("TOTAL", 15),
                        text("MEANING", 17),
                    ]
                }
            }
            Group::Workers => {
                const {
                    &[
                        text("CORE", 5),
                        number("BUSY", 7),
                        number("RX PKT/S", 8),
                        number("TX PKT/S", 8),
                        number("DROP/S", 6),
                        number("CONNECTIONS", 13),
                        number("FULL", 6),
                    ]
                }
            }
        }
    }

    /// The column by which it is sorted at first.
    pub(super) fn first_sort(self) -> usize {
        match self {
            Group::Services => 4,
            Group::Servers => 5,
            Group::Clients | Group::Drops | Group::Workers => 1,
        }
    }

    /// What the spark line is of.
    pub(super) fn spark(self) -> &'static str {
        match self {
            Group::Clients => "CONNECTIONS",
            _ => "PKT/S",
        }
    }

    /// The rows, in the order of what they are from.
    pub(super) fn rows(self, rates: &Rates, clients: Option<&Clients>) -> Vec<Row> {
        match self {
            Group::Services => rates.services.iter().map(service).collect(),
            Group::Servers => rates.servers.iter().map(server).collect(),
            Group::Clients => clients.map(of_clients).unwrap_or_default(),
            Group::Drops => rates.drops.iter().filter(|one| one.total > 0).map(drops).collect(),
            Group::Workers => rates.workers.iter().map(worker).collect(),
        }
    }
}

fn word(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), weight: 0.0 }
}

fn a_rate(number: f64) -> Cell {
    Cell { text: rate(number), weight: number }
}

fn a_count(number: u64) -> Cell {
    Cell { text: count(number), weight: number as f64 }
}

fn packets(traffic: &Traffic) -> f64 {
    traffic.packets_in + traffic.packets_out
}

fn service(one: &crate::command::rates::ServiceRates) -> Row {
    let traffic = &one.traffic;
    let up = format!("{}/{}", one.servers_up, one.servers);
    let colour = match (one.servers_up, one.servers) {
        (0, _) => Some(Colour::Red),
        (up, all) if up < all => Some(Colour::Yellow),
        _ => None,
    };
    let cells = vec![
        word(&one.name),
        Cell { text: up, weight: one.servers_up as f64 },
        a_rate(traffic.connections),
        a_count(one.active),
        a_rate(packets(traffic)),
        a_rate(traffic.bits_in),
        a_rate(traffic.bits_out),
    ];
    Row { key: one.name.clone(), cells, rate: packets(traffic), colour }
}

fn server(one: &crate::command::rates::ServerRates) -> Row {
    let traffic = &one.traffic;
    let name = server_name(&one.server);
    let cells = vec![
        word(&name),
        word(&one.service),
        word(&one.state),
        a_rate(traffic.connections),
        a_count(one.active),
        a_rate(packets(traffic)),
        a_rate(traffic.bits_in + traffic.bits_out),
    ];
    let colour = match one.state.as_str() {
        _ if one.up => None,
        "drain" | "draining" | "maintenance" => Some(Colour::Yellow),
        _ => Some(Colour::Red),
    };
    Row { key: format!("{name} {}", one.service), cells, rate: packets(traffic), colour }
}

fn of_clients(all: &Clients) -> Vec<Row> {
    let row = |(client, one): &(std::net::IpAddr, Count)| {
        let share = u16::try_from(one.connections * 1000 / all.connections.max(1)).unwrap_or(1000);
        let growth = match one.growth {
            Some(growth) if growth < 0.0 => format!("-{}", rate(-growth)),
            Some(growth) => rate(growth),
            None => String::new(),
        };
        let cells = vec![
            word(client.to_string()),
            a_count(one.connections),
            Cell { text: permille(share), weight: one.connections as f64 },
            a_count(one.half_open),
            Cell { text: growth, weight: one.growth.unwrap_or(0.0) },
        ];
        // Many connections of which most never opened are a flood.
        let is_flood = one.half_open > 100 && one.half_open * 2 > one.connections;
        let colour = is_flood.then_some(Colour::Red);
        Row { key: client.to_string(), cells, rate: one.connections as f64, colour }
    };
    all.clients.iter().map(row).collect()
}

fn drops(one: &crate::command::rates::DropRates) -> Row {
    let cells =
        vec![word(&one.reason), a_rate(one.packets), a_count(one.total), word(&one.description)];
    let colour = (one.packets > 0.0).then_some(Colour::Yellow);
    Row { key: one.reason.clone(), cells, rate: one.packets, colour }
}

fn worker(one: &crate::command::rates::WorkerRates) -> Row {
    let full = one.connections.saturating_mul(1000) / one.capacity.max(1);
    let full = u16::try_from(full.min(1000)).unwrap_or(1000);
    let cells = vec![
        Cell { text: one.core.to_string(), weight: f64::from(one.core) },
        Cell { text: permille(one.busy_permille), weight: f64::from(one.busy_permille) },
        a_rate(one.rx_packets),
        a_rate(one.tx_packets),
        a_rate(one.dropped_packets),
        a_count(one.connections),
        Cell { text: permille(full), weight: f64::from(full) },
    ];
    let colour = (one.busy_permille >= 950).then_some(Colour::Yellow);
    Row { key: one.core.to_string(), cells, rate: one.rx_packets, colour }
}

/// Puts rows in order by a column: text by the alphabet, numbers the largest first; the other way
/// round if that is wanted. Equal ones keep their order.
pub(super) fn sort(rows: &mut [Row], group: Group, column: usize, reversed: bool) {
    let is_text = group.columns().get(column).is_none_or(|column| column.is_text);
    rows.sort_by(|one, other| {
        let (Some(one), Some(other)) = (one.cells.get(column), other.cells.get(column)) else {
            return core::cmp::Ordering::Equal;
        };
        let numbers = other.weight.total_cmp(&one.weight);
        let order = if is_text { numbers.then_with(|| one.text.cmp(&other.text)) } else { numbers };
        if reversed { order.reverse() } else { order }
    });
}
