//! How connections spread over servers, with one worker and with several.

use super::machine::Machine;
use super::*;

const WORKERS: [usize; 3] = [1, 2, 8];

#[test]
fn rr_is_even_but_for_where_workers_are_in_their_turns() {
    for workers in WORKERS {
        let mut machine = Machine::new(Kind::RoundRobin, workers, &[1; 8]);
        machine.open_many(10_000);
        let (most, least) = machine.extremes(&[1; 8]);
        assert!(most - least <= workers as f64, "{workers} workers: {:?}", machine.counts());
    }
}

#[test]
fn wrr_gives_each_its_share() {
    let weights = [100, 50, 25, 10, 5, 5, 3, 2];
    for workers in WORKERS {
        let mut machine = Machine::new(Kind::WeightedRoundRobin, workers, &weights);
        machine.open_many(10_000);
        for (count, weight) in machine.counts().iter().zip(weights) {
            // 1 % of all connections; and a turn for each worker's place in its cycle.
            let share = weight * 50;
            assert!(count.abs_diff(share) <= 100, "{workers} workers: {:?}", machine.counts());
            assert!(count.abs_diff(share) <= share / 100 + workers as u32 + 1);
        }
    }
}

/// Opens so many, and goes on for as many again while others close.
fn steady(machine: &mut Machine, connections: u32) {
    machine.open_many(connections);
    for _ in 0..connections {
        machine.close_any();
        machine.open_any();
    }
}

#[test]
fn the_least_loaded_come_out_even_for_their_weights() {
    let weights = [8, 8, 4, 4, 2, 2, 1, 1];
    let kinds = [
        (Kind::LeastConnection, [1; 8]),
        (Kind::WeightedLeastConnection, weights),
        (Kind::ShortestExpectedDelay, weights),
    ];
    for workers in WORKERS {
        for (kind, weights) in kinds {
            let mut machine = Machine::new(kind, workers, &weights);
            // 2,000 new connections a second, of five seconds each.
            machine.share_every = Some(20);
            steady(&mut machine, 10_000);
            let (most, least) = machine.extremes(&weights);
            assert!(most / least <= 1.05, "{kind}, {workers} workers: {:?}", machine.counts());
        }
    }
}

#[test]
fn two_choices_leave_nobody_far_above_the_mean() {
    for workers in WORKERS {
        let mut machine = Machine::new(Kind::PowerOfTwoChoices, workers, &[1; 100]);
        machine.open_many(10_000);
        let (most, _) = machine.extremes(&[1; 100]);
        assert!(most - 100.0 <= 4.0, "{workers} workers: {:?}", machine.counts());
    }
}

/// What one choice does, so that the test above says something.
#[test]
fn one_choice_leaves_some_far_above_the_mean() {
    let mut random = Random::from_seed(7);
    let mut counts = [0; 100];
    (0..10_000).for_each(|_| counts[random.below(100) as usize] += 1);
    assert!(counts.iter().any(|&count| count > 110), "{counts:?}");
}

#[test]
fn two_choices_are_drawn_by_weight() {
    let weights = [50, 30, 15, 5];
    let mut machine = Machine::new(Kind::PowerOfTwoChoices, 2, &weights);
    machine.open_many(10_000);
    let (most, least) = machine.extremes(&weights);
    assert!(most / least <= 1.05, "{:?}", machine.counts());
}

#[test]
fn nq_leaves_no_server_idle_while_another_has_two() {
    for workers in WORKERS {
        let mut machine = Machine::new(Kind::NeverQueue, workers, &[9, 1, 5, 1, 1, 3, 1, 1]);
        let mut queued = 0;
        for step in 0..5000 {
            let counts = machine.counts();
            let server = machine.open_any().unwrap();
            queued += usize::from(counts[server] >= 1 && counts.contains(&0));
            if machine.open.len() > 5 + step % 4 {
                machine.close_any();
            }
            // Workers know of each other before the next one comes.
            machine.share();
        }
        assert_eq!(queued, 0, "{workers} workers");
    }
}

#[test]
fn nq_of_workers_that_do_not_know_of_each_other_queues_at_most_once_each() {
    let mut machine = Machine::new(Kind::NeverQueue, 8, &[1; 8]).without_sharing();
    (0..8).for_each(|worker| machine.open_many_on(worker, 1));
    assert!(machine.counts().iter().all(|&count| count <= 8));
}

#[test]
fn sed_gives_the_first_connections_to_the_heavy() {
    let mut machine = Machine::new(Kind::ShortestExpectedDelay, 1, &[1, 10, 1]);
    machine.open_many(9);
    assert_eq!(machine.counts(), [0, 9, 0]);
}

#[test]
fn a_worker_knows_of_the_connections_of_others() {
    for kind in [Kind::LeastConnection, Kind::WeightedLeastConnection, Kind::NeverQueue] {
        let fill = |machine: &mut Machine| {
            machine.set_weight(1, 0);
            machine.open_many_on(0, 1000);
            machine.set_weight(1, 1);
            machine.open_many_on(1, 1000);
            machine.counts()
        };
        let counts = fill(&mut Machine::new(kind, 2, &[1, 1]));
        assert_eq!(counts, [1000, 1000], "{kind}");
        // And not when nobody tells it.
        let counts = fill(&mut Machine::new(kind, 2, &[1, 1]).without_sharing());
        assert_eq!(counts, [1500, 500], "{kind}");
    }
}

#[test]
fn workers_do_not_all_begin_with_the_same_server() {
    let kinds = [Kind::RoundRobin, Kind::WeightedRoundRobin, Kind::WeightedLeastConnection];
    for kind in kinds {
        let mut machine = Machine::new(kind, 8, &[1; 8]).without_sharing();
        (0..8).for_each(|worker| machine.open_many_on(worker, 1));
        let most = machine.counts().into_iter().max().unwrap();
        assert!(most <= 4, "{kind}: {:?}", machine.counts());
    }
}

#[test]
fn connections_that_end_at_once_go_to_equals_in_turn() {
    let mut machine = Machine::new(Kind::WeightedLeastConnection, 1, &[1; 4]);
    let mut counts = [0; 4];
    for _ in 0..400 {
        counts[machine.open_any().unwrap()] += 1;
        machine.close_any();
    }
    assert_eq!(counts, [100; 4]);
}

#[test]
fn fo_sends_all_to_the_heaviest_that_there_is() {
    for workers in WORKERS {
        let mut machine = Machine::new(Kind::Failover, workers, &[1, 7, 7, 3]);
        for (away, expected) in [(None, 1), (Some(1), 2), (Some(2), 3), (Some(3), 0)] {
            away.into_iter().for_each(|server| machine.set_weight(server, 0));
            let picks = (0..50).map(|client| machine.pick(client, 1));
            assert!(picks.into_iter().all(|at| at == Some(expected)));
        }
        machine.set_weight(0, 0);
        assert_eq!(machine.pick(0, 1), None);
        machine.set_weight(2, 1);
        assert_eq!(machine.pick(0, 1), Some(2), "it is there again");
    }
}

#[test]
fn ovf_fills_one_after_the_other_and_then_refuses() {
    let mut machine = Machine::new(Kind::Overflow, 1, &[3, 9, 5]);
    machine.open_many(100);
    assert_eq!(machine.counts(), [4, 10, 6], "one more than the weight, as in IPVS");
    assert_eq!(machine.open_any(), None);
    machine.close_any();
    let has_room = machine.counts().iter().zip([4, 10, 6]).position(|(&n, most)| n < most);
    assert_eq!(machine.open_any(), has_room);
}

#[test]
fn odd_weights_and_numbers_of_servers_hold() {
    let many: Vec<u32> =
        (0..PLACES as u32).map(|n| if n % 3 == 0 { 65_535 } else { n % 5 }).collect();
    let all = [
        vec![],
        vec![0],
        vec![1],
        vec![65_535],
        vec![0; 40],
        vec![65_535; 300],
        vec![1, 65_535],
        many,
    ];
    for weights in &all {
        for &kind in Kind::ALL {
            for workers in [1, 16] {
                let mut machine = Machine::new(kind, workers, weights);
                for _ in 0..300 {
                    match machine.open_any() {
                        Some(at) => assert!(weights[at] > 0, "{kind}"),
                        None => assert!(
                            kind == Kind::Overflow || weights.iter().all(|&weight| weight == 0),
                            "{kind} of {} servers",
                            weights.len()
                        ),
                    }
                    if machine.open.len() > 200 {
                        machine.close_any();
                    }
                }
            }
        }
    }
}

proptest! {
    /// What is kept from pick to pick comes to the same as a look at everything.
    #[test]
    fn an_order_that_is_kept_is_the_one_that_would_be_made_anew(
        steps in vec((0u8..6, 0usize..20, 0u32..4), 1..120), random: u64,
    ) {
        for kind in [Kind::LeastConnection, Kind::WeightedLeastConnection,
            Kind::ShortestExpectedDelay, Kind::NeverQueue, Kind::Failover, Kind::Overflow] {
            let mut machine = Machine::new(kind, 2, &[2; 20]);
            for &(what, server, weight) in &steps {
                match what {
                    0 => machine.set_weight(server, weight),
                    1 if !machine.open.is_empty() => machine.close_any(),
                    2 => machine.share(),
                    _ => {
                        let expected = machine.best_keys(kind);
                        let picked = machine.open_on(0, random as u32);
                        prop_assert_eq!(picked.is_some(), !expected.is_empty());
                        prop_assert!(picked.is_none_or(|at| expected.contains(&at)));
                    }
                }
            }
        }
    }
}
