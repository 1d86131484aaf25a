//! One thing at a time happens to a pair that is at rest, and what it comes to is measured.

use failover::{Notice, Role};

use crate::faults::Fault;
use crate::setting::Setting;
use crate::world::World;

const MS: u64 = 1_000;

/// A pair at rest, and which of the two is active.
fn pair(seed: u64, setting: Setting) -> (World, usize) {
    let mut world = World::calm(seed, setting);
    world.run_until(1_500 * MS + seed * 137).unwrap();
    let active = usize::from(world.nodes[1].is_active(world.now));
    assert_eq!(world.nodes[1 - active].role(), Some(Role::Standby));
    (world, active)
}

/// How long nobody was active, and how long both were, until the end.
fn watch(world: &mut World, time: u64) -> (u64, u64) {
    let (mut nobody, mut both) = (0, 0);
    let end = world.now + time;
    while world.now < end {
        world.run_until(world.now + 100).unwrap();
        let active = [0, 1].map(|node: usize| world.nodes[node].is_active(world.now));
        nobody += u64::from(active == [false, false]) * 100;
        both += u64::from(active == [true, true]) * 100;
    }
    (nobody, both)
}

#[test]
fn a_machine_that_dies_is_replaced_within_180_ms() {
    let mut gaps: Vec<u64> = (0..200)
        .map(|seed| {
            let (mut world, active) = pair(seed, Setting::plain());
            world.begin(active, Fault::CrashMachine(2_000 * MS)).unwrap();
            let (nobody, both) = watch(&mut world, 400 * MS);
            assert_eq!(both, 0);
            assert!(world.nodes[1 - active].is_active(world.now), "seed {seed}");
            nobody
        })
        .collect();
    gaps.sort_unstable();
    println!("gap: median {} us, longest {} us", gaps[100], gaps[199]);
    assert!(gaps[100] <= 155 * MS && gaps[199] <= 180 * MS);
}

#[test]
fn a_link_down_moves_both_sides_within_five_heartbeats() {
    for seed in 0..200 {
        let (mut world, active) = pair(seed, Setting::plain());
        world.begin(active, Fault::LinkDown(seed as usize % 2, 1_000 * MS)).unwrap();
        let (nobody, both) = watch(&mut world, 100 * MS);
        assert_eq!(world.nodes[active].sides(world.now), [false, false], "seed {seed}");
        assert_eq!(world.nodes[1 - active].sides(world.now), [true, true], "seed {seed}");
        assert!(nobody == 0 && both <= 5 * MS, "seed {seed}: {nobody} {both}");
    }
}

#[test]
fn a_link_down_moves_nothing_to_a_machine_that_is_not_ready() {
    for seed in 0..50 {
        let (mut world, active) = pair(seed, Setting::plain());
        world.begin(1 - active, Fault::LinkDown(0, 1_000 * MS)).unwrap();
        watch(&mut world, 50 * MS);
        world.begin(active, Fault::LinkDown(1, 1_000 * MS)).unwrap();
        watch(&mut world, 800 * MS);
        assert!(world.nodes[active].is_active(world.now), "seed {seed}");
        assert_eq!(world.outcome.claims, 1);
    }
}

#[test]
fn a_planned_handover_leaves_no_gap() {
    for (seed, at) in (0..100).flat_map(|seed| [(seed, 0), (seed, 1)]) {
        let (mut world, active) = pair(seed, Setting::plain());
        world.begin(at, Fault::Handover).unwrap();
        let (nobody, both) = watch(&mut world, 300 * MS);
        assert!(world.nodes[1 - active].is_active(world.now), "seed {seed}");
        assert!(nobody == 0 && both <= 5 * MS, "seed {seed}: {nobody} {both}");
    }
}

#[test]
fn a_machine_that_is_stopped_in_order_leaves_no_gap() {
    for seed in 0..100 {
        let (mut world, active) = pair(seed, Setting::plain());
        world.begin(active, Fault::Leave(1_000 * MS)).unwrap();
        let (nobody, both) = watch(&mut world, 500 * MS);
        assert!(world.nodes[1 - active].is_active(world.now), "seed {seed}");
        assert!(nobody == 0 && both <= 5 * MS, "seed {seed}: {nobody} {both}");
    }
}

#[test]
fn a_dataplane_that_dies_alone_is_replaced_at_once() {
    for seed in 0..100 {
        let (mut world, active) = pair(seed, Setting::plain());
        world.begin(active, Fault::CrashDataplane(500 * MS)).unwrap();
        let (nobody, _) = watch(&mut world, 200 * MS);
        assert!(world.nodes[1 - active].is_active(world.now), "seed {seed}");
        assert!(nobody <= 30 * MS, "seed {seed}: {nobody}");
    }
}

#[test]
fn a_control_that_is_restarted_within_the_lease_changes_nothing() {
    let (mut world, active) = pair(1, Setting::plain());
    for crash in 0..200 {
        world.begin(active, Fault::CrashControl((crash % 95 + 1) * MS)).unwrap();
        let (nobody, both) = watch(&mut world, 200 * MS);
        assert_eq!((nobody, both), (0, 0), "crash {crash}");
        assert!(world.nodes[active].is_active(world.now));
    }
    assert_eq!((world.outcome.claims, world.outcome.resumed), (1, 200));
}

#[test]
fn paths_that_fail_one_by_one_change_nothing_while_one_is_left() {
    let (mut world, active) = pair(2, Setting::plain());
    for (path, node) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1 - active)] {
        world.begin(node, Fault::Cut(path, 1_500 * MS)).unwrap();
        watch(&mut world, 250 * MS);
    }
    // The standby hears the active one over the last path, one way only.
    assert_eq!(world.outcome.claims, 1);
}

#[test]
fn none_takes_over_in_an_hour_at_a_loss_of_a_tenth() {
    let claims = |loss| {
        let (mut world, _) = pair(3, Setting::plain());
        world.network.everyday_loss = loss;
        world.run_until(3_600_000 * MS).unwrap();
        world.outcome.claims
    };
    assert_eq!(claims(100), 1);
    assert_eq!(claims(300), 1);
    assert!(claims(750) > 1, "a loss that no dead interval outlasts");
}

#[test]
fn a_partition_that_heals_leaves_one_active_that_announces() {
    for seed in 0..100 {
        let (mut world, _) = pair(seed, Setting::plain());
        world.begin(0, Fault::Partition(500 * MS)).unwrap();
        watch(&mut world, 499 * MS);
        let announced = world.outcome.announced;
        assert_eq!([0, 1].map(|node: usize| world.nodes[node].is_active(world.now)), [true; 2]);
        let (nobody, both) = watch(&mut world, 200 * MS);
        assert!(nobody == 0 && both <= 30 * MS, "seed {seed}: {nobody} {both}");
        assert_eq!(world.outcome.times(Notice::ConflictLost), 1);
        assert!(world.outcome.announced > announced, "seed {seed}");
    }
}

#[test]
fn with_a_witness_the_machine_that_is_cut_off_gives_way() {
    for (seed, cut_off) in (0..50).flat_map(|seed| [(seed, 0), (seed, 1)]) {
        let (mut world, _) = pair(seed, Setting { has_witness: true, ..Setting::plain() });
        world.begin(0, Fault::Partition(1_000 * MS)).unwrap();
        world.begin(cut_off, Fault::WitnessLost(1_000 * MS)).unwrap();
        watch(&mut world, 300 * MS);
        let (nobody, both) = watch(&mut world, 500 * MS);
        assert_eq!((nobody, both), (0, 0), "seed {seed}");
        assert!(world.nodes[1 - cut_off].is_active(world.now), "seed {seed}");
    }
}

#[test]
fn a_pause_of_any_length_never_makes_two_active() {
    for (seed, time) in [50, 100, 110, 130, 140, 149, 151, 160, 250, 1_000, 10_000]
        .into_iter()
        .flat_map(|time| (0..30).map(move |seed| (seed, time)))
    {
        for (who, whole) in [(0, false), (1, false), (0, true), (1, true)] {
            let (mut world, _) = pair(seed, Setting::plain());
            let pause = if whole { Fault::PauseMachine } else { Fault::PauseControl };
            world.begin(who, pause(time * MS)).unwrap();
            let (_, both) = watch(&mut world, time.min(1_800) * MS + 300 * MS);
            assert_eq!(both, 0, "seed {seed}: {who} paused for {time} ms");
        }
    }
}
