//! Schedulers against what they promise.

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::prelude::*;
use wire::Port;

use super::*;

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

    fn load(&self, at: usize) -> Load {
        self.0[at].load
    }
}

fn pick(scheduler: &mut Scheduler, servers: &[Server]) -> Option<usize> {
    let key = ClientKey::from_bits([1, 2]);
    let client = Client::new(Ipv4Addr::new(198, 51, 100, 7), Port::new(40_000), key);
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
    let mut scheduler = Scheduler::new(kind, 1);
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
            let mut scheduler = Scheduler::new(kind, random);
            for _ in 0..30 {
                match pick(&mut scheduler, &servers) {
                    Some(at) => prop_assert!(servers[at].weight > 0),
                    None => prop_assert!(servers.iter().all(|server| server.weight == 0)),
                }
            }
        }
    }

    #[test]
    fn rr_is_even(count in 1usize..20, rounds in 1u32..10, random: u64) {
        let servers = vec![server(1, 0, 0); count];
        let mut scheduler = Scheduler::new(Kind::RoundRobin, random);
        let counts = spread(&mut scheduler, &servers, rounds * count as u32);
        prop_assert_eq!(counts, vec![rounds; count]);
    }

    #[test]
    fn wrr_is_exact_over_a_cycle(weights in vec(0u32..20, 1..10), random: u64) {
        let servers = servers(&weights);
        let mut scheduler = Scheduler::new(Kind::WeightedRoundRobin, random);
        let counts = spread(&mut scheduler, &servers, weights.iter().sum());
        prop_assert_eq!(counts, weights);
    }

    #[test]
    fn lc_picks_a_minimum(servers in vec((1u32..5, 0u32..99, 0u32..99), 1..20)) {
        let servers: Vec<_> = servers.into_iter().map(|(w, a, i)| server(w, a, i)).collect();
        let at = pick(&mut Scheduler::new(Kind::LeastConnection, 0), &servers).unwrap();
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
    let servers = [server(3, 0, 0), server(1, 0, 0)];
    let mut scheduler = Scheduler::new(Kind::WeightedRoundRobin, 0);
    let picks: Vec<_> = (0..4).map(|_| pick(&mut scheduler, &servers).unwrap()).collect();
    assert_eq!(picks, [0, 0, 1, 0]);
}

#[test]
fn a_reload_in_the_middle_keeps_the_proportion() {
    let mut scheduler = Scheduler::new(Kind::WeightedRoundRobin, 0);
    spread(&mut scheduler, &[server(5, 0, 0), server(3, 0, 0)], 3);
    let counts = spread(&mut scheduler, &[server(1, 0, 0), server(1, 0, 0), server(1, 0, 0)], 300);
    assert!(counts.iter().all(|&count| (95..=105).contains(&count)), "{counts:?}");
}

#[test]
fn wlc_counts_half_open_connections_little() {
    let servers = [server(1, 1, 0), server(1, 0, 200)];
    let mut scheduler = Scheduler::new(Kind::WeightedLeastConnection, 0);
    assert_eq!(pick(&mut scheduler, &servers), Some(1));
}

#[test]
fn no_servers_no_pick() {
    for &kind in Kind::ALL {
        assert_eq!(pick(&mut Scheduler::new(kind, 9), &[]), None);
    }
}

#[test]
fn wrr_goes_on_in_its_cycle_when_weights_change() {
    let mut scheduler = Scheduler::new(Kind::WeightedRoundRobin, 0);
    spread(&mut scheduler, &servers(&[60_000, 60_000]), 1);
    // What the first server owes from weights so much larger must not keep it waiting.
    let counts = spread(&mut scheduler, &servers(&[1, 1]), 10);
    assert!(counts.iter().all(|&count| (4..=6).contains(&count)), "{counts:?}");
}

#[test]
fn wrr_is_in_proportion_while_a_weight_changes_with_every_few_picks() {
    let mut scheduler = Scheduler::new(Kind::WeightedRoundRobin, 7);
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

#[test]
fn places_go_with_their_servers() {
    for kind in [Kind::RoundRobin, Kind::WeightedRoundRobin] {
        let mut scheduler = Scheduler::new(kind, 0);
        assert_eq!(pick(&mut scheduler, &servers(&[1, 1, 1])), Some(0));
        // A new server stands before all others: the second of before is next.
        scheduler.rearrange(4, |at| at.checked_sub(1));
        let next = pick(&mut scheduler, &servers(&[0, 1, 1, 1]));
        assert_eq!(next, Some(2), "{kind}");
    }
}

#[test]
fn a_turn_whose_server_is_gone_goes_on_behind_it() {
    let mut scheduler = Scheduler::new(Kind::RoundRobin, 0);
    assert_eq!(pick(&mut scheduler, &servers(&[1, 1, 1])), Some(0));
    scheduler.rearrange(2, |at| [Some(0), Some(2)][at]);
    assert_eq!(pick(&mut scheduler, &servers(&[1, 1])), Some(1));
}
