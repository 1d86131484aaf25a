//! Two machines that were given the same `node.name`, as when a configuration is copied and
//! only its addresses are changed.

use std::time::Duration;

use api::Role;

use crate::machine::{Both, Machine, throughout, wait};

const WARNING: &str = "the peer has the same node.name \"a\" as this machine: give one of the two \
                       machines another name";

fn rename(machine: &Machine, from: &str, to: &str) {
    let file = machine.folder.join("tandem.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let (from, to) = (format!("name = \"{from}\""), format!("name = \"{to}\""));
    assert!(config.contains(&from), "{config}");
    std::fs::write(&file, config.replace(&from, &to)).unwrap();
}

/// Both configured with the name "a".
fn alike() -> Both {
    let both = Both::new();
    rename(&both.b, "b", "a");
    both
}

/// The machine that has the role, and the other one.
fn roles(both: &mut Both) -> (&mut Machine, &mut Machine) {
    if both.a.dataplane.is_active() {
        (&mut both.a, &mut both.b)
    } else {
        (&mut both.b, &mut both.a)
    }
}

fn one_is_active(both: &Both) -> bool {
    both.a.dataplane.is_active() != both.b.dataplane.is_active()
}

#[test]
fn of_two_that_start_at_once_one_becomes_active_and_the_other_takes_over() {
    let mut both = alike();
    both.a.start();
    both.b.start();
    wait("one is active", || {
        assert!(!(both.a.dataplane.is_active() && both.b.dataplane.is_active()));
        one_is_active(&both)
    });
    throughout(Duration::from_secs(3), "exactly one is active", || one_is_active(&both));
    let (active, standby) = roles(&mut both);
    wait("the other has all connections", || standby.pair().own.ready);
    assert_eq!(standby.pair().own.role, Role::Standby);
    active.kill();
    wait("the other takes over", || standby.dataplane.is_active());
    active.start();
    throughout(Duration::from_secs(2), "it stays", || {
        standby.dataplane.is_active() && !active.dataplane.is_active()
    });
}

#[test]
fn what_is_wrong_and_what_to_do_is_said_on_both_machines() {
    let mut both = alike().start();
    for machine in [&both.a, &both.b] {
        wait("the status says so", || machine.pair().warnings.iter().any(|w| w.contains(WARNING)));
        let said = String::from_utf8(machine.tandem(&["status", "--full"]).stdout).unwrap();
        assert!(said.contains(&format!("warning     {WARNING}")), "{said}");
        let said = String::from_utf8(machine.tandem(&["status", "--json"]).stdout).unwrap();
        assert!(said.contains(&WARNING.replace('"', "\\\"")), "{said}");
        assert!(machine.metrics().contains("tandem_pair_warnings 1\n"));
        wait("many heartbeats have come", || machine.pair().paths[0].received > 20);
        assert_eq!(machine.log().matches(WARNING).count(), 1, "once");
        let refused = machine.tandem(&["failover"]);
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(WARNING), "{said}");
    }
    assert!(both.a.dataplane.is_active() && !both.b.dataplane.is_active());
    // The remedy.
    both.b.kill();
    rename(&both.b, "a", "b");
    both.b.start();
    wait("the warning goes", || both.a.pair().warnings.is_empty());
    wait("b has all connections", || both.a.pair().peer.unwrap().ready);
    assert!(both.a.metrics().contains("tandem_pair_warnings 0\n"));
    assert!(both.a.dataplane.is_active() && !both.b.dataplane.is_active());
    assert!(both.a.tandem(&["failover"]).status.success());
}

#[test]
fn a_restart_of_the_active_ones_control_within_the_lease_changes_nothing() {
    let mut both = alike().start();
    for _ in 0..3 {
        both.a.kill();
        both.a.start();
        throughout(Duration::from_millis(1200), "a alone is active", || {
            both.a.dataplane.is_active() && !both.b.dataplane.is_active()
        });
    }
    wait("both hear each other", || both.b.pair().silence_millis.unwrap() < 100);
    assert_eq!(both.a.dataplane.state().changes.len(), 1, "it became active once");
}

#[test]
fn an_orderly_stop_hands_the_role_over() {
    let mut both = {
        let both = Both::with("grace = \"200ms\"");
        rename(&both.b, "b", "a");
        both.start()
    };
    both.a.signal(rustix::process::Signal::TERM);
    assert_eq!(both.a.ended(), Some(0));
    assert!(both.b.dataplane.is_active());
}
