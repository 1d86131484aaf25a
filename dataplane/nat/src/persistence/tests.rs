//! The table against a simple model, and under threads.

use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Barrier;

use proptest::collection::vec;
use proptest::prelude::*;
use wire::Port;

use super::entry::Second;
use super::*;
use crate::time::{Instant, Seconds};

fn second(number: u64) -> Second {
    Second::of(Instant::from_millis(number * 1000))
}

/// The fingerprint of a client: some share a bucket, and none fill one.
fn client(number: u8) -> Fingerprint {
    let (bucket, tag) = (u64::from(number % 3), u64::from(number / 3));
    Fingerprint::from_bits(tag << 20 | bucket).unwrap()
}

fn target(number: u8) -> TargetId {
    TargetId::from_number(u16::from(number) + 1)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Find(u8),
    Put { client: u8, target: u8, stale: bool, timeout: u16 },
    Extend { client: u8, timeout: u16 },
    Sweep,
    Wait(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![0..30u32, 0..3_000_000u32];
    let timeout = prop_oneof![1..40u16, any::<u16>()];
    let put = (0..40u8, 0..5u8, any::<bool>(), timeout.clone());
    let step = prop_oneof![
        4 => (0..40u8).prop_map(Step::Find),
        8 => put.prop_map(|(client, target, stale, timeout)| {
            Step::Put { client, target, stale, timeout }
        }),
        4 => (0..40u8, timeout).prop_map(|(client, timeout)| Step::Extend { client, timeout }),
        1 => Just(Step::Sweep),
        3 => wait.prop_map(Step::Wait),
    ];
    vec(step, 0..200)
}

/// Until when, by a clock that never comes round.
type Model = HashMap<u8, (TargetId, u64)>;

fn alive(model: &Model, client: u8, now: u64) -> Option<(TargetId, u64)> {
    model.get(&client).copied().filter(|(_, until)| *until > now)
}

proptest! {
    #[test]
    fn the_table_does_what_a_map_does(steps in steps()) {
        let table = Table::new(1);
        let (mut model, mut now, mut swept) = (Model::new(), 8_388_000, 8_388_000);
        for step in steps {
            // As often as it must be: seconds come again.
            if now - swept > 2_000_000 {
                table.sweep(0, table.places(), second(now));
                swept = now;
            }
            match step {
                Step::Find(number) => {
                    let found = table.find(client(number), second(now));
                    let expected = alive(&model, number, now);
                    prop_assert_eq!(found.map(table::Found::target), expected.map(|one| one.0));
                }
                Step::Put { client: number, target: at, stale, timeout } => {
                    let there = alive(&model, number, now).map(|one| one.0);
                    let seen = if stale { None } else { there };
                    let until = second(now).plus(Seconds(timeout.into()));
                    let got = table.put(client(number), seen, target(at), until, second(now));
                    match there {
                        Some(there) if stale => prop_assert_eq!(got, there, "it was first"),
                        _ => {
                            prop_assert_eq!(got, target(at));
                            model.insert(number, (got, now + u64::from(timeout) + 1));
                        }
                    }
                }
                Step::Extend { client: number, timeout } => {
                    let Some(found) = table.find(client(number), second(now)) else { continue };
                    table.extend(found, second(now).plus(Seconds(timeout.into())), second(now));
                    let entry = model.get_mut(&number).unwrap();
                    entry.1 = entry.1.max(now + u64::from(timeout) + 1);
                }
                Step::Sweep => table.sweep(0, table.places(), second(now)),
                Step::Wait(seconds) => now += u64::from(seconds),
            }
        }
        prop_assert_eq!(table.evicted(), 0);
        for number in 0..40 {
            let found = table.find(client(number), second(now)).map(table::Found::target);
            prop_assert_eq!(found, alive(&model, number, now).map(|one| one.0));
        }
    }

    #[test]
    fn what_is_told_is_read(
        fingerprint in 0..1u64 << 40, group: u64, address in 1..u32::MAX, port in 1..=u16::MAX,
        left in 1..3_000_000u32,
    ) {
        let address = Ipv4Addr::from_bits(0x0a00_0000 | address & 0x00ff_ffff);
        let target = Target { group: Group::from_bits(group), address, port: Port::new(port) };
        let fingerprint = Fingerprint::from_bits(fingerprint).unwrap();
        let told = Told { fingerprint, target, left: Seconds(left) };
        prop_assert_eq!(Told::from_bytes(&told.to_bytes()), Ok(told));
    }

    #[test]
    fn no_bytes_are_taken_for_an_entry_that_none_can_be(bytes: [u8; BYTES]) {
        if let Ok(told) = Told::from_bytes(&bytes) {
            prop_assert_eq!(told.to_bytes(), bytes);
        }
    }
}

#[test]
fn each_wrong_field_is_named() {
    let good = Told {
        fingerprint: Fingerprint::from_bits(7).unwrap(),
        target: Target {
            group: Group::named("shop"),
            address: Ipv4Addr::new(10, 0, 0, 11),
            port: Port::new(80),
        },
        left: Seconds(360),
    };
    let with = |at: usize, byte: u8| {
        let mut bytes = good.to_bytes();
        bytes[at] = byte;
        Told::from_bytes(&bytes)
    };
    assert_eq!(with(0, 8).map(|one| one.fingerprint.bits()), Ok(8));
    assert_eq!(with(5, 1), Err(ToldError::Fingerprint));
    assert_eq!(with(16, 1), Err(ToldError::Server), "not IPv4");
    assert_eq!(with(28, 127), Err(ToldError::Server), "loopback");
    assert_eq!(with(32, 0), Err(ToldError::Server), "no port");
    assert_eq!(with(35, 1), Err(ToldError::Spare));
    assert_eq!(with(39, 1), Err(ToldError::Time((1 << 24) + 360)));
}

/// Seconds come again after 97 days.
#[test]
fn what_was_over_long_ago_is_over_for_good_because_places_are_swept() {
    for is_swept in [true, false] {
        let persistence = Persistence::<Ipv4Addr>::with_room_for(1000);
        let target = Target {
            group: Group::named("shop"),
            address: Ipv4Addr::new(10, 0, 0, 11),
            port: Port::new(80),
        };
        let told = Told { fingerprint: client(1), target, left: Seconds(3600) };
        let at = |hours: u64| Instant::from_millis(hours * 3_600_000);
        persistence.install(&told, true, at(0));
        assert_eq!(persistence.clients(at(0)).entries, 1);
        for hour in (1..81 * 24).filter(|_| is_swept) {
            persistence.sweep_on(1000, at(hour));
        }
        assert_eq!(persistence.clients(at(60 * 24)).entries, 0);
        assert_eq!(persistence.clients(at(81 * 24)).entries, u64::from(!is_swept), "the control");
    }
}

#[test]
fn in_a_full_bucket_the_entry_that_ends_first_makes_room() {
    let table = Table::new(1);
    let now = second(100);
    let of_bucket = |tag: u64| Fingerprint::from_bits(tag << 20).unwrap();
    for tag in 0..16u32 {
        let until = now.plus(Seconds(if tag == 9 { 50 } else { 100 + tag }));
        table.put(of_bucket(tag.into()), None, target(1), until, now);
    }
    assert_eq!(table.evicted(), 0);
    table.put(of_bucket(16), None, target(2), now.plus(Seconds(500)), now);
    assert_eq!(table.evicted(), 1);
    assert!(table.find(of_bucket(9), now).is_none());
    assert!((0..=16).filter(|&tag| tag != 9).all(|tag| table.find(of_bucket(tag), now).is_some()));
    // What is over makes room first, and is not counted.
    let later = second(100 + 105);
    table.put(of_bucket(17), None, target(2), later.plus(Seconds(500)), later);
    assert_eq!(table.evicted(), 1);
    assert!(table.find(of_bucket(15), later).is_some());
}

#[test]
fn a_full_table_loses_few_entries() {
    const ENTRIES: u64 = 65_536 / 2;
    let table = Table::new(ENTRIES as usize);
    let now = second(0);
    let mut random = crate::random::Random::from_seed(11);
    for _ in 0..ENTRIES {
        let fingerprint = Fingerprint::from_bits(random.next_u64() >> 24).unwrap();
        table.put(fingerprint, None, target(1), now.plus(Seconds(60)), now);
    }
    assert!(table.evicted() < ENTRIES / 500, "{} of {ENTRIES}", table.evicted());
}

/// Threads that all want their own server for the same clients: for each client one of them is
/// first, and all others hear of that one, while entries end, are swept and are replaced.
#[test]
fn threads_agree_on_every_client() {
    const THREADS: u8 = 4;
    const ROUNDS: usize = 400;
    const CLIENTS: usize = 64;
    let table = Table::new(1);
    let barrier = Barrier::new(THREADS.into());
    let differ = AtomicUsize::new(0);
    let results: Vec<Vec<Vec<TargetId>>> = std::thread::scope(|scope| {
        let run = |thread: u8| {
            let (table, barrier, differ) = (&table, &barrier, &differ);
            move || {
                let mut all = Vec::new();
                for round in 0..ROUNDS {
                    // Four seconds on, everything is over.
                    let now = second(4 * round as u64);
                    barrier.wait();
                    let mut got = Vec::new();
                    for number in 0..CLIENTS {
                        let tag = (round % 2 * CLIENTS + number) as u64;
                        let one = Fingerprint::from_bits((tag / 4) << 20 | (tag % 4)).unwrap();
                        let until = now.plus(Seconds(2));
                        let first = table.put(one, None, target(thread), until, now);
                        got.push(first);
                        if let Some(found) = table.find(one, now) {
                            table.extend(found, now.plus(Seconds(3)), now);
                            if found.target() != first {
                                differ.fetch_add(1, SeqCst);
                            }
                        }
                        if number % 16 == usize::from(thread) {
                            table.sweep(0, 64, now);
                        }
                    }
                    all.push(got);
                }
                all
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(run(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (first, others) = results.split_first().unwrap();
    assert!(others.iter().all(|other| other == first));
    assert_eq!(differ.load(SeqCst), 0);
    let winners: std::collections::HashSet<_> = first.iter().flatten().collect();
    assert!(winners.len() > 1, "the threads did not run beside each other");
}

#[test]
fn numbers_of_servers_that_no_configuration_has_are_taken_back_with_their_entries() {
    let persistence = Persistence::<Ipv4Addr>::with_room_for(1000);
    let of = |round: u32, count: u32| -> Vec<Target<Ipv4Addr>> {
        let address = |n| Ipv4Addr::from_bits(0x0a00_0000 + 5000 * round + n);
        let group = Group::named("shop");
        (0..count).map(|n| Target { group, address: address(n), port: Port::new(80) }).collect()
    };
    let now = Instant::from_millis(0);
    let told = |number: u64, target| Told {
        fingerprint: Fingerprint::from_bits(number).unwrap(),
        target,
        left: Seconds(100),
    };
    let kept = persistence.number_all(of(0, 4000));
    persistence.install(&told(1, of(0, 1)[0]), true, now);
    drop(persistence.number_all(of(1, 4000)));
    persistence.install(&told(2, of(1, 1)[0]), true, now);
    assert_eq!(persistence.clients(now).entries, 2);
    // The numbers of the second configuration go, as nobody has it.
    let third = persistence.number_all(of(2, 4000));
    assert_eq!(persistence.clients(now).entries, 1, "its entry as well");
    assert!(of(2, 4000).iter().all(|target| !third.of(*target).is_none()));
    assert!(of(0, 4000).iter().all(|target| !kept.of(*target).is_none()));
    // More than there are numbers: some servers have none, and nothing fails.
    let fourth = persistence.number_all(of(3, 4000));
    let without = of(3, 4000).iter().filter(|target| fourth.of(**target).is_none()).count();
    assert_eq!(without, 12_000 - usize::from(TargetId::LAST));
}
