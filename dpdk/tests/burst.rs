//! Bursts: whatever is done to them, no mbuf is lost and none is freed twice.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{assert_whole, number, numbered, pool};
use dpdk::burst::Burst;

#[test]
fn a_full_one_gives_the_mbuf_back() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut burst = Burst::<4>::new();
    assert!(burst.is_empty() && !burst.is_full());
    for n in 0..4 {
        burst.push(numbered(&pool, n)).unwrap();
    }
    assert!(burst.is_full() && burst.len() == 4);
    let back = burst.push(numbered(&pool, 4)).unwrap_err();
    assert_eq!(number(&back), 4);
    assert_eq!(pool.in_use(), 5);
    assert_eq!(number(&burst.pop().unwrap()), 3);
    burst.push(back).unwrap();
    let numbers: Vec<u32> = burst.as_slice().iter().map(number).collect();
    assert_eq!(numbers, [0, 1, 2, 4]);
    drop(burst);
    assert_whole(&pool);
}

#[test]
fn draining_frees_what_nobody_keeps() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut burst = Burst::<32>::new();
    for n in 0..20 {
        burst.push(numbered(&pool, n)).unwrap();
    }
    let kept: Vec<_> = burst.drain().filter(|mbuf| number(mbuf) % 2 == 0).collect();
    assert!(burst.is_empty());
    assert_eq!(pool.in_use(), 10);
    assert!(kept.iter().map(number).eq((0..20).step_by(2)));

    kept.into_iter().for_each(|mbuf| burst.push(mbuf).unwrap());
    assert_eq!(number(&burst.drain().next().unwrap()), 0);
    assert!(burst.is_empty(), "the rest went with the iterator");
    assert_whole(&pool);
}

#[test]
fn all_of_one_go_behind_those_of_another_or_none() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let (mut burst, mut other) = (Burst::<8>::new(), Burst::<32>::new());
    assert!(burst.append(&mut other), "nothing always fits");
    for n in 0..3 {
        burst.push(numbered(&pool, n)).unwrap();
    }
    for n in 3..9 {
        other.push(numbered(&pool, n)).unwrap();
    }
    assert!(!burst.append(&mut other), "nine are too many");
    assert_eq!((burst.len(), other.len()), (3, 6));
    drop(other.pop());
    assert!(burst.append(&mut other));
    assert!(other.is_empty() && burst.is_full());
    assert!(burst.as_slice().iter().map(number).eq(0..8));
    assert_eq!(pool.in_use(), 8);
    drop((other, burst));
    assert_whole(&pool);
}

#[test]
fn clearing_frees_all_and_chains_too() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut burst = Burst::<8>::default();
    burst.clear();
    for n in 0..8 {
        let mut mbuf = numbered(&pool, n);
        mbuf.chain(numbered(&pool, n)).unwrap();
        burst.push(mbuf).unwrap();
    }
    assert_eq!(pool.in_use(), 16);
    burst.clear();
    assert!(burst.is_empty());
    assert_whole(&pool);
    burst.push(numbered(&pool, 0)).unwrap();
    drop(burst);
    assert_whole(&pool);
}

#[test]
fn clearing_mbufs_of_two_pools_gives_each_its_own() {
    let (eal, _guard) = common::eal();
    let (one, other) = (pool(eal, 63), pool(eal, 63));
    let mut burst = Burst::<32>::new();
    for n in 0..32 {
        burst.push(numbered(if n % 3 == 0 { &one } else { &other }, n)).unwrap();
    }
    assert_eq!((one.in_use(), other.in_use()), (11, 21));
    burst.clear();
    assert_whole(&one);
    assert_whole(&other);
}

#[test]
fn its_mbufs_may_change_places() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut burst = Burst::<3>::new();
    for n in 0..3 {
        burst.push(numbered(&pool, n)).unwrap();
    }
    burst.as_mut_slice().swap(0, 2);
    burst.as_mut_slice()[1].data_mut()[3] = 9;
    let numbers: Vec<u32> = burst.drain().map(|mbuf| number(&mbuf)).collect();
    assert_eq!(numbers, [2, 9, 0]);
    assert_whole(&pool);
}
