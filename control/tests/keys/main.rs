//! The pair's key changes while the pair runs: the real heartbeats, state machines, files and steps of
//! two machines, on simulated time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod world;

use std::time::Duration;

use control::pair_key::rotation::rotate;

use world::{Takeover, World};

const PATIENCE: Duration = Duration::from_secs(5);

fn change(world: &mut World) {
    let mut said = Vec::new();
    let result = rotate(world, "b", PATIENCE, |line| said.push(line.to_owned()));
    let used = result.unwrap_or_else(|why| panic!("{why}, after {said:?}"));
    assert_eq!(world.keys(), [(used.clone(), None), (used, None)]);
}

/// A hundred changes, and in each a takeover at another place: handed over in order, or by the death
/// and restart of the active machine.
#[test]
fn a_hundred_changes_with_takeovers_in_between_move_no_role_of_their_own() {
    let mut world = World::new("hundred");
    world.pass(Duration::from_secs(1));
    for round in 0..100 {
        let takeover = if round % 2 == 0 { Takeover::Handover } else { Takeover::Death };
        world.take_over_after(round / 2 % 6, takeover);
        change(&mut world);
        world.pass(Duration::from_millis(500));
        assert_eq!(world.changes, world.takeovers, "in round {round}");
    }
    assert_eq!(world.takeovers, 100);
    assert_eq!(world.refused, 0, "no heartbeat was refused for its key");
    let lasting = world.lasting();
    assert!(lasting.iter().all(|one| *one == lasting[0]), "clients stay with their servers");
}

#[test]
fn a_change_alone_keeps_role_and_starts() {
    let mut world = World::new("alone");
    world.pass(Duration::from_secs(1));
    let starts = world.starts();
    change(&mut world);
    world.pass(Duration::from_secs(1));
    assert_eq!((world.changes, world.refused, world.starts()), (0, 0, starts));
}

/// The control: the same change with a peer that accepts one key only. It is refused, and the role moves.
#[test]
fn a_peer_that_accepts_one_key_only_is_refused_and_the_change_stops_before() {
    let mut world = World::new("one");
    world.pass(Duration::from_secs(1));
    world.peer_takes_one_key = true;
    let why = rotate(&mut world, "b", PATIENCE, |_| ()).unwrap_err();
    assert!(why.starts_with("b did not do it: "), "{why}");
    world.pass(Duration::from_secs(1));
    assert_eq!((world.changes, world.refused), (0, 0), "it stopped in time");
    // Had it not: what counts refused heartbeats and changes of the role does count.
    world.use_new_key_on_own();
    world.pass(Duration::from_secs(1));
    assert!(world.refused > 10 && world.changes > 0, "{} {}", world.refused, world.changes);
}
