//! Rings between two threads: order is kept and nothing is lost.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{WORKER, assert_whole, number, numbered, pool};
use dpdk::SocketId;
use dpdk::burst::Burst;
use dpdk::ring::{self, Consumer};

fn numbers(consumer: &mut Consumer) -> Vec<u32> {
    let mut burst = Burst::<8>::new();
    let mut numbers = Vec::new();
    while consumer.dequeue(&mut burst) > 0 {
        numbers.extend(burst.drain().map(|mbuf| number(&mbuf)));
    }
    numbers
}

#[test]
fn what_goes_in_comes_out_in_order() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let (mut producer, mut consumer) = ring::spsc(eal, 32, SocketId::ANY).unwrap();
    assert!(numbers(&mut consumer).is_empty());
    assert_eq!(producer.enqueue(&mut Burst::<4>::new()), 0);
    // Several times round.
    for first in (0..200).step_by(20) {
        let mut burst = Burst::<32>::new();
        (first..first + 20).for_each(|n| burst.push(numbered(&pool, n)).unwrap());
        assert_eq!(producer.enqueue(&mut burst), 20);
        assert_eq!(numbers(&mut consumer), (first..first + 20).collect::<Vec<_>>());
    }
    assert_whole(&pool);
}

#[test]
fn a_full_one_leaves_the_rest_in_order() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    // A ring has one place less than a power of two.
    let (mut producer, mut consumer) = ring::spsc(eal, 7, SocketId::ANY).unwrap();
    let mut burst = Burst::<10>::new();
    (0..10).for_each(|n| burst.push(numbered(&pool, n)).unwrap());
    assert_eq!(producer.enqueue(&mut burst), 7);
    let left: Vec<u32> = burst.as_slice().iter().map(number).collect();
    assert_eq!(left, [7, 8, 9]);
    assert_eq!(producer.enqueue(&mut burst), 0);
    let back = producer.push(numbered(&pool, 10)).unwrap_err();
    assert_eq!(number(&back), 10);

    let mut one = Burst::<1>::new();
    assert_eq!(consumer.dequeue(&mut one), 1);
    assert_eq!(consumer.dequeue(&mut one), 0, "the burst is full");
    producer.push(burst.pop().unwrap()).unwrap();
    assert_eq!(numbers(&mut consumer), [1, 2, 3, 4, 5, 6, 9]);
    drop((burst, one, back));
    assert_whole(&pool);
}

#[test]
fn dropping_both_ends_frees_what_is_inside() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    for consumer_first in [false, true] {
        let (mut producer, consumer) = ring::spsc(eal, 63, SocketId::ANY).unwrap();
        (0..50).for_each(|n| producer.push(numbered(&pool, n)).unwrap());
        if consumer_first {
            drop(consumer);
            producer.push(numbered(&pool, 50)).unwrap();
            drop(producer);
        } else {
            drop(producer);
            drop(consumer);
        }
        assert_whole(&pool);
    }
}

#[test]
fn rings_that_cannot_be() {
    let (eal, _guard) = common::eal();
    for capacity in [u32::MAX, u32::MAX - 1, 1 << 31, 1 << 30] {
        let error = ring::spsc(eal, capacity, SocketId::ANY).unwrap_err().to_string();
        assert!(error.contains(&capacity.to_string()), "{error}");
    }

    let pool = pool(eal, 63);
    let (mut producer, _consumer) = ring::spsc(eal, 0, SocketId::ANY).unwrap();
    assert!(producer.push(numbered(&pool, 0)).is_err());
    assert_whole(&pool);
}

#[test]
fn two_threads_pass_a_million_through() {
    const COUNT: u32 = 1_000_000;
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 1023);
    let (mut producer, mut consumer) = ring::spsc(eal, 255, SocketId::ANY).unwrap();
    let sender_pool = pool.clone();
    let worker = eal.launch(WORKER, move || {
        let mut burst = Burst::<32>::new();
        let mut next = 0;
        while next < COUNT || !burst.is_empty() {
            while next < COUNT && !burst.is_full() {
                let Some(mut mbuf) = sender_pool.alloc() else { break };
                mbuf.set_tag([next, !next, 0, 0]);
                burst.push(mbuf).unwrap();
                next += 1;
            }
            if producer.enqueue(&mut burst) == 0 {
                std::thread::yield_now();
            }
        }
    });
    let worker = worker.unwrap();
    let mut expected = 0;
    let mut burst = Burst::<20>::new();
    while expected < COUNT {
        if consumer.dequeue(&mut burst) == 0 {
            std::thread::yield_now();
        }
        for mbuf in burst.drain() {
            assert_eq!(mbuf.tag()[..2], [expected, !expected]);
            expected += 1;
        }
    }
    worker.join().unwrap();
    assert_eq!(consumer.dequeue(&mut burst), 0);
    drop(consumer);
    assert_whole(&pool);
}
