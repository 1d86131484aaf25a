//! The picture, on a terminal that is a table of cells, and what keys change of it.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::app::{App, Outcome};
use super::clients::{Clients, Count};
use super::draw::{Theme, draw};
use super::group::Group;
use super::once;
use crate::command::rates::{
    DropRates, NicRates, Rates, ServerRates, ServiceRates, Traffic, WorkerRates,
};
use crate::command::status::Verdict;
use crate::command::status::{State, Trouble};

const PLAIN: Theme = Theme { has_colours: false, has_unicode: true };

fn rates() -> Rates {
    let traffic = |packets: f64| Traffic {
        connections: packets / 100.0,
        packets_in: packets,
        packets_out: packets,
        bits_in: packets * 500.0,
        bits_out: packets * 9000.0,
    };
    let service = |name: &str, up, packets| ServiceRates {
        name: name.to_owned(),
        servers: 3,
        servers_up: up,
        active: 12_345,
        traffic: traffic(packets),
    };
    let server = |last: u8, up: bool, packets| ServerRates {
        service: "web".to_owned(),
        server: ([10, 0, 0, last], 80).into(),
        state: if up { "up" } else { "down" }.to_owned(),
        up,
        active: u64::from(last),
        traffic: traffic(packets),
    };
    let drop = |reason: &str, packets, total| DropRates {
        reason: reason.to_owned(),
        description: format!("what {reason} means"),
        packets,
        total,
    };
    Rates {
        seconds: 1.0,
        services: vec![
            service("dns", 3, 10.0),
            service("web", 2, 60_000.0),
            service("old", 0, 0.0),
        ],
        servers: vec![server(11, true, 100.0), server(12, false, 0.0), server(13, true, 200.0)],
        drops: vec![
            drop("ttl_expired", 0.0, 5),
            drop("no_connection", 7.0, 1234),
            drop("none", 0.0, 0),
        ],
        workers: vec![
            WorkerRates { core: 1, busy_permille: 375, capacity: 1000, ..WorkerRates::default() },
            WorkerRates { core: 2, busy_permille: 990, capacity: 1000, ..WorkerRates::default() },
        ],
        nics: vec![NicRates { rx_packets: 120_000.0, rx_bits: 1.2e9, ..NicRates::default() }],
    }
}

fn verdict() -> Verdict {
    let trouble = Trouble {
        state: State::Degraded,
        what: "10.0.0.12:80 of web: DOWN 40s (http: 500)".to_owned(),
        remedy: vec!["tandem services".to_owned()],
    };
    let summary = "a is active, b is standby".to_owned();
    Verdict { state: State::Degraded, summary, troubles: vec![trouble.clone(), trouble] }
}

fn app() -> App {
    let mut app = App::new(Group::Services, Duration::from_secs(1), false);
    app.take(verdict(), Some(rates()));
    app
}

fn press(app: &mut App, code: KeyCode) -> Outcome {
    app.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn type_in(app: &mut App, text: &str) {
    for letter in text.chars() {
        press(app, KeyCode::Char(letter));
    }
}

fn terminal(app: &mut App, (width, height): (u16, u16), theme: Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, app, theme)).unwrap();
    terminal
}

/// The lines of the picture, without the blanks at their ends.
fn drawn(app: &mut App, size: (u16, u16)) -> Vec<String> {
    let terminal = terminal(app, size, PLAIN);
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let cells = (0..size.0).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..size.1).map(line).collect()
}

#[test]
fn services_at_80_by_24() {
    let mut app = app();
    let lines = drawn(&mut app, (80, 24));
    assert_eq!(lines[0], "DEGRADED: a is active, b is standby");
    assert_eq!(lines[1], "* 10.0.0.12:80 of web: DOWN 40s (http: 500) (+1: tandem status)");
    assert_eq!(lines[2], "received 120k pkt/s 1.2Gbit/s, sent 0 pkt/s, dropped 7.0/s, lost 0/s");
    assert!(lines[4].starts_with(" 1 services  2 servers  3 clients  4 drops  5 workers"));
    assert_eq!(
        lines[5],
        "SERVICE         UP       NEW/S    ACTIVE  PKT/S IN BIT/S OUT BIT/S PKT/S"
    );
    // The busiest comes first.
    let row = "web             2/3        600    12,345   120k    30.0M      540M";
    assert!(lines[6].starts_with(row), "{}", lines[6]);
    assert!(lines[6].ends_with('█'), "the spark line: {}", lines[6]);
    assert!(lines[7].starts_with("dns "), "{lines:?}");
    assert!(lines[8].starts_with("old             0/3"), "{lines:?}");
    assert_eq!(lines[22].trim_start(), "1/3");
    assert!(lines[23].starts_with("q quit  ? help"), "{lines:?}");
}

#[test]
fn each_group_has_its_table() {
    let mut app = app();
    let mut heads = Vec::new();
    for digit in ['1', '2', '3', '4', '5'] {
        press(&mut app, KeyCode::Char(digit));
        let lines = drawn(&mut app, (80, 24));
        heads.push((lines[5].split_whitespace().next().unwrap().to_owned(), lines[6].clone()));
    }
    let names: Vec<_> = heads.iter().map(|(head, _)| head.as_str()).collect();
    assert_eq!(names, ["SERVICE", "SERVER", "CLIENT", "REASON", "CORE"]);
    assert!(heads[1].1.starts_with("10.0.0.13:80          web       up"), "{heads:?}");
    assert_eq!(heads[2].1, "clients are counted with: tandem top --sources");
    assert!(heads[3].1.starts_with("no_connection                 7.0           1,234"));
    assert!(heads[4].1.starts_with("2      99.0 %"), "the busiest worker: {heads:?}");
    press(&mut app, KeyCode::Char('4'));
    let lines = drawn(&mut app, (80, 24));
    assert!(lines[22].starts_with("no_connection: what no_connection means"), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("none")), "it has dropped nothing");
    press(&mut app, KeyCode::Tab);
    press(&mut app, KeyCode::Tab);
    assert_eq!(app.group, Group::Services, "the last one is before the first");
    press(&mut app, KeyCode::BackTab);
    assert_eq!(app.group, Group::Workers);
}

#[test]
fn clients_by_their_connections() {
    let mut app = App::new(Group::Clients, Duration::from_secs(1), true);
    app.take(verdict(), Some(rates()));
    assert_eq!(drawn(&mut app, (80, 24))[6], "looking at all connections ...");
    let count = |connections, half_open| Count { connections, half_open, growth: Some(-2.0) };
    let client = |last: u8| IpAddr::from([203, 0, 113, last]);
    let clients = vec![(client(7), count(900, 800)), (client(8), count(100, 1))];
    app.take_clients(Ok(Clients { taken: Instant::now(), clients, connections: 1000, all: 2 }));
    let lines = drawn(&mut app, (80, 24));
    assert!(
        lines[6].starts_with("203.0.113.7                       900  90.0 %       800    -2.0"),
        "{}",
        lines[6]
    );
    assert!(lines[22].starts_with("1,000 connections of 2 clients"), "{lines:?}");
    app.take_clients(Err("this user may not use it".to_owned()));
    assert_eq!(drawn(&mut app, (80, 24))[6], "this user may not use it");
}

#[test]
fn rows_are_sorted_by_any_column() {
    let mut app = app();
    let first = |app: &App| app.rows()[0].cells[0].text.clone();
    assert_eq!(first(&app), "web");
    press(&mut app, KeyCode::Char('r'));
    assert_eq!(first(&app), "old", "the other way round");
    assert!(app.sort_by("service"));
    press(&mut app, KeyCode::Char('r'));
    assert_eq!(first(&app), "dns", "text by the alphabet");
    assert!(app.sort_by("new") && !app.sort_by("nonsense"));
    assert_eq!(first(&app), "web");
    for _ in 0..Group::Services.columns().len() {
        press(&mut app, KeyCode::Char('s'));
    }
    assert_eq!(app.position().column, 2, "once around");
    press(&mut app, KeyCode::Left);
    assert_eq!(app.position().column, 1);
}

#[test]
fn a_filter_leaves_what_contains_it() {
    let mut app = app();
    type_in(&mut app, "/we");
    press(&mut app, KeyCode::Char('q'));
    press(&mut app, KeyCode::Backspace);
    let lines = drawn(&mut app, (80, 24));
    assert!(lines[4].contains("/we_"), "{}", lines[4]);
    assert!(lines[6].starts_with("web") && lines[7].is_empty(), "{lines:?}");
    press(&mut app, KeyCode::Enter);
    type_in(&mut app, "/nonsense");
    assert!(drawn(&mut app, (80, 24))[6].contains("Esc shows all"));
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.rows().len(), 3);
}

#[test]
fn a_pause_keeps_the_picture_and_loses_no_past() {
    let mut app = app();
    press(&mut app, KeyCode::Char('p'));
    let other = Rates {
        services: vec![ServiceRates { name: "new".to_owned(), ..ServiceRates::default() }],
        ..rates()
    };
    app.take(verdict(), Some(other));
    assert_eq!(app.rows()[0].cells[0].text, "web");
    assert!(drawn(&mut app, (80, 24))[4].contains("PAUSED"));
    press(&mut app, KeyCode::Char(' '));
    assert_eq!(app.rows()[0].cells[0].text, "new");
    assert_eq!(app.received.len(), 2);
}

#[test]
fn a_dataplane_that_is_silent_leaves_the_last_numbers() {
    let mut app = app();
    let broken = Verdict {
        state: State::Broken,
        summary: "the dataplane does not answer".to_owned(),
        troubles: vec![],
    };
    app.take(broken, None);
    let lines = drawn(&mut app, (80, 24));
    assert_eq!(lines[0], "BROKEN: the dataplane does not answer");
    assert!(lines[6].starts_with("web"), "{lines:?}");
}

#[test]
fn keys_that_end_change_and_help() {
    let mut app = app();
    assert_eq!(press(&mut app, KeyCode::Char('+')), Outcome::Tell);
    assert_eq!(app.interval, Duration::from_secs(2));
    for _ in 0..20 {
        press(&mut app, KeyCode::Char('-'));
    }
    assert_eq!(app.interval, Duration::from_millis(250), "no oftener");
    press(&mut app, KeyCode::Char('?'));
    let lines = drawn(&mut app, (80, 24));
    assert!(
        lines.iter().any(|line| line.contains("show only rows that contain a text")),
        "{lines:?}"
    );
    assert_eq!(press(&mut app, KeyCode::Enter), Outcome::Nothing);
    assert!(!app.shows_help);
    assert_eq!(press(&mut app, KeyCode::Char('q')), Outcome::End);
    assert_eq!(press(&mut app, KeyCode::Esc), Outcome::End);
}

#[test]
fn a_long_table_scrolls_with_the_chosen_row() {
    let mut app = app();
    let one = |place: u32| ServiceRates {
        name: format!("service-{place:04}"),
        ..ServiceRates::default()
    };
    app.take(verdict(), Some(Rates { services: (0..1000).map(one).collect(), ..rates() }));
    assert!(drawn(&mut app, (80, 24))[6].starts_with("service-0000"));
    press(&mut app, KeyCode::End);
    let lines = drawn(&mut app, (80, 24));
    assert!(lines[21].starts_with("service-0999"), "{lines:?}");
    assert_eq!(lines[22].trim_start(), "1000/1000");
    press(&mut app, KeyCode::PageUp);
    press(&mut app, KeyCode::Home);
    assert!(drawn(&mut app, (80, 24))[6].starts_with("service-0000"));
    // What goes away takes the choice with it.
    press(&mut app, KeyCode::End);
    app.take(verdict(), Some(rates()));
    assert_eq!(drawn(&mut app, (80, 24))[22].trim_start(), "3/3");
}

#[test]
fn any_size_is_drawn() {
    let mut app = app();
    for group in Group::ALL {
        app.group = group;
        for help in [false, true] {
            app.shows_help = help;
            for size in [(1, 1), (39, 24), (80, 9), (40, 10), (80, 24), (300, 100)] {
                assert_eq!(drawn(&mut app, size).len(), usize::from(size.1));
            }
        }
    }
    app.shows_help = false;
    assert!(drawn(&mut app, (39, 24))[0].starts_with("the terminal is too small"));
    let narrow = drawn(&mut app, (40, 10));
    assert!(
        narrow[5].starts_with("CORE") && !narrow[5].contains("FULL"),
        "columns that fit: {narrow:?}"
    );
}

#[test]
fn states_are_words_and_colours_only_where_wanted() {
    let mut app = app();
    app.group = Group::Servers;
    let colour = |app: &mut App, theme| {
        let terminal = terminal(app, (80, 24), theme);
        let buffer = terminal.backend().buffer();
        let row =
            (6..20).find(|y| buffer[(7, *y)].symbol() == "1" && buffer[(8, *y)].symbol() == "2");
        buffer[(0, row.unwrap())].fg
    };
    assert_eq!(colour(&mut app, Theme { has_colours: true, ..PLAIN }), Color::Red);
    assert_eq!(colour(&mut app, PLAIN), Color::Reset);
    assert!(drawn(&mut app, (80, 24)).iter().any(|line| line.contains("web       down")));
    let terminal = terminal(&mut app, (80, 24), PLAIN);
    let chosen = terminal.backend().buffer()[(0, 6)].modifier;
    assert!(chosen.contains(Modifier::REVERSED), "the chosen row is seen without colours");
}

#[test]
fn spark_lines_are_as_high_as_their_highest() {
    let values: VecDeque<u64> = [0, 1, 50, 100].into();
    assert_eq!(PLAIN.spark(&values, 6), "   ▁▄█");
    assert_eq!(PLAIN.spark(&values, 2), "▄█");
    assert_eq!(Theme { has_unicode: false, ..PLAIN }.spark(&values, 4), " _-#");
    assert_eq!(PLAIN.spark(&[u64::MAX, 0].into(), 2), "█ ");
    assert_eq!(PLAIN.spark(&VecDeque::new(), 3), "   ");
}

#[test]
fn one_table_for_a_pipe() {
    let mut out = Vec::new();
    once::write(&app(), 2, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "SERVICE  UP   NEW/S  ACTIVE  PKT/S  IN BIT/S  OUT BIT/S");
    assert_eq!(lines[1], "web      2/3    600  12,345   120k     30.0M       540M");
    assert_eq!(lines[3], "2 of 3 rows; --lines shows more");
    let mut nothing = App::new(Group::Drops, Duration::from_secs(1), false);
    nothing.rates = Some(Rates::default());
    let mut out = Vec::new();
    once::write(&nothing, 2, &mut out).unwrap();
    assert_eq!(out, b"No packet was dropped.\n");
}

/// What is forgotten takes no memory.
#[test]
fn the_past_of_what_is_gone_is_forgotten() {
    let mut app = app();
    assert!(app.past("old").is_some());
    app.take(verdict(), Some(Rates { services: Vec::new(), ..rates() }));
    assert!(app.past("old").is_none());
    for _ in 0..200 {
        app.take(verdict(), Some(rates()));
    }
    assert_eq!(app.past("web").unwrap().len(), super::app::PAST);
    let keys: HashMap<_, _> = app.rows().into_iter().map(|row| (row.key, row.rate)).collect();
    assert_eq!(keys["web"], 120_000.0);
}
