//! Maglev tables against what the paper promises, and more.

use std::net::Ipv4Addr;

use wire::Port;

use super::*;

const KEY: ClientKey = ClientKey::from_bits([3, 4]);
const SIZE: u32 = 65_537;

fn member(number: u32, weight: u32) -> Member<Ipv4Addr> {
    Member { address: Ipv4Addr::from_bits(0x0a00_0000 + number), port: Port::new(80), weight }
}

fn members(count: u32) -> Vec<Member<Ipv4Addr>> {
    (0..count).map(|number| member(number, 1)).collect()
}

fn counts(table: &Maglev, servers: usize) -> Vec<u32> {
    let mut counts = vec![0; servers];
    table.places().for_each(|at| counts[at] += 1);
    counts
}

/// The server of each place, by address.
fn owners(table: &Maglev, members: &[Member<Ipv4Addr>]) -> Vec<Ipv4Addr> {
    table.places().map(|at| members[at].address).collect()
}

#[test]
fn shares_are_even_to_a_place() {
    for servers in [1, 2, 100, 500, 1024] {
        let counts = counts(&Maglev::new(&members(servers), SIZE, KEY), servers as usize);
        let (most, least) = (counts.iter().max().unwrap(), counts.iter().min().unwrap());
        assert!(most - least <= 1, "{servers} servers: {least} to {most}");
        if servers == 500 {
            let mean = f64::from(SIZE) / 500.0;
            assert!(f64::from(*most) / mean <= 1.01 && f64::from(*least) / mean >= 0.99);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn shares_are_those_of_the_weights(weights in vec(1u32..=65_535, 1..40)) {
        let members: Vec<_> = (0..).zip(&weights).map(|(n, &weight)| member(n, weight)).collect();
        let counts = counts(&Maglev::new(&members, SIZE, KEY), weights.len());
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        for (&count, &weight) in counts.iter().zip(&weights) {
            let share = u64::from(weight) as f64 * f64::from(SIZE) / total as f64;
            prop_assert!((f64::from(count) - share).abs() <= 2.0, "{} of {}", count, share);
            prop_assert!(count > 0);
        }
    }
}

#[test]
fn a_server_that_is_removed_moves_few_of_the_others_places() {
    let all = members(100);
    let before = Maglev::new(&all, SIZE, KEY);
    let owned = owners(&before, &all);
    for gone in [0, 17, 99] {
        let mut fewer = all.clone();
        let gone = fewer.remove(gone).address;
        let after = owners(&Maglev::new(&fewer, SIZE, KEY), &fewer);
        let others = owned.iter().zip(&after).filter(|(before, _)| **before != gone);
        let moved = others.filter(|(before, after)| before != after).count();
        let share = moved as f64 / f64::from(SIZE);
        assert!(share <= 0.015, "{share}");
        // Back again, it has its very places.
        let mut back = fewer;
        back.push(member(gone.to_bits() - 0x0a00_0000, 1));
        let table = Maglev::new(&back, SIZE, KEY);
        assert_eq!(owners(&table, &back), owned);
        assert_eq!(table.digest(), before.digest(), "whatever the order of the list");
    }
}

/// What a table of the remainder would do, so that the test above says something.
#[test]
fn a_remainder_would_move_nearly_all() {
    let moved = (0..10_000).filter(|hash| hash % 100 != 99 && hash % 100 != hash % 99).count();
    assert!(moved > 9000);
}

#[test]
fn the_digest_tells_keys_servers_weights_and_sizes_apart() {
    let digest = |members: &[_], size, key| Maglev::new(members, size, key).digest();
    let usual = digest(&members(10), SIZE, KEY);
    assert_eq!(digest(&members(10), SIZE, KEY), usual);
    assert_ne!(digest(&members(10), SIZE, ClientKey::from_bits([3, 5])), usual);
    assert_ne!(digest(&members(11), SIZE, KEY), usual);
    assert_ne!(digest(&members(10), 65_521, KEY), usual);
    let mut weighted = members(10);
    weighted[3].weight = 2;
    assert_ne!(digest(&weighted, SIZE, KEY), usual);
}

#[test]
fn address_and_port_are_two_things() {
    // In a sum of both, these would be one server.
    let mut two = [member(1, 1), member(2, 1)];
    two[0].port = Port::new(81);
    let hashes = two.map(|one| KEY.table_hashes(one.address, one.port));
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn every_size_takes_every_number_of_servers() {
    for size in HashOptions::TABLE_SIZES.into_iter().take(6) {
        for servers in [0, 1, 2, 250, 251, 252, 1024] {
            let table = Maglev::new(&members(servers), size, KEY);
            for hash in [0, 1, u64::MAX / 2, u64::MAX] {
                assert_eq!(table.choose(hash).is_some(), servers > 0);
            }
        }
    }
}

#[test]
fn a_weight_of_nothing_in_the_file_keeps_places() {
    let mut some = members(3);
    some[1].weight = 0;
    assert_eq!(Maglev::new(&some, SIZE, KEY), Maglev::new(&members(3), SIZE, KEY));
}

proptest! {
    /// Half of the heaviest, a server of weight 1 among the heaviest: all have their places.
    #[test]
    fn the_light_are_not_left_out(light in 1u32..200, size in select(&[4093u32, SIZE][..])) {
        let mut all = vec![member(0, 65_535)];
        all.extend((1..=light).map(|number| member(number, 1)));
        let counts = counts(&Maglev::new(&all, size, KEY), all.len());
        prop_assert!(counts.iter().all(|&count| count > 0));
    }
}
