//! Two machines with one name, as after a configuration was copied: a pair like any other.

use super::*;

/// The peer has this machine's name, and drew this number when it started.
fn alike(role: Role, term: u64, start: u128) -> Heartbeat {
    Heartbeat { identity: Identity { start, ..identity("m", 100) }, ..peer(role, term) }
}

fn harness(mut harness: Harness) -> Harness {
    harness.machine.set_start(1_000);
    harness
}

#[test]
fn it_stands_by_beside_an_active_one_and_takes_over_when_that_dies() {
    let mut harness = harness(Harness::new());
    harness.fit(Fitness::READY);
    harness.peer = Some(alike(Role::Active, 5, 7));
    assert_eq!(deeds(&harness.run(5_000)), []);
    harness.silence();
    let actions = harness.run(150);
    assert_eq!(deeds(&actions), [Action::Claim(Term(6)), Action::Report(Notice::PeerDead)]);
}

#[test]
fn of_two_without_the_role_the_one_with_the_higher_number_leads() {
    for (start, claims) in [(999, true), (1_001, false)] {
        let mut harness = harness(Harness::standby());
        harness.hear(alike(Role::Standby, 5, start));
        assert_eq!(harness.machine.role() == Role::Active, claims, "{start}");
    }
}

#[test]
fn of_two_active_ones_of_one_term_the_one_with_the_lower_number_gives_way() {
    for (start, gives_way) in [(999, false), (1_001, true)] {
        let mut harness = harness(Harness::active());
        let actions = harness.hear(alike(Role::Active, 5, start));
        assert_eq!(actions.contains(&Action::Release), gives_way, "{start}");
    }
    let mut harness = harness(Harness::active());
    harness.hear(alike(Role::Active, 6, 1));
    assert_eq!(harness.machine.role(), Role::Standby, "the term goes first");
}
