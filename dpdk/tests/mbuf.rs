//! Packet buffers: their bytes, their room, and chains of them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{assert_whole, chained, packet, pattern, pool};

#[test]
fn a_new_one_is_empty_with_room_at_both_ends() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mbuf = pool.alloc().unwrap();
    assert!(mbuf.is_empty() && mbuf.is_contiguous());
    assert_eq!((mbuf.len(), mbuf.segments(), mbuf.data().len()), (0, 1, 0));
    assert_eq!((mbuf.headroom(), mbuf.tailroom()), (128, 2048));
    drop(mbuf);
    assert_whole(&pool);
}

#[test]
fn it_grows_to_its_room_and_no_further() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut mbuf = packet(&pool, &pattern(100));
    assert!(mbuf.append(1949).is_none() && mbuf.append(usize::MAX).is_none());
    assert!(mbuf.prepend(129).is_none() && mbuf.prepend(usize::MAX).is_none());
    assert_eq!(mbuf.data(), pattern(100), "nothing has changed");

    mbuf.prepend(128).unwrap().fill(1);
    mbuf.append(1948).unwrap().fill(2);
    assert_eq!((mbuf.headroom(), mbuf.tailroom(), mbuf.len()), (0, 0, 2176));
    assert!(mbuf.data()[..128].iter().all(|byte| *byte == 1));
    assert_eq!(mbuf.data()[128..228], pattern(100));
    assert!(mbuf.data()[228..].iter().all(|byte| *byte == 2));
    assert!(mbuf.append(1).is_none() && mbuf.prepend(1).is_none());
    assert_eq!(mbuf.append(0), Some(&mut [][..]));
    assert_eq!(mbuf.prepend(0), Some(&mut [][..]));
    drop(mbuf);
    assert_whole(&pool);
}

#[test]
fn it_shrinks_at_both_ends() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let bytes = pattern(100);
    let mut mbuf = packet(&pool, &bytes);
    assert!(!mbuf.trim_front(101) && !mbuf.trim_front(usize::MAX));
    assert!(mbuf.trim_front(14));
    mbuf.truncate(86);
    mbuf.truncate(usize::MAX);
    assert_eq!(mbuf.data(), &bytes[14..], "not longer");
    mbuf.truncate(46);
    assert_eq!((mbuf.data(), mbuf.len()), (&bytes[14..60], 46));
    assert_eq!((mbuf.headroom(), mbuf.tailroom()), (142, 1988));
    assert!(mbuf.trim_front(46) && mbuf.is_empty());
    drop(mbuf);
    assert_whole(&pool);
}

#[test]
fn the_largest_buffer_that_can_be() {
    let (eal, _guard) = common::eal();
    let config = dpdk::mempool::MempoolConfig {
        mbufs: 7,
        cache: 0,
        data_room: u16::MAX,
        ..Default::default()
    };
    let pool = dpdk::mempool::Mempool::new(eal, config).unwrap();
    let mut mbuf = pool.alloc().unwrap();
    let room = mbuf.tailroom();
    assert_eq!(room, usize::from(u16::MAX) - 128);
    mbuf.append(room).unwrap().fill(1);
    mbuf.prepend(128).unwrap().fill(2);
    assert_eq!(mbuf.len(), usize::from(u16::MAX));
    assert!(mbuf.append(1).is_none() && mbuf.prepend(1).is_none());
    drop(mbuf);
    assert_whole(&pool);
}

#[test]
fn bytes_are_copied_out_of_a_chain_from_anywhere() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let bytes = pattern(5000);
    let mbuf = chained(&pool, &bytes);
    assert_eq!((mbuf.len(), mbuf.segments(), mbuf.tailroom()), (5000, 3, 0));
    for (offset, length) in [(0, 5000), (0, 1), (2047, 2), (2048, 2048), (4095, 905), (4999, 1)] {
        let mut copy = vec![0; length];
        assert!(mbuf.copy_out(offset, &mut copy), "{length} at {offset}");
        assert_eq!(copy, bytes[offset..offset + length], "{length} at {offset}");
    }
    assert!(mbuf.copy_out(5000, &mut []));
    drop(mbuf);
    assert_whole(&pool);
}

#[test]
fn bytes_outside_the_packet_are_not_copied() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    for mbuf in [packet(&pool, &pattern(100)), chained(&pool, &pattern(5000))] {
        let end = mbuf.len();
        let beyond = [end, end + 1, u32::MAX as usize - 99, u32::MAX as usize, usize::MAX];
        for offset in beyond {
            let mut copy = [0x55; 100];
            assert!(!mbuf.copy_out(offset, &mut copy), "at {offset}");
            assert_eq!(copy, [0x55; 100], "at {offset}");
        }
        assert!(!mbuf.copy_out(end - 99, &mut [0; 100]));
        assert!(!mbuf.copy_out(end + 1, &mut []));
    }
    assert_whole(&pool);
}

#[test]
fn a_chain_that_fits_is_joined() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let bytes = pattern(1500);
    let mut mbuf = packet(&pool, &bytes[..500]);
    mbuf.chain(packet(&pool, &bytes[500..600])).unwrap();
    mbuf.chain(packet(&pool, &bytes[600..])).unwrap();
    assert_eq!((mbuf.segments(), mbuf.len(), mbuf.data().len()), (3, 1500, 500));
    assert!(mbuf.append(1).is_none(), "not in the middle of a packet");
    mbuf.linearize().unwrap();
    assert!(mbuf.is_contiguous());
    assert_eq!(mbuf.data(), bytes);
    assert_eq!(pool.in_use(), 1);
    mbuf.linearize().unwrap();
    drop(mbuf);
    assert_whole(&pool);
}

#[test]
fn a_chain_changes_at_its_front() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let bytes = pattern(3000);
    let mut mbuf = chained(&pool, &bytes);
    assert!(!mbuf.trim_front(2049), "only within the first buffer");
    assert!(mbuf.trim_front(14));
    mbuf.prepend(4).unwrap().copy_from_slice(b"abcd");
    mbuf.truncate(10);
    let mut copy = vec![0; 2990];
    assert_eq!((mbuf.len(), mbuf.segments()), (2990, 2));
    assert!(mbuf.copy_out(0, &mut copy));
    assert_eq!(copy[..4], *b"abcd");
    assert_eq!(copy[4..], bytes[14..]);
    drop(mbuf);
    assert_whole(&pool);
}

#[test]
fn a_chain_too_long_to_count_gives_its_tail_back() {
    let (eal, _guard) = common::eal();
    // DPDK counts the buffers of a packet in 16 bits. Joining pairwise keeps it quick.
    let config = dpdk::mempool::MempoolConfig {
        mbufs: (1 << 16) + 1,
        cache: 0,
        data_room: 129,
        ..Default::default()
    };
    let pool = dpdk::mempool::Mempool::new(eal, config).unwrap();
    let mut chains: Vec<_> = (0..1 << 16).map(|_| packet(&pool, b"x")).collect();
    while chains.len() > 2 {
        let mut joined = Vec::with_capacity(chains.len() / 2);
        let mut pairs = chains.into_iter();
        while let (Some(mut head), Some(tail)) = (pairs.next(), pairs.next()) {
            head.chain(tail).unwrap();
            joined.push(head);
        }
        chains = joined;
    }
    let (tail, mut head) = (chains.pop().unwrap(), chains.pop().unwrap());
    let tail = head.chain(tail).unwrap_err();
    assert_eq!((head.segments(), tail.segments(), head.len()), (32768, 32768, 32768));
    drop((head, tail));
    assert_whole(&pool);
}

#[test]
fn a_mark_is_kept_and_spoils_nothing_else() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut mbuf = packet(&pool, &pattern(100));
    mbuf.set_tag([u32::MAX; 4]);
    let neighbour = packet(&pool, &pattern(50));
    assert_eq!(mbuf.tag(), [u32::MAX; 4]);
    assert_eq!((mbuf.data(), mbuf.len(), mbuf.segments()), (&pattern(100)[..], 100, 1));
    assert_eq!((mbuf.headroom(), mbuf.tailroom()), (128, 1948));
    mbuf.set_tag([1, 2, 3, 4]);
    assert_eq!(mbuf.tag(), [1, 2, 3, 4]);
    assert_eq!(neighbour.data(), pattern(50));
    drop((mbuf, neighbour));
    assert_whole(&pool);
}

#[test]
fn it_may_be_freed_by_any_thread() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mbufs: Vec<_> = core::iter::from_fn(|| pool.alloc()).collect();
    std::thread::spawn(move || drop(mbufs)).join().unwrap();
    assert_whole(&pool);
}
