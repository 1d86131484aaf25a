//! Schedulers against what they promise.

mod distribution;
mod hashes;
mod machine;
mod tables;

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wire::Port;

use super::*;
use crate::random::Random;

#[derive(Clone, Copy)]
struct Server {
    weight: u32,
    load: Load,
}

struct List<'a>(&'a [Server]);

impl Servers for List<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn weight(&self, at: usize) -> u32 {
        self.0[at].weight
    }

    fn configured(&self, at: usize) -> u32 {
        self.0[at].weight.max(1)
    }

    fn load(&self, at: usize) -> Load {
        self.0[at].load
    }

    fn seed(&self, at: usize) -> u64 {
        siphash::mix(at as u64 + 1)
    }

    fn maglev(&self) -> Option<&Maglev> {
        None
    }

    /// Everything may have changed with each pick.
    fn weight_version(&self) -> Option<u64> {
        None
    }

    fn version(&self) -> Option<u64> {
        None
    }

    fn changed(&self, _: impl FnMut(usize, Load)) {}
}

fn scheduler(kind: Kind, random: u64) -> Scheduler {
    Scheduler::new(kind, HashOptions::default(), random)
}

fn pick(scheduler: &mut Scheduler, servers: &[Server]) -> Option<usize> {
    let key = ClientKey::from_bits([1, 2]);
    let address = Ipv4Addr::new(198, 51, 100, 7);
    let client = Client::new(address, Port::new(40_000), Ipv4Addr::new(198, 51, 100, 10), key);
    scheduler.pick(&client, &List(servers))
}

fn server(weight: u32, active: u32, inactive: u32) -> Server {
    Server { weight, load: Load { active, inactive } }
}

fn servers(weights: &[u32]) -> Vec<Server> {
    weights.iter().map(|&weight| server(weight, 0, 0)).collect()
}

fn spread(scheduler: &mut Scheduler, servers: &[Server], picks: u32) -> Vec<u32> {
    let mut counts = vec![0; servers.len()];
    for _ in 0..picks {
        if let Some(at) = pick(scheduler, servers) {
            counts[at] += 1;
        }
    }
    counts
}

/// Lets every pick be a connection that stays.
fn settle(kind: Kind, weights: &[u32], picks: u32) -> Vec<u32> {
    let mut scheduler = scheduler(kind, 1);
    let mut servers = servers(weights);
    for _ in 0..picks {
        if let Some(at) = pick(&mut scheduler, &servers) {
            servers[at].load.active += 1;
        }
    }
    servers.iter().map(|server| server.load.active).collect()
}

proptest! {
    #[test]
    fn nobody_without_weight_is_picked(
        servers in vec((0u32..3, 0u32..50, 0u32..50), 0..20), random: u64,
    ) {
        let servers: Vec<_> = servers.into_iter().map(|(w, a, i)| server(w, a, i)).collect();
        for &kind in Kind::ALL {
            let mut scheduler = scheduler(kind, random);
            for _ in 0..30 {
                match pick(&mut scheduler, &servers) {
                    Some(at) => prop_assert!(servers[at].weight > 0),
                    // ovf refuses when nobody has room.
                    None => {
                        let is_full = |one: &Server| {
                            kind == Kind::Overflow && one.load.active > one.weight
                        };
                        prop_assert!(servers.iter().all(|one| one.weight == 0 || is_full(one)));
                    }
                }
            }
        }
    }

    #[test]
    fn rr_is_even(count in 1usize..20, rounds in 1u32..10, random: u64) {
        let servers = vec![server(1, 0, 0); count];
        let mut scheduler = scheduler(Kind::RoundRobin, random);
        let counts = spread(&mut scheduler, &servers, rounds * count as u32);
        prop_assert_eq!(counts, vec![rounds; count]);
    }

    #[test]
    fn wrr_is_exact_over_a_cycle(weights in vec(0u32..20, 1..10), random: u64) {
        let servers = servers(&weights);
        let mut scheduler = scheduler(Kind::WeightedRoundRobin, random);
        let counts = spread(&mut scheduler, &servers, weights.iter().sum());
        prop_assert_eq!(counts, weights);
    }

    #[test]
    fn lc_picks_a_minimum(servers in vec((1u32..5, 0u32..99, 0u32..99), 1..20)) {
        let servers: Vec<_> = servers.into_iter().map(|(w, a, i)| server(w, a, i)).collect();
        let at = pick(&mut scheduler(Kind::LeastConnection, 0), &servers).unwrap();
        prop_assert!(servers.iter().all(|other| servers[at].load.overhead() <= other.load.overhead()));
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
    let picks = |weights: &[u32], random, count| {
        let mut scheduler = scheduler(Kind::WeightedRoundRobin, random);
        let servers = servers(weights);
        (0..count).map(|_| pick(&mut scheduler, &servers).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(picks(&[3, 1], 0, 8), [0, 1, 0, 0, 0, 1, 0, 0]);
    for random in (0..100u64).map(siphash::mix) {
        let picks = picks(&[4, 3, 2], random, 90);
        let runs = picks.windows(3).filter(|run| run.iter().all(|&at| at == run[0]));
        assert_eq!(runs.count(), 0, "{picks:?}");
    }
}

#[test]
fn a_reload_in_the_middle_keeps_the_proportion() {
    let mut scheduler = scheduler(Kind::WeightedRoundRobin, 0);
    spread(&mut scheduler, &[server(5, 0, 0), server(3, 0, 0)], 3);
    let counts = spread(&mut scheduler, &[server(1, 0, 0), server(1, 0, 0), server(1, 0, 0)], 300);
    assert!(counts.iter().all(|&count| (95..=105).contains(&count)), "{counts:?}");
}

#[test]
fn wlc_counts_half_open_connections_little() {
    let servers = [server(1, 1, 0), server(1, 0, 200)];
    let mut scheduler = scheduler(Kind::WeightedLeastConnection, 0);
    assert_eq!(pick(&mut scheduler, &servers), Some(1));
}

#[test]
fn no_servers_no_pick() {
    for &kind in Kind::ALL {
        assert_eq!(pick(&mut scheduler(kind, 9), &[]), None);
    }
}

#[test]
fn wrr_goes_on_in_its_cycle_when_weights_change() {
    let mut scheduler = scheduler(Kind::WeightedRoundRobin, 0);
    spread(&mut scheduler, &servers(&[60_000, 60_000]), 1);
    // What the first server owes from weights so much larger must not keep it waiting.
    let counts = spread(&mut scheduler, &servers(&[1, 1]), 10);
    assert!(counts.iter().all(|&count| (4..=6).contains(&count)), "{counts:?}");
}

#[test]
fn wrr_is_in_proportion_while_a_weight_changes_with_every_few_picks() {
    let mut scheduler = scheduler(Kind::WeightedRoundRobin, 7);
    let mut counts = [0u32; 3];
    for round in 0..2000 {
        let weights = if round % 2 == 0 { [1, 1, 1] } else { [4, 1, 1] };
        let spread = spread(&mut scheduler, &servers(&weights), 6);
        counts.iter_mut().zip(spread).for_each(|(count, more)| *count += more);
    }
    // Two of six, then four of six.
    for (count, expected) in counts.iter().zip([6000, 3000, 3000]) {
        assert!(count.abs_diff(expected) < 300, "{counts:?}");
    }
}

/// The clock begins anew in the middle of this, whatever the phase.
#[test]
fn wrr_goes_on_for_ever() {
    for (weights, random) in [([1, 1], 0), ([1, 1], u64::MAX), ([65_535, 1], 0), ([3, 2], 5)] {
        let mut scheduler = scheduler(Kind::WeightedRoundRobin, random);
        let counts = spread(&mut scheduler, &servers(&weights), 100 * (weights[0] + weights[1]));
        for (count, weight) in counts.iter().zip(weights) {
            let share = 100 * weight;
            assert!(count.abs_diff(share) <= 1 + share / 10_000, "{counts:?} of {weights:?}");
        }
    }
}

#[test]
fn places_go_with_their_servers() {
    for kind in [Kind::RoundRobin, Kind::WeightedRoundRobin] {
        let mut scheduler = scheduler(kind, 0);
        assert_eq!(pick(&mut scheduler, &servers(&[1, 1, 1])), Some(0));
        // A new server stands before all others: the second of before is next.
        scheduler.rearrange(4, |at| at.checked_sub(1));
        let next = pick(&mut scheduler, &servers(&[0, 1, 1, 1]));
        assert_eq!(next, Some(2), "{kind}");
    }
}

#[test]
fn a_turn_whose_server_is_gone_goes_on_behind_it() {
    let mut scheduler = scheduler(Kind::RoundRobin, 0);
    assert_eq!(pick(&mut scheduler, &servers(&[1, 1, 1])), Some(0));
    scheduler.rearrange(2, |at| [Some(0), Some(2)][at]);
    assert_eq!(pick(&mut scheduler, &servers(&[1, 1])), Some(1));
}
