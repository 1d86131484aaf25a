//! net_ring: what is sent comes back in, in a ring of 1,023 places.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{assert_whole, chained, number, numbered, pattern, pool, port_config, start};
use dpdk::burst::Burst;
use dpdk::mempool::Mempool;
use dpdk::port::{RxQueue, TxQueue};

const PLACES: u32 = 1023;

fn send(tx: &mut TxQueue, pool: &Mempool, numbers: core::ops::Range<u32>) {
    for number in numbers {
        let mut burst = Burst::<1>::new();
        burst.push(numbered(pool, number)).unwrap();
        assert_eq!(tx.transmit(&mut burst), 1);
    }
}

fn receive(rx: &mut RxQueue) -> Vec<u32> {
    let mut burst = Burst::<32>::new();
    let mut numbers = Vec::new();
    while rx.receive(&mut burst) > 0 {
        numbers.extend(burst.drain().map(|mbuf| number(&mbuf)));
    }
    numbers
}

#[test]
fn packets_come_back_in_order() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 255);
    let mut port = start(eal, "net_ring", "", &port_config(&pool));
    assert_eq!(port.port.driver(), "net_ring");
    assert!(port.port.link().up);

    let mut burst = Burst::<32>::new();
    assert_eq!(port.rx.receive(&mut burst), 0);
    send(&mut port.tx, &pool, 0..100);
    assert_eq!(pool.in_use(), 100);
    assert_eq!(receive(&mut port.rx), (0..100).collect::<Vec<_>>());
    let stats = port.port.stats().unwrap();
    assert_eq!((stats.tx_packets, stats.rx_packets), (100, 100));
    drop(port);
    assert_whole(&pool);
}

#[test]
fn a_burst_takes_what_it_has_room_for() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 255);
    let mut port = start(eal, "net_ring", "", &port_config(&pool));
    send(&mut port.tx, &pool, 0..10);

    let mut burst = Burst::<4>::new();
    assert_eq!(port.rx.receive(&mut burst), 4);
    assert_eq!(port.rx.receive(&mut burst), 0, "it was full");
    assert_eq!(number(&burst.pop().unwrap()), 3);
    assert_eq!(port.rx.receive(&mut burst), 1);
    let numbers: Vec<u32> = burst.as_slice().iter().map(number).collect();
    assert_eq!(numbers, [0, 1, 2, 4]);

    assert_eq!(receive(&mut port.rx), [5, 6, 7, 8, 9]);
    drop((burst, port));
    assert_whole(&pool);
}

#[test]
fn a_full_ring_leaves_the_rest_with_the_caller_in_order() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 2047);
    let mut port = start(eal, "net_ring", "", &port_config(&pool));
    let before = PLACES - 5;
    send(&mut port.tx, &pool, 0..before);

    let mut burst = Burst::<32>::new();
    for n in before..before + 32 {
        burst.push(numbered(&pool, n)).unwrap();
    }
    assert_eq!(port.tx.transmit(&mut burst), 5);
    let left: Vec<u32> = burst.as_slice().iter().map(number).collect();
    assert_eq!(left, (before + 5..before + 32).collect::<Vec<_>>());
    assert_eq!(port.tx.transmit(&mut burst), 0, "still full");
    assert_eq!(burst.len(), 27);
    assert_eq!(pool.in_use(), PLACES + 27);

    assert_eq!(receive(&mut port.rx), (0..PLACES).collect::<Vec<_>>());
    assert_eq!(port.tx.transmit(&mut burst), 27, "now there is room");
    assert!(burst.is_empty());
    assert_eq!(receive(&mut port.rx), (PLACES..before + 32).collect::<Vec<_>>());
    drop(port);
    assert_whole(&pool);
}

#[test]
fn an_empty_burst_is_sent_in_no_time() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut port = start(eal, "net_ring", "", &port_config(&pool));
    assert_eq!(port.tx.transmit(&mut Burst::<32>::new()), 0);
    drop(port);
    assert_whole(&pool);
}

#[test]
fn a_frame_of_9000_bytes_passes_in_five_buffers() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut config = port_config(&pool);
    config.mtu = 9000;
    let mut port = start(eal, "net_ring", "", &config);
    let bytes = pattern(9000);

    let mut burst = Burst::<1>::new();
    burst.push(chained(&pool, &bytes)).unwrap();
    assert_eq!(port.tx.transmit(&mut burst), 1);
    assert_eq!(port.rx.receive(&mut burst), 1);
    let mut mbuf = burst.pop().unwrap();
    assert_eq!((mbuf.len(), mbuf.segments()), (9000, 5));
    assert_eq!(pool.in_use(), 5);
    assert_eq!(mbuf.data(), &bytes[..2048]);

    let mut copy = vec![0; 9000];
    assert!(mbuf.copy_out(0, &mut copy));
    assert_eq!(copy, bytes);
    assert!(mbuf.linearize().is_err(), "a buffer of 2 KiB cannot hold it");
    assert_eq!((mbuf.len(), mbuf.segments()), (9000, 5));
    drop((mbuf, port));
    assert_whole(&pool);
}

#[test]
fn what_a_packet_is_marked_with_stays_with_it() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut port = start(eal, "net_ring", "", &port_config(&pool));
    let mut mbuf = numbered(&pool, 1);
    mbuf.set_tag([1, u32::MAX, 3, 0xdead_beef]);
    let mut burst = Burst::<1>::new();
    burst.push(mbuf).unwrap();
    port.tx.transmit(&mut burst);
    port.rx.receive(&mut burst);
    assert_eq!(burst.as_slice()[0].tag(), [1, u32::MAX, 3, 0xdead_beef]);
    drop((burst, port));
    assert_whole(&pool);
}
