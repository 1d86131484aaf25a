//! The role follows what the machines reach, in less than a second.

use failover::{Notice, Role};

use crate::faults::Fault;
use crate::next_hops::Lost;
use crate::setting::Setting;
use crate::world::World;

const MS: u64 = 1_000;

/// A pair at rest, and which of the two is active.
fn pair(seed: u64) -> (World, usize) {
    let mut world = World::calm(seed, Setting::plain());
    world.run_until(2_000 * MS + seed * 137).unwrap();
    let active = usize::from(world.nodes[1].is_active(world.now));
    assert_eq!(world.nodes[1 - active].role(), Some(Role::Standby));
    (world, active)
}

/// How long until the role is at this machine; while it moves one is always active.
fn until_at(world: &mut World, node: usize) -> u64 {
    let since = world.now;
    while !world.nodes[node].is_active(world.now) || world.nodes[1 - node].is_active(world.now) {
        world.run_until(world.now + 100).unwrap();
        let is_active = |node: usize| world.nodes[node].is_active(world.now);
        assert!(is_active(0) || is_active(1), "nobody is active");
        assert!(world.now < since + 5_000 * MS, "the role does not move");
    }
    world.now - since
}

#[test]
fn what_only_one_machine_loses_moves_the_role_within_a_second_and_leaves_no_gap() {
    let mut times = Vec::new();
    for seed in 0..200 {
        let (mut world, active) = pair(seed);
        let (side, long) = (seed as usize / 4 % 2, 4_000 * MS);
        let fault = match seed % 4 {
            0 => Fault::WrongNetwork(side, long),
            1 => Fault::Mute(side, long),
            2 => Fault::Deaf(side, long),
            _ => Fault::Unreachable(side, 1, long),
        };
        world.begin(active, fault).unwrap();
        times.push(until_at(&mut world, 1 - active));
        // It stays there, also when the network is mended.
        world.run_until(world.now + 6_000 * MS).unwrap();
        assert!(world.nodes[1 - active].is_active(world.now), "seed {seed}");
        assert_eq!((world.outcome.claims, world.outcome.times(Notice::ReachesLess)), (2, 1));
    }
    times.sort_unstable();
    println!("median {} us, longest {} us", times[100], times[199]);
    assert!(times[199] <= 1_000 * MS, "{} us", times[199]);
}

#[test]
fn what_both_lose_moves_nothing() {
    for seed in 0..100 {
        let (mut world, _) = pair(seed);
        let side = seed as usize % 2;
        if seed % 4 < 2 {
            world.begin(0, Fault::HopsDie(side, Lost::all(side), 1_500 * MS)).unwrap();
        } else {
            world.begin(0, Fault::WrongNetwork(side, 1_500 * MS)).unwrap();
            world.begin(1, Fault::WrongNetwork(side, 1_500 * MS)).unwrap();
        }
        world.run_until(world.now + 4_000 * MS).unwrap();
        assert_eq!((world.outcome.claims, world.outcome.times(Notice::ReachesLess)), (1, 0));
    }
}

#[test]
fn what_only_the_standby_machine_loses_moves_nothing() {
    for seed in 0..100 {
        let (mut world, active) = pair(seed);
        world.begin(1 - active, Fault::WrongNetwork(seed as usize % 2, 1_500 * MS)).unwrap();
        world.run_until(world.now + 4_000 * MS).unwrap();
        assert_eq!(world.outcome.claims, 1);
    }
}
