//! Servers that drain, come, go and come back.

use nat::Side;
use nat::service::Cause;

use crate::machine::{GATEWAY, Machine, client, client_of, server, service, with, without};

const WEB: &[u8] = &[11, 12, 13, 14];

fn web() -> nat::service::ServiceSpecification<std::net::Ipv4Addr> {
    service("web", 80, WEB)
}

#[test]
fn a_clients_connections_meet_on_one_server_whatever_worker_opens_them() {
    let mut machine = Machine::new(4, 1000, &[with(web(), |persist| persist.prefix = 24)]);
    for number in 0..200 {
        let first = machine.open(0, client(number));
        for worker in 1..4 {
            let neighbour = client(number).to_bits() ^ 0x80 ^ worker as u32;
            assert_eq!(machine.open(worker, neighbour.into()), first);
        }
    }
    assert_eq!(machine.clients_of("web"), 200, "a network is one client");
}

#[test]
fn without_persistence_round_robin_sends_a_client_around() {
    let mut machine = Machine::new(1, 1000, &[without(web())]);
    let mut servers: Vec<_> = (0..4).map(|_| machine.open(0, client(1))).collect();
    servers.sort_unstable();
    assert_eq!(servers, WEB);
    assert_eq!(machine.clients().entries, 0);
}

#[test]
fn first_choices_are_in_proportion_to_weights() {
    let mut machine = Machine::new(1, 20_000, &[web()]);
    machine.set_weight("web", 11, 5);
    machine.set_weight("web", 12, 2);
    machine.set_weight("web", 13, 0);
    let mut counts = [0u32; 4];
    for number in 0..16_000 {
        counts[usize::from(machine.open(0, client(number)) - 11)] += 1;
    }
    for (count, expected) in counts.into_iter().zip([10_000, 4000, 0, 2000]) {
        assert!(count.abs_diff(expected) <= expected / 20, "{counts:?}");
    }
}

#[test]
fn a_client_stays_when_servers_come_and_weights_change() {
    let mut machine = Machine::new(2, 5000, &[web()]);
    let before: Vec<_> = (0..1000).map(|number| machine.open(0, client(number))).collect();
    machine.reload(&[service("web", 80, &[15, 16, 14, 13, 12, 11, 17])]);
    machine.set_weight("web", 16, 50);
    let after: Vec<_> = (0..1000).map(|number| machine.open(1, client(number))).collect();
    assert_eq!(before, after);
    // The hash alone would have moved most of them.
    let new = (1000..2000).filter(|&number| machine.open(0, client(number)) == 16).count();
    assert!(new > 800, "{new}");
}

#[test]
fn a_client_whose_server_is_taken_out_moves_and_stays_where_it_is_then() {
    let mut machine = Machine::new(1, 1000, &[web()]);
    let one = client_of(&mut machine, 12);
    for gone in [true, false] {
        match gone {
            true => machine.reload(&[service("web", 80, &[11, 13, 14])]),
            false => machine.set_weight("web", 12, 0),
        }
        let other = machine.open(0, one);
        assert_ne!(other, 12);
        machine.reload(&[web()]);
        assert_eq!(machine.open(0, one), other, "its server is back, and its session is not there");
        machine.now += 400;
        assert_eq!(machine.open(0, one), 12, "it was forgotten, and the hash says the same again");
    }
}

#[test]
fn a_client_is_remembered_for_its_timeout_after_its_last_connection() {
    let mut machine = Machine::new(1, 1000, &[web()]);
    let one = client_of(&mut machine, 12);
    machine.set_weight("web", 12, 0);
    let other = machine.open(0, one);
    machine.set_weight("web", 12, 1);
    for _ in 0..5 {
        machine.now += 359;
        assert_eq!(machine.open(0, one), other);
    }
    machine.now += 360;
    assert_eq!(machine.open(0, one), other, "at the very end");
    machine.now += 362;
    assert_eq!(machine.clients().entries, 0);
    assert_eq!(machine.open(0, one), 12);
}

#[test]
fn a_connection_that_goes_on_keeps_its_client() {
    for opens in [true, false] {
        let mut machine = Machine::new(1, 1000, &[web()]);
        let one = client_of(&mut machine, 12);
        machine.set_weight("web", 12, 0);
        let (hit, other) = machine.establish(one);
        machine.set_weight("web", 12, 1);
        if !opens {
            machine.workers[0].connections.close(hit.id).unwrap();
            machine.now += 3 * 3600;
            assert_eq!(machine.open(0, one), 12, "without a connection it was forgotten");
            continue;
        }
        // A packet every ten minutes, for three hours: longer than the client's timeout, shorter
        // than the connection's.
        machine.go_on(hit, 3 * 3600, 600);
        assert_eq!(machine.clients().entries, 1);
        assert_eq!(machine.open(0, one), other);
        machine.go_on(hit, 3600, 4000);
        assert_eq!(machine.clients().entries, 0, "the connection is over, and so is the time");
        assert_eq!(machine.open(0, one), 12);
    }
}

#[test]
fn when_no_server_has_a_weight_there_is_none() {
    let mut machine = Machine::new(1, 1000, &[web()]);
    let one = client_of(&mut machine, 12);
    for &last in WEB {
        machine.set_weight("web", last, 0);
    }
    assert_eq!(machine.try_open(0, Side::Public, one, 80), None);
    machine.set_weight("web", 12, 1);
    machine.set_weight("web", 11, 1);
    assert_eq!(machine.open(0, one), 12, "nobody else was chosen meanwhile");
}

#[test]
fn a_server_that_drains_keeps_its_clients_where_that_is_wanted_unless_it_is_down() {
    for keeps in [true, false] {
        let service = with(web(), |persist| persist.keep_on_drain = keeps);
        let mut machine = Machine::new(1, 1000, &[service]);
        let one = client_of(&mut machine, 12);
        let id = machine.id("web", 12);
        machine.set_weight("web", 12, 0);
        machine.policy.weights.set_draining(id, true);
        assert_eq!(machine.open(0, one) == 12, keeps);
        let new = (1000..1400).any(|number| machine.open(0, client(number)) == 12);
        assert!(!new, "no new client");
        machine.policy.weights.set_down(id, true);
        assert_ne!(machine.open(0, one), 12);
    }
    // Weight 0 for another reason, such as maintenance, is no drain.
    let mut machine = Machine::new(1, 1000, &[with(web(), |persist| persist.keep_on_drain = true)]);
    let one = client_of(&mut machine, 12);
    machine.set_weight("web", 12, 0);
    assert_ne!(machine.open(0, one), 12);
}

#[test]
fn a_suspicion_lends_the_clients_to_one_other_server() {
    let mut machine = Machine::new(1, 1000, &[web()]);
    let one = client_of(&mut machine, 12);
    let id = machine.id("web", 12);
    machine.policy.weights.suspect(id, Cause::Refused);
    let other = machine.open(0, one);
    assert_ne!(other, 12);
    assert_eq!(machine.open(0, one), other);
    machine.policy.weights.offer_trial(id);
    assert_eq!([machine.open(0, one), machine.open(0, one)], [12, other], "one may try");
    machine.policy.weights.trust(id);
    assert_eq!(machine.open(0, one), 12, "it was a false alarm");
    // With no other server it is better than none.
    machine.policy.weights.suspect(id, Cause::Refused);
    for last in [11, 13, 14] {
        machine.set_weight("web", last, 0);
    }
    assert_eq!(machine.open(0, one), 12);
    // And when it is down, they move for good.
    machine.set_weight("web", 11, 1);
    machine.set_weight("web", 12, 0);
    assert_eq!(machine.open(0, one), 11);
    machine.policy.weights.trust(id);
    machine.set_weight("web", 12, 1);
    assert_eq!(machine.open(0, one), 11);
}

#[test]
fn a_private_host_is_a_client_of_its_own() {
    let mut machine = Machine::new(1, 1000, &[web()]);
    let mut seen = std::collections::BTreeSet::new();
    for last in 100..140 {
        let first = machine.try_open(0, Side::Private, server(last), 80).unwrap();
        assert_eq!(machine.try_open(0, Side::Private, server(last), 80), Some(first));
        seen.insert(first);
    }
    assert_eq!(seen.len(), WEB.len(), "not all of them are {GATEWAY}");
}

#[test]
fn two_servers_at_one_address_are_two() {
    let mut both = service("web", 80, &[11, 11]);
    both.servers[1].port = wire::Port::new(81);
    let mut machine = Machine::new(1, 1000, &[both.clone()]);
    let first: Vec<_> = (0..200)
        .map(|number| machine.try_open(0, Side::Public, client(number), 80).unwrap().1)
        .collect();
    let on_81 = first.iter().filter(|&&port| port == 81).count();
    assert!((60..140).contains(&on_81), "{on_81}");
    both.servers.reverse();
    machine.reload(&[both]);
    for (number, port) in (0..200).zip(first) {
        assert_eq!(machine.try_open(0, Side::Public, client(number), 80).unwrap().1, port);
    }
}
