//! The peer knows every client, whatever the sizes of the tables.

use std::net::Ipv4Addr;

use nat::persistence::{Export, Told};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::machine::{Machine, client, service, with, without};

/// One pass over the table, through the bytes of the stream. Returns how much was told.
fn tell(export: &mut Export, from: &Machine, to: &Machine, standby: bool) -> usize {
    let (persistence, mut told) = (&from.policy.persistence, Vec::new());
    let passes = export.passes();
    while export.passes() == passes {
        export.step::<Ipv4Addr>(persistence, 1000, from.now(), |entry| told.push(entry.to_bytes()));
    }
    for bytes in &told {
        let entry = Told::from_bytes(bytes).unwrap();
        to.policy.persistence.install(&entry, standby, to.now());
    }
    told.len()
}

const CLIENTS: u32 = 10_000;

/// Ten thousand clients with three requests each: one before, one after servers have moved
/// many of them away from what the hash says, and one after a takeover. Returns how many clients
/// the takeover has moved.
fn moved_by_takeover(is_told: bool) -> usize {
    let servers = [11, 12, 13, 14, 15];
    let services = [
        with(service("web", 80, &servers), |persist| persist.prefix = 24),
        service("dns", 53, &servers),
    ];
    let mut active = Machine::new(3, 40_000, &services);
    // Of another size, with other numbers for the same services and servers.
    let mut reversed = services.clone();
    reversed.reverse();
    for service in &mut reversed {
        service.servers.reverse();
    }
    let mut standby = Machine::new(2, 200_000, &reversed);
    standby.now = 77;
    for number in 0..CLIENTS {
        active.open(number as usize % 3, client(number));
    }
    let mut export = Export::default();
    if is_told {
        tell(&mut export, &active, &standby, true);
    }
    // Two servers drain for some time: their clients go elsewhere, and stay there.
    active.now += 100;
    standby.now += 100;
    active.set_weight("web", 12, 0);
    active.set_weight("web", 15, 0);
    let second: Vec<u8> =
        (0..CLIENTS).map(|number| active.open(number as usize % 3, client(number))).collect();
    active.set_weight("web", 12, 1);
    active.set_weight("web", 15, 1);
    if is_told {
        tell(&mut export, &active, &standby, true);
    }
    // Later than the first connections are remembered.
    active.now += 300;
    standby.now += 300;
    let third = (0..CLIENTS).map(|number| standby.open(number as usize % 2, client(number)));
    third.zip(&second).filter(|(third, second)| third != *second).count()
}

#[test]
fn ten_thousand_clients_and_no_move_over_a_takeover() {
    assert_eq!(moved_by_takeover(true), 0);
    // And where nothing is told, those that the hash sends elsewhere have moved.
    let moved = moved_by_takeover(false);
    assert!((3000..5000).contains(&moved), "{moved}");
}

#[test]
fn without_persistence_round_robin_moves_most_clients() {
    let services = [without(service("web", 80, &[11, 12, 13, 14, 15]))];
    let [mut one, mut other] = [3, 2].map(|workers| Machine::new(workers, 1000, &services));
    let mut moved = 0;
    for number in 0..CLIENTS {
        let before = one.open(number as usize % 3, client(number));
        moved += usize::from(other.open(number as usize % 2, client(number)) != before);
    }
    assert!(moved > 5000, "{moved}");
}

#[test]
fn what_the_peer_knows_is_not_told_again() {
    let services = [service("web", 80, &[11, 12])];
    let mut active = Machine::new(1, 5000, &services);
    let standby = Machine::new(1, 5000, &services);
    let mut export = Export::default();
    for number in 0..1000 {
        active.open(0, client(number));
    }
    assert_eq!(tell(&mut export, &active, &standby, true), 1000);
    assert_eq!(tell(&mut export, &active, &standby, true), 0);
    // A client that comes every second for an hour is told of some ten times in a timeout.
    let mut told = 0;
    for _ in 0..3600 {
        active.now += 1;
        active.open(0, client(1));
        told += tell(&mut export, &active, &standby, true);
    }
    assert!((60..100).contains(&told), "{told}");
    // A new session tells everything.
    assert_eq!(tell(&mut Export::default(), &active, &standby, true), 1);
    assert_eq!(active.clients().entries, 1);
}

#[test]
fn an_active_machine_keeps_its_own_clients_where_they_are() {
    let services = [service("web", 80, &[11, 12])];
    let [mut one, mut other] = [(); 2].map(|()| Machine::new(1, 1000, &services));
    let lost = (0..100).map(client).find(|&lost| one.open(0, lost) == 11).unwrap();
    other.set_weight("web", 11, 0);
    assert_eq!(other.open(0, lost), 12);
    other.set_weight("web", 11, 1);
    tell(&mut Export::default(), &one, &other, false);
    assert_eq!(other.open(0, lost), 12, "it is active");
    tell(&mut Export::default(), &one, &other, true);
    assert_eq!(other.open(0, lost), 11, "on standby the peer knows better");
}

#[test]
fn a_machine_whose_configuration_is_behind_keeps_what_it_is_told_for_later() {
    let services = [service("web", 80, &[11, 12, 13])];
    let mut active = Machine::new(1, 1000, &services);
    let mut behind = Machine::new(1, 1000, &[]);
    let before: Vec<_> = (0..100)
        .map(|number| {
            active.set_weight("web", 11, number % 2);
            active.open(0, client(number))
        })
        .collect();
    tell(&mut Export::default(), &active, &behind, true);
    behind.reload(&services);
    let after: Vec<_> = (0..100).map(|number| behind.open(0, client(number))).collect();
    assert_eq!(before, after);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Open(u8),
    Weight(u8, u8),
    Tell,
    Wait(u16),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, when all was told the peer sends every client that is remembered to
    /// the same server.
    #[test]
    fn both_machines_send_clients_alike(
        steps in vec(prop_oneof![
            8 => (0..30u8).prop_map(Step::Open),
            3 => (11..15u8, 0..3u8).prop_map(|(last, weight)| Step::Weight(last, weight)),
            2 => Just(Step::Tell),
            1 => (0..500u16).prop_map(Step::Wait),
        ], 0..120),
    ) {
        let services = [service("web", 80, &[11, 12, 13, 14])];
        let mut active = Machine::new(2, 1000, &services);
        let mut standby = Machine::new(1, 300_000, &services);
        let mut export = Export::default();
        let mut last_seen = [None; 30];
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Open(number) => {
                    let one = client(number.into());
                    if active.try_open(at % 2, nat::Side::Public, one, 80).is_some() {
                        last_seen[usize::from(number)] = Some(active.now);
                    }
                }
                Step::Weight(last, weight) => active.set_weight("web", last, weight.into()),
                Step::Tell => _ = tell(&mut export, &active, &standby, true),
                Step::Wait(seconds) => {
                    active.now += u64::from(seconds);
                    standby.now += u64::from(seconds);
                }
            }
        }
        tell(&mut export, &active, &standby, true);
        for last in 11..15 {
            active.set_weight("web", last, 1);
            standby.set_weight("web", last, 1);
        }
        let entries = active.clients().entries;
        prop_assert!(standby.clients().entries >= entries);
        let is_remembered =
            |seen: &Option<u64>| seen.is_some_and(|seen| active.now - seen <= 360);
        let remembered: Vec<_> = last_seen.iter().map(is_remembered).collect();
        for number in (0..30).filter(|&number| remembered[number as usize]) {
            let alike = active.open(0, client(number)) == standby.open(0, client(number));
            prop_assert!(alike, "client {}", number);
        }
    }
}
