//! net_pcap: frames from a file of tcpdump's, and into one.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{assert_whole, chained, packet, pattern, pool, port_config, start};
use dpdk::burst::Burst;
use dpdk::port::RxQueue;

/// A file of this test's own, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        File(std::env::temp_dir().join(format!("tandem-{}-{name}.pcap", std::process::id())))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The format of libpcap: a header of 24 bytes, and 16 bytes before each frame.
fn write(file: &File, frames: &[Vec<u8>]) {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
        bytes.extend(word.to_le_bytes());
    }
    for frame in frames {
        let length = frame.len() as u32;
        for word in [1, 2, length, length] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes.extend(frame);
    }
    fs::write(&file.0, bytes).unwrap();
}

/// The frames of such a file.
fn read(file: &File) -> Vec<Vec<u8>> {
    let bytes = fs::read(&file.0).unwrap();
    let mut rest = &bytes[24..];
    let mut frames = Vec::new();
    while let Some((header, behind)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        let (frame, behind) = behind.split_at(length);
        frames.push(frame.to_vec());
        rest = behind;
    }
    frames
}

fn frames() -> Vec<Vec<u8>> {
    (1..=20).map(|n| pattern(60 + n * 70)).collect()
}

fn receive(rx: &mut RxQueue) -> Vec<Vec<u8>> {
    let mut burst = Burst::<8>::new();
    let mut frames = Vec::new();
    while rx.receive(&mut burst) > 0 {
        for mbuf in burst.drain() {
            let mut frame = vec![0; mbuf.len()];
            assert!(mbuf.copy_out(0, &mut frame));
            frames.push(frame);
        }
    }
    frames
}

#[test]
fn a_file_is_received_frame_by_frame() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let file = File::new("in");
    write(&file, &frames());
    let arguments = format!("rx_pcap={}", file.0.display());
    let mut port = start(eal, "net_pcap", &arguments, &port_config(&pool));
    assert_eq!(receive(&mut port.rx), frames());
    assert_eq!(port.port.stats().unwrap().rx_packets, 20);
    drop(port);
    assert_whole(&pool);
}

#[test]
fn what_is_sent_stands_in_the_file() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let file = File::new("out");
    let arguments = format!("tx_pcap={}", file.0.display());
    let mut config = port_config(&pool);
    config.rx_queues = 1;
    let mut port = start(eal, "net_pcap", &arguments, &config);
    let mut burst = Burst::<32>::new();
    for frame in frames() {
        burst.push(packet(&pool, &frame)).unwrap();
    }
    assert_eq!(port.tx.transmit(&mut burst), 20);
    drop(port);
    assert_eq!(read(&file), frames());
    assert_whole(&pool);
}

#[test]
fn frames_of_9000_bytes_lie_in_chains() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let (from, to) = (File::new("jumbo-in"), File::new("jumbo-out"));
    let jumbo = vec![pattern(9014), pattern(60), pattern(9000)];
    write(&from, &jumbo);
    let arguments = format!("rx_pcap={},tx_pcap={}", from.0.display(), to.0.display());
    let mut config = port_config(&pool);
    config.mtu = 9000;
    let mut port = start(eal, "net_pcap", &arguments, &config);

    let mut burst = Burst::<8>::new();
    assert_eq!(port.rx.receive(&mut burst), 3);
    let segments: Vec<usize> = burst.as_slice().iter().map(|mbuf| mbuf.segments()).collect();
    assert_eq!(segments, [5, 1, 5]);
    assert_eq!(burst.as_slice()[0].data(), &jumbo[0][..2048]);
    burst.push(chained(&pool, &pattern(3000))).unwrap();
    assert_eq!(port.tx.transmit(&mut burst), 4);
    drop(port);
    assert_eq!(read(&to), [&jumbo[..], &[pattern(3000)]].concat());
    assert_whole(&pool);
}

#[test]
fn an_exhausted_pool_loses_frames_and_no_buffers() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let file = File::new("exhausted");
    write(&file, &frames());
    let arguments = format!("rx_pcap={}", file.0.display());
    let mut port = start(eal, "net_pcap", &arguments, &port_config(&pool));
    let taken: Vec<_> = core::iter::from_fn(|| pool.alloc()).collect();
    assert!(receive(&mut port.rx).is_empty());
    drop(taken);
    let rest = receive(&mut port.rx);
    assert!(!rest.is_empty() && rest.iter().all(|frame| frames().contains(frame)));
    drop(port);
    assert_whole(&pool);
}

#[test]
fn a_mark_does_not_meet_the_time_stamp_that_the_driver_keeps_in_the_buffer() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let file = File::new("mark");
    write(&file, &vec![pattern(60); 200]);
    let arguments = format!("rx_pcap={}", file.0.display());
    let mut port = start(eal, "net_pcap", &arguments, &port_config(&pool));
    // Every buffer is marked; the driver stamps them again and leaves the marks.
    let mut marked: Vec<_> = core::iter::from_fn(|| pool.alloc()).collect();
    marked.iter_mut().for_each(|mbuf| mbuf.set_tag([0x0a0b_0c0d, 1, 2, 3]));
    drop(marked);
    let mut burst = Burst::<8>::new();
    while port.rx.receive(&mut burst) > 0 {
        assert!(burst.drain().all(|mbuf| mbuf.tag() == [0x0a0b_0c0d, 1, 2, 3]));
    }
    drop(port);
    assert_whole(&pool);
}
