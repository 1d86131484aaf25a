//! sh, dh and mh as clients see them.

use super::machine::Machine;
use super::*;

const CLIENTS: u32 = 20_000;
const HASHES: [Kind; 2] = [Kind::SourceHash, Kind::Maglev];

fn choices(machine: &mut Machine) -> Vec<Option<usize>> {
    (0..CLIENTS).map(|client| machine.pick(client, 1)).collect()
}

fn count(choices: &[Option<usize>], servers: usize) -> Vec<u32> {
    let mut counts = vec![0; servers];
    choices.iter().flatten().for_each(|&at| counts[at] += 1);
    counts
}

#[test]
fn a_client_finds_its_server_whatever_its_port_and_worker() {
    for kind in HASHES {
        let mut machine = Machine::new(kind, 8, &[1; 50]);
        for client in 0..500 {
            let found = machine.pick_on(0, client, 1);
            let others = (1..8).map(|worker| machine.pick_on(worker, client, worker as u16 + 1));
            assert!(others.into_iter().all(|at| at == found), "{kind}");
        }
    }
}

#[test]
fn with_its_port_each_connection_of_a_client_has_its_own() {
    for kind in HASHES {
        let options = HashOptions { port: true, ..HashOptions::default() };
        let mut machine = Machine::with_options(kind, options, 1, &[1; 4]);
        let picks: Vec<_> = (0..1000).map(|port| machine.pick(7, port)).collect();
        assert!(count(&picks, 4).iter().all(|&n| (200..300).contains(&n)), "{kind}");
        assert_eq!(machine.pick(7, 9), picks[9], "and always the same");
    }
}

#[test]
fn clients_are_shared_out_by_weight() {
    let weights = [1, 2, 3, 4];
    for kind in HASHES {
        let counts = count(&choices(&mut Machine::new(kind, 1, &weights)), 4);
        for (count, weight) in counts.iter().zip(weights) {
            // Four standard deviations of a draw.
            assert!(count.abs_diff(weight * CLIENTS / 10) < 280, "{kind}: {counts:?}");
        }
    }
}

#[test]
fn only_the_clients_of_a_server_that_is_away_move_and_they_come_back() {
    for kind in HASHES {
        let mut machine = Machine::new(kind, 1, &[1; 20]);
        let before = choices(&mut machine);
        machine.set_weight(3, 0);
        let during = choices(&mut machine);
        for (one, other) in before.iter().zip(&during) {
            assert!(one == other || *one == Some(3), "{kind}");
            assert_ne!(*other, Some(3));
        }
        // They are spread over all others.
        let moved: Vec<_> = before
            .iter()
            .zip(&during)
            .filter_map(|(one, other)| (one != other).then_some(*other))
            .collect();
        let counts = count(&moved, 20);
        let expected = moved.len() as f64 / 19.0;
        let is_near = |n: u32| (f64::from(n) - expected).abs() < 4.0 * expected.sqrt();
        assert!(counts.iter().enumerate().all(|(at, &n)| at == 3 || is_near(n)), "{counts:?}");
        machine.set_weight(3, 1);
        assert_eq!(choices(&mut machine), before, "{kind}");
    }
}

#[test]
fn clients_find_someone_as_long_as_there_is_one() {
    for kind in HASHES {
        let mut machine = Machine::new(kind, 1, &[1; 200]);
        (0..200).filter(|&at| at != 77).for_each(|at| machine.set_weight(at, 0));
        assert!(choices(&mut machine).iter().all(|&at| at == Some(77)), "{kind}");
        machine.set_weight(77, 0);
        assert_eq!(machine.pick(1, 1), None);
    }
}

#[test]
fn strict_refuses_the_clients_of_a_server_that_is_away_and_no_others() {
    for kind in HASHES {
        let options = HashOptions { strict: true, ..HashOptions::default() };
        let mut machine = Machine::with_options(kind, options, 1, &[1; 5]);
        let before = choices(&mut machine);
        machine.set_weight(3, 0);
        let expected: Vec<_> = before.iter().map(|at| at.filter(|&at| at != 3)).collect();
        assert_eq!(choices(&mut machine), expected, "{kind}");
    }
}

#[test]
fn a_server_that_starts_slowly_takes_a_part_of_its_own_clients() {
    for kind in HASHES {
        let mut machine = Machine::new(kind, 1, &[100; 10]);
        let before = choices(&mut machine);
        let own = count(&before, 10)[4];
        let mut had = 0;
        for weight in [10, 40, 70, 100] {
            machine.set_weight(4, weight);
            let now = choices(&mut machine);
            let has = count(&now, 10)[4];
            assert!(has.abs_diff(own * weight / 100) < 150, "{kind}: {has} of {own} at {weight}");
            assert!(has > had, "more with every step");
            had = has;
            // It takes nobody else's, and nobody moves between the others.
            let moved = before.iter().zip(&now).filter(|(one, other)| one != other);
            assert!(moved.into_iter().all(|(one, _)| *one == Some(4)), "{kind}");
        }
        assert_eq!(choices(&mut machine), before);
    }
}

#[test]
fn a_part_of_a_weight_of_one_takes_a_part_of_its_own_clients() {
    let mut machine = Machine::new(Kind::Maglev, 1, &[1, 1, 3]);
    let before = choices(&mut machine);
    let own = count(&before, 3);
    for part in [100, 500, 900] {
        machine.set_part(0, part);
        let now = choices(&mut machine);
        let (has, whole) = (count(&now, 3)[0], own[0] * u32::from(part) / 1000);
        assert!(has.abs_diff(whole) < 200, "{has} of {} at {part}", own[0]);
        let moved = before.iter().zip(&now).filter(|(one, other)| one != other);
        assert!(moved.into_iter().all(|(one, _)| *one == Some(0)));
    }
    machine.set_part(0, 1000);
    assert_eq!(choices(&mut machine), before);
}

#[test]
fn a_weight_above_the_configured_one_is_worth_as_much_to_a_table() {
    let mut machine = Machine::new(Kind::Maglev, 1, &[1; 4]);
    let before = choices(&mut machine);
    machine.set_weight(0, 9);
    assert_eq!(choices(&mut machine), before);
}

#[test]
fn another_weight_moves_sh_clients_only_to_or_from_its_server() {
    let mut machine = Machine::new(Kind::SourceHash, 1, &[5; 8]);
    let before = choices(&mut machine);
    for (weight, to) in [(9, true), (2, false)] {
        machine.set_weight(6, weight);
        for (one, other) in before.iter().zip(choices(&mut machine)) {
            let end = if to { other } else { *one };
            assert!(*one == other || end == Some(6));
        }
    }
}

#[test]
fn dh_sends_all_clients_of_a_virtual_ip_to_one_server() {
    let mut machine = Machine::new(Kind::DestinationHash, 2, &[1; 9]);
    let all = choices(&mut machine);
    assert!(all.iter().all(|at| *at == all[0]));
    machine.set_weight(all[0].unwrap(), 0);
    let other = choices(&mut machine);
    assert_ne!(other[0], all[0]);
    assert!(other.iter().all(|at| *at == other[0]));
}

/// A client by Zipf's law: number n comes as often as 1 / n.
fn zipf(random: &mut Random) -> u32 {
    let x = random.next_u64() as f64 / u64::MAX as f64;
    libm::exp(x * libm::log(10_000.0)) as u32
}

/// Lets Zipf's clients open long connections, and returns by how much the fullest server is above
/// the bound.
fn excess(machine: &mut Machine, weights: &[u32]) -> f64 {
    let mut random = Random::from_seed(5);
    let mut worst = f64::NEG_INFINITY;
    let total: u32 = weights.iter().sum();
    for step in 0..8000 {
        machine.open(zipf(&mut random));
        if step > 4000 {
            machine.close_any();
        }
        let all = machine.open.len() as f64;
        for (&count, &weight) in machine.counts().iter().zip(weights) {
            let share = all * f64::from(weight) / f64::from(total);
            worst = worst.max(f64::from(count) - 1.25 * share - 1.0);
        }
    }
    worst
}

#[test]
fn a_bound_holds_whatever_clients_do() {
    let weights = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2];
    for kind in [Kind::SourceHash, Kind::Maglev, Kind::DestinationHash] {
        let options = |bound| HashOptions { bound, ..HashOptions::default() };
        let mut bounded = Machine::with_options(kind, options(125), 1, &weights);
        let beyond = excess(&mut bounded, &weights);
        // When connections end, a server that was at its bound is above it until it loses some.
        assert!(beyond <= 10.0, "{kind}: {beyond}");
        let mut free = Machine::with_options(kind, options(0), 1, &weights);
        let beyond = excess(&mut free, &weights);
        assert!(beyond > 100.0, "{kind}: {beyond}");
    }
}

#[test]
fn while_connections_only_come_a_bound_is_exact() {
    for kind in [Kind::SourceHash, Kind::Maglev] {
        let options = HashOptions { bound: 125, ..HashOptions::default() };
        let mut machine = Machine::with_options(kind, options, 1, &[1; 10]);
        let mut random = Random::from_seed(5);
        for step in 1..8000 {
            machine.open(zipf(&mut random)).unwrap();
            let most = machine.counts().into_iter().max().unwrap();
            assert!(f64::from(most) <= 1.25 * f64::from(step) / 10.0 + 1.0, "{kind}: {most}");
        }
    }
}

#[test]
fn with_several_workers_a_bound_is_exceeded_by_what_came_between_two_looks() {
    let options = HashOptions { bound: 125, ..HashOptions::default() };
    let mut machine = Machine::with_options(Kind::Maglev, options, 8, &[1; 10]);
    let mut random = Random::from_seed(5);
    for step in 1..8000 {
        machine.open(zipf(&mut random)).unwrap();
        let most = machine.counts().into_iter().max().unwrap();
        assert!(f64::from(most) <= 1.25 * f64::from(step) / 10.0 + 1.0 + 100.0, "{most}");
    }
}
