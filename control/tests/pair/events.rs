//! Events of the pair, as `tandem events` shows them on both machines.

use api::{Event, EventKind, EventSeverity};
use rustix::process::Signal;

use crate::machine::{Both, Machine, wait};

/// What `tandem events --json` shows of these kinds, the oldest first.
fn events(machine: &Machine, kinds: &str) -> Vec<Event> {
    let output = machine.tandem(&["events", "--json", "--kind", kinds]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn last(machine: &Machine, kind: &EventKind) -> Option<Event> {
    events(machine, kind.name()).pop()
}

#[test]
fn a_takeover_is_an_event_on_both_machines() {
    let mut both = Both::up();
    let first = last(&both.a, &EventKind::RoleActive).unwrap();
    assert_eq!((first.node.as_str(), first.field("term")), ("a", Some("1")));
    assert!(first.why.is_some(), "{first:?}");
    assert_eq!(events(&both.b, "role.active"), [], "b was never active");

    // On order: each machine tells its side of it, and who wanted it.
    assert!(both.a.tandem(&["failover"]).status.success());
    wait("b is active", || both.b.dataplane.is_active());
    let given = last(&both.a, &EventKind::RoleStandby).unwrap();
    assert_eq!(given.why.as_deref(), Some("the role was handed over to the peer"));
    assert!(given.actor.is_some_and(|actor| !actor.is_empty()));
    assert_eq!(given.severity, EventSeverity::Info);
    let taken = last(&both.b, &EventKind::RoleActive).unwrap();
    assert_eq!((taken.node.as_str(), taken.field("term")), ("b", Some("2")));
    assert!(taken.why.unwrap().starts_with("the peer handed the role over"));

    // By death: the one that lives tells why, and the other one finds its history again.
    wait("a is ready", || both.b.pair().peer.is_some_and(|peer| peer.ready));
    both.b.kill();
    wait("a is active", || both.a.dataplane.is_active());
    let taken = last(&both.a, &EventKind::RoleActive).unwrap();
    assert_eq!(taken.why.as_deref(), Some("the peer is silent on every path"));
    assert_eq!((taken.field("term"), taken.severity), (Some("3"), EventSeverity::Warning));
    wait("its silence is told", || last(&both.a, &EventKind::PeerSilent).is_some());
    assert_eq!(last(&both.a, &EventKind::PeerSilent).unwrap().severity, EventSeverity::Alarm);

    both.b.start();
    wait("b answers", || both.b.pair().own.name == "b");
    wait("b hears a", || last(&both.b, &EventKind::PeerHeard).is_some_and(|e| e.number > 5));
    let starts = events(&both.b, "control.started");
    assert_eq!(starts.len(), 2);
    assert_eq!(starts[1].why.as_deref(), Some("it ended without being stopped the last time"));
    assert_eq!(events(&both.b, "role.active").len(), 1, "its history has outlived it");
    let all = events(&both.b, "all");
    assert!(all.windows(2).all(|two| two[1].number == two[0].number + 1), "{all:?}");
    assert!(both.b.metrics().contains("tandem_takeovers_total 1\n"), "and so have its counters");
}

#[test]
fn an_orderly_end_is_told_and_nothing_else_is_said_of_it() {
    let mut both = Both::with("grace = \"200ms\"").start();
    both.a.signal(Signal::TERM);
    assert_eq!(both.a.ended(), Some(0));
    // Without tandem-control the history can be read all the same.
    let folder = both.a.folder.join("state/events");
    let output = both.a.tandem(&["events", "--history", folder.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().last().unwrap().contains("tandem-control was stopped"), "{text}");
    assert!(text.contains("role.leaving") || text.contains("role.standby"), "{text}");
    both.a.start();
    wait("a answers", || both.a.pair().own.name == "a");
    let start = last(&both.a, &EventKind::ControlStarted).unwrap();
    assert_eq!(start.why, None);
}

#[test]
fn what_operators_do_is_told_with_who_did_it() {
    let both = Both::up();
    assert!(both.a.tandem(&["drain", "dns", "10.0.0.11:53"]).status.success());
    let drained = last(&both.a, &EventKind::ServerDrained).unwrap();
    assert_eq!(drained.field("server"), Some("10.0.0.11:53"));
    assert!(drained.actor.is_some_and(|actor| !actor.is_empty()));
    wait("b hears of it", || last(&both.b, &EventKind::ServerDrained).is_some());
    let heard = last(&both.b, &EventKind::ServerDrained).unwrap();
    assert_eq!(heard.actor.as_deref(), Some("an operator on a"));
}

#[test]
fn a_conflict_about_an_address_is_an_event() {
    let both = Both::up();
    assert_eq!(events(&both.a, "conflict"), []);
    both.a.dataplane.state().conflicts += 3;
    wait("it is told", || last(&both.a, &EventKind::ConflictAddress).is_some());
    let conflict = last(&both.a, &EventKind::ConflictAddress).unwrap();
    assert_eq!(conflict.severity, EventSeverity::Alarm);
}
