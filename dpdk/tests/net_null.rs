//! net_null: receives empty frames without end, and drops what is sent.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{assert_whole, packet, pool, port_config, start};
use dpdk::burst::Burst;

#[test]
fn full_bursts_come_and_what_is_sent_is_freed() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 255);
    let mut port = start(eal, "net_null", "size=128", &port_config(&pool));
    let mut burst = Burst::<32>::new();
    for round in 1..=100 {
        assert_eq!(port.rx.receive(&mut burst), 32);
        assert!(burst.is_full());
        assert!(burst.as_slice().iter().all(|mbuf| mbuf.len() == 128 && mbuf.is_contiguous()));
        assert_eq!(pool.in_use(), 32);
        assert_eq!(port.tx.transmit(&mut burst), 32);
        assert!(burst.is_empty());
        assert_eq!(port.port.stats().unwrap().tx_packets, round * 32);
    }
    drop(port);
    assert_whole(&pool);
}

#[test]
fn a_burst_that_is_dropped_is_freed() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut port = start(eal, "net_null", "", &port_config(&pool));
    for _ in 0..10 {
        let mut burst = Burst::<32>::new();
        assert_eq!(port.rx.receive(&mut burst), 32);
    }
    drop(port);
    assert_whole(&pool);
}

#[test]
fn a_device_that_receives_nothing() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut port = start(eal, "net_null", "no-rx=1", &port_config(&pool));
    let mut burst = Burst::<32>::new();
    assert_eq!(port.rx.receive(&mut burst), 0);
    burst.push(packet(&pool, b"into the void")).unwrap();
    assert_eq!(port.tx.transmit(&mut burst), 1);
    drop(port);
    assert_whole(&pool);
}

#[test]
fn an_exhausted_pool_receives_nothing_until_buffers_come_back() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut port = start(eal, "net_null", "", &port_config(&pool));
    let taken: Vec<_> = core::iter::from_fn(|| pool.alloc()).collect();
    assert_eq!(taken.len(), 63);
    let mut burst = Burst::<32>::new();
    assert_eq!(port.rx.receive(&mut burst), 0);
    drop(taken);
    assert_eq!(port.rx.receive(&mut burst), 32);
    drop((burst, port));
    assert_whole(&pool);
}
