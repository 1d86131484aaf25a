//! Schedulers against what they promise.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const KINDS: [Kind; 4] = [
    Kind::RoundRobin,
    Kind::WeightedRoundRobin,
    Kind::LeastConnection,
    Kind::WeightedLeastConnection,
];

fn slot(weight: u32, active: u32, inactive: u32) -> ServerSlot {
    ServerSlot { weight, active, inactive }
}

fn spread(scheduler: &mut Scheduler, servers: &[ServerSlot], picks: u32) -> Vec<u32> {
    let mut counts = vec![0; servers.len()];
    for _ in 0..picks {
        if let Some(at) = scheduler.pick(servers) {
            counts[at] += 1;
        }
    }
    counts
}

/// Lets every pick be a connection that stays.
fn settle(kind: Kind, weights: &[u32], picks: u32) -> Vec<u32> {
    let mut scheduler = Scheduler::new(kind, 1);
    let mut servers: Vec<_> = weights.iter().map(|&weight| slot(weight, 0, 0)).collect();
    for _ in 0..picks {
        if let Some(at) = scheduler.pick(&servers) {
            servers[at].active += 1;
        }
    }
    servers.iter().map(|server| server.active).collect()
}

proptest! {
    #[test]
    fn nobody_without_weight_is_picked(
        servers in vec((0u32..3, 0u32..50, 0u32..50), 0..20), random: u64,
    ) {
        let servers: Vec<_> = servers.into_iter().map(|(w, a, i)| slot(w, a, i)).collect();
        for kind in KINDS {
            let mut scheduler = Scheduler::new(kind, random);
            for _ in 0..30 {
                match scheduler.pick(&servers) {
                    Some(at) => prop_assert!(servers[at].weight > 0),
                    None => prop_assert!(servers.iter().all(|server| server.weight == 0)),
                }
            }
        }
    }

    #[test]
    fn rr_is_even(count in 1usize..20, rounds in 1u32..10, random: u64) {
        let servers = vec![slot(1, 0, 0); count];
        let mut scheduler = Scheduler::new(Kind::RoundRobin, random);
        let counts = spread(&mut scheduler, &servers, rounds * count as u32);
        prop_assert_eq!(counts, vec![rounds; count]);
    }

    #[test]
    fn wrr_is_exact_over_a_cycle(weights in vec(0u32..20, 1..10), random: u64) {
        let servers: Vec<_> = weights.iter().map(|&weight| slot(weight, 0, 0)).collect();
        let mut scheduler = Scheduler::new(Kind::WeightedRoundRobin, random);
        let counts = spread(&mut scheduler, &servers, weights.iter().sum());
        prop_assert_eq!(counts, weights);
    }

    #[test]
    fn lc_picks_a_minimum(servers in vec((1u32..5, 0u32..99, 0u32..99), 1..20)) {
        let servers: Vec<_> = servers.into_iter().map(|(w, a, i)| slot(w, a, i)).collect();
        let at = Scheduler::new(Kind::LeastConnection, 0).pick(&servers).unwrap();
        prop_assert!(servers.iter().all(|other| servers[at].overhead() <= other.overhead()));
    }

    #[test]
    fn wlc_settles_in_proportion(weights in vec(1u32..8, 1..8)) {
        let total: u32 = weights.iter().sum();
        let counts = settle(Kind::WeightedLeastConnection, &weights, total * 50);
        for (count, weight) in counts.iter().zip(&weights) {
            prop_assert!(count.abs_diff(weight * 50) <= weights.len() as u32 + 8);
        }
    }
}

#[test]
fn wrr_mixes() {
    let servers = [slot(3, 0, 0), slot(1, 0, 0)];
    let mut scheduler = Scheduler::new(Kind::WeightedRoundRobin, 0);
    let picks: Vec<_> = (0..4).map(|_| scheduler.pick(&servers).unwrap()).collect();
    assert_eq!(picks, [0, 0, 1, 0]);
}

#[test]
fn a_reload_in_the_middle_keeps_the_proportion() {
    let mut scheduler = Scheduler::new(Kind::WeightedRoundRobin, 0);
    spread(&mut scheduler, &[slot(5, 0, 0), slot(3, 0, 0)], 3);
    let counts = spread(&mut scheduler, &[slot(1, 0, 0), slot(1, 0, 0), slot(1, 0, 0)], 300);
    assert!(counts.iter().all(|&count| (95..=105).contains(&count)), "{counts:?}");
}

#[test]
fn wlc_counts_half_open_connections_little() {
    let servers = [slot(1, 1, 0), slot(1, 0, 200)];
    assert_eq!(Scheduler::new(Kind::WeightedLeastConnection, 0).pick(&servers), Some(1));
}

#[test]
fn no_servers_no_pick() {
    for kind in KINDS {
        assert_eq!(Scheduler::new(kind, 9).pick(&[]), None);
    }
}
