//! Pools: what is taken comes back, from any thread, and what is not there is not given.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{WORKER, assert_whole, pool};
use dpdk::SocketId;
use dpdk::mempool::{Mempool, MempoolConfig};

#[test]
fn every_buffer_can_be_taken_and_none_twice() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 255);
    let mut mbufs: Vec<_> = core::iter::from_fn(|| pool.alloc()).collect();
    assert_eq!(mbufs.len(), 255);
    assert!(pool.alloc().is_none());
    assert_eq!((pool.in_use(), pool.available()), (255, 0));
    // Each has bytes of its own.
    for (n, mbuf) in mbufs.iter_mut().enumerate() {
        mbuf.append(2048).unwrap().fill(n as u8);
    }
    assert!(mbufs.iter().enumerate().all(|(n, mbuf)| mbuf.data() == [n as u8; 2048]));

    mbufs.truncate(100);
    assert_eq!((pool.in_use(), pool.available()), (100, 155));
    mbufs.extend(core::iter::from_fn(|| pool.alloc()));
    assert_eq!(mbufs.len(), 255);
    drop(mbufs);
    assert_whole(&pool);
}

#[test]
fn the_caches_of_cores_count_as_available() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 255);
    let on_worker = pool.clone();
    let worker = eal.launch(WORKER, move || drop(on_worker.alloc().unwrap())).unwrap();
    worker.join().unwrap();
    assert_whole(&pool);
}

#[test]
fn a_pool_that_cannot_be() {
    let (eal, _guard) = common::eal();
    let usual = MempoolConfig { mbufs: 63, cache: 0, data_room: 2176, socket: SocketId::ANY };
    let refused = [
        MempoolConfig { mbufs: 0, ..usual },
        MempoolConfig { mbufs: u32::MAX, ..usual },
        MempoolConfig { mbufs: 1 << 24, ..usual },
        MempoolConfig { cache: 513, ..usual },
        MempoolConfig { cache: u32::MAX, ..usual },
        MempoolConfig { cache: 63, ..usual },
        MempoolConfig { socket: SocketId::new(7), ..usual },
    ];
    for config in refused {
        let error = Mempool::new(eal, config).unwrap_err().to_string();
        assert!(error.contains(&config.mbufs.to_string()), "{config:?}: {error}");
        assert!(error.contains("node.mbufs"), "{error}");
    }
    assert_whole(&Mempool::new(eal, usual).unwrap());
}

#[test]
fn a_buffer_smaller_than_the_headroom() {
    let (eal, _guard) = common::eal();
    for data_room in [0, 1, 127, 128, 129] {
        let config = MempoolConfig { mbufs: 7, cache: 0, data_room, socket: SocketId::ANY };
        let Ok(pool) = Mempool::new(eal, config) else { continue };
        let mut mbuf = pool.alloc().unwrap();
        assert_eq!(mbuf.headroom() + mbuf.tailroom(), usize::from(data_room));
        let room = mbuf.tailroom();
        mbuf.append(room).unwrap().fill(0xff);
        assert!(mbuf.append(1).is_none());
        drop(mbuf);
        assert_whole(&pool);
    }
}

#[test]
fn many_threads_share_a_pool() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 255);
    let worker_pool = pool.clone();
    let churn = |pool: &Mempool, mark: u8| {
        // Few rounds: DPDK's rings make one thread wait for another, and these may share a core.
        // Once one of them is stopped between the two steps of putting something in, the
        // others wait out their time slices, and each then stops another.
        for round in 0..100 {
            let mut mbufs: Vec<_> = (0..round % 40).filter_map(|_| pool.alloc()).collect();
            mbufs.iter_mut().for_each(|mbuf| mbuf.append(64).unwrap().fill(mark));
            assert!(mbufs.iter().all(|mbuf| mbuf.data() == [mark; 64]));
        }
    };
    let worker = eal.launch(WORKER, move || churn(&worker_pool, 0)).unwrap();
    std::thread::scope(|scope| {
        for mark in 1..4 {
            let pool = &pool;
            scope.spawn(move || churn(pool, mark));
        }
    });
    worker.join().unwrap();
    assert_whole(&pool);
}
