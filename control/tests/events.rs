//! The history of events outlives restarts, power cuts and disks that refuse.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use api::{EventSeverity, EventsPage};
use control::events::journal::{Limits, folder_in};
use control::events::{Draft, EventKind, Events};

struct State(PathBuf);

impl State {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tandem-events-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        State(path)
    }

    fn start(&self) -> Events {
        Events::start(&self.0, "a").unwrap()
    }

    fn newest_file(&self) -> PathBuf {
        let files = fs::read_dir(folder_in(&self.0)).unwrap().map(|entry| entry.unwrap().path());
        files.max().unwrap()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn down(events: &Events, server: &str) {
    let draft = Draft::new(EventKind::ServerDown, format!("{server} of web is down"));
    events.emit(draft.field("service", "web").field("server", server));
}

fn up(events: &Events, server: &str) {
    let draft = Draft::new(EventKind::ServerUp, format!("{server} of web is up"));
    events.emit(draft.field("service", "web").field("server", server));
}

fn finish(events: &Events) {
    events.finish(Duration::from_secs(20));
}

fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came to be that {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn numbers(events: &[api::Event]) -> Vec<u64> {
    events.iter().map(|event| event.number).collect()
}

#[tokio::test]
async fn numbers_totals_and_history_go_on_after_a_restart() {
    let state = State::new("restart");
    let events = state.start();
    down(&events, "10.0.0.11:80");
    up(&events, "10.0.0.11:80");
    down(&events, "10.0.0.12:80");
    finish(&events);
    drop(events);

    let events = state.start();
    let totals = events.totals();
    assert_eq!(totals.of(&EventKind::ServerDown), 2);
    assert_eq!(totals.server("web", "10.0.0.11:80").transitions, 2);
    assert!(totals.server("web", "10.0.0.12:80").is_down);
    assert_eq!(events.recent(2).iter().map(|event| event.number).collect::<Vec<_>>(), [2, 3]);
    let alarm = Draft::new(EventKind::ServiceDown, "service web: all servers are down");
    events.emit(alarm.field("service", "web"));
    wait("it is counted", || events.totals().last == 4);
    let all = events.page(EventsPage::default()).await.unwrap();
    assert_eq!(numbers(&all.events), [1, 2, 3, 4]);
    let page = EventsPage { severity: EventSeverity::Alarm, ..EventsPage::default() };
    assert_eq!(numbers(&events.page(page).await.unwrap().events), [4]);
    assert_eq!(events.totals().services["web"], "service.down");
}

#[tokio::test]
async fn a_power_cut_costs_the_unfinished_record_only() {
    let state = State::new("torn");
    let events = state.start();
    down(&events, "10.0.0.11:80");
    down(&events, "10.0.0.12:80");
    finish(&events);
    drop(events);
    let file = state.newest_file();
    let whole = fs::metadata(&file).unwrap().len();
    // What a file system may leave: half a record, then zeros.
    let mut torn = OpenOptions::new().append(true).open(&file).unwrap();
    torn.write_all(b"0123456789abcdef {\"version\":1,\"numb").unwrap();
    torn.write_all(&[0; 4000]).unwrap();
    drop(torn);
    let events = state.start();
    assert_eq!(fs::metadata(&file).unwrap().len(), whole, "it is cut off");
    up(&events, "10.0.0.12:80");
    finish(&events);
    drop(events);
    let events = state.start();
    let all = events.page(EventsPage::default()).await.unwrap();
    assert_eq!((numbers(&all.events), all.damaged), (vec![1, 2, 3], 0));
}

#[tokio::test]
async fn thousands_of_events_are_found_page_by_page_and_the_oldest_are_gone() {
    let state = State::new("many");
    let limits = Limits { bytes: 100_000, files: 4 };
    let events = Events::start_with(&state.0, "a", limits).unwrap();
    for number in 1..=3000_u64 {
        down(&events, &format!("10.0.0.{}:80", number % 200));
        // As they come: not faster than they are taken.
        if number % 500 == 0 {
            finish(&events);
        }
    }
    wait("all are counted", || events.totals().last == 3000);
    assert_eq!(events.lost(), 0);
    let (mut page, mut found) = (EventsPage::default(), Vec::new());
    loop {
        let answer = events.page(page.clone()).await.unwrap();
        assert!(answer.events.len() <= 500);
        found.extend(numbers(&answer.events));
        page.after = answer.next;
        if !answer.more {
            break;
        }
    }
    assert_eq!(found.last(), Some(&3000));
    assert!(found.len() > 600 && found.len() < 3000, "{}", found.len());
    assert!(found.windows(2).all(|two| two[1] == two[0] + 1), "each once, in order");
    drop(events);
    let events = Events::start_with(&state.0, "a", limits).unwrap();
    assert_eq!(events.totals().of(&EventKind::ServerDown), 3000, "also those that are gone");
}

#[tokio::test]
async fn who_waits_gets_the_next_event() {
    let state = State::new("follow");
    let events = state.start();
    down(&events, "10.0.0.11:80");
    wait("it is there", || events.totals().last == 1);
    let page =
        EventsPage { after: 1, kinds: vec!["role".into()], wait: true, ..Default::default() };
    let waiting = tokio::spawn({
        let events = events.clone();
        async move { events.page(page).await.unwrap() }
    });
    up(&events, "10.0.0.11:80");
    events.emit(Draft::new(EventKind::RoleActive, "this machine is active now"));
    let found = waiting.await.unwrap();
    assert_eq!((numbers(&found.events), found.next), (vec![3], 3));
    let mut coming = events.subscribe();
    down(&events, "10.0.0.12:80");
    assert_eq!(coming.recv().await.unwrap().number, 4);
}

/// Without a folder for the history everything else goes on, and it is written as soon as that is
/// possible.
#[tokio::test]
async fn a_disk_that_refuses_costs_the_history_only() {
    let state = State::new("refused");
    fs::write(&state.0, "in the way").unwrap();
    let events = state.start();
    down(&events, "10.0.0.11:80");
    wait("it is there all the same", || events.recent(9).len() == 1);
    let all = events.page(EventsPage::default()).await.unwrap();
    assert_eq!(numbers(&all.events), [1]);
    fs::remove_file(&state.0).unwrap();
    finish(&events);
    drop(events);
    let all = state.start().page(EventsPage::default()).await.unwrap();
    assert_eq!(numbers(&all.events), [1]);
}

#[test]
fn every_kind_of_event_is_described_and_no_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().skip_while(|line| !line.starts_with("| kind | severity |")).skip(2);
    let described: Vec<_> = lines.take_while(|line| line.starts_with('|')).collect();
    let row = |kind: &EventKind| format!("| `{kind}` | {} | {} |", kind.severity(), kind.meaning());
    assert_eq!(described, EventKind::ALL.iter().map(row).collect::<Vec<_>>());
}
