//! net_tap: a device that looks at the checksums of IP headers, with the kernel at its other
//! end. It is made in a network namespace of the test's own, which takes root.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{pool, port_config, start};
use dpdk::burst::Burst;
use dpdk::mbuf::Mbuf;
use dpdk::port::{self, PortConfig, RxQueue};

/// An IPv4 header of 20 bytes, its checksum right, and Ethernet before it.
fn frame() -> Vec<u8> {
    let mut frame = vec![0xff; 14];
    frame[12..].copy_from_slice(&[8, 0]);
    // 192.0.2.1 to 192.0.2.2, protocol 253, TTL 64, 40 bytes with zeros behind.
    frame.extend([0x45, 0, 0, 40, 0, 1, 0, 0, 64, 253, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    let sum: u32 = frame[14..34].chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    frame[24..26].copy_from_slice(&(!folded as u16).to_be_bytes());
    frame.resize(60, 0);
    frame
}

/// Has the kernel send frames out on an interface, from a process of its own.
fn send(interface: &str, frames: &[Vec<u8>]) {
    let script = "import socket, sys\n\
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n\
        s.bind((sys.argv[1], 0))\n\
        [s.send(bytes.fromhex(line.strip())) for line in sys.stdin]";
    let mut child = Command::new("python3")
        .args(["-c", script, interface])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    for frame in frames {
        let line: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
    assert!(child.wait().unwrap().success());
}

/// Frames of ours that have come in.
fn receive(rx: &mut RxQueue, count: usize) -> Vec<Mbuf> {
    let (start, mut ours) = (Instant::now(), Vec::new());
    while ours.len() < count {
        let mut burst = Burst::<32>::new();
        rx.receive(&mut burst);
        ours.extend(burst.drain().filter(|mbuf| mbuf.data().get(23) == Some(&253)));
        assert!(start.elapsed() < Duration::from_secs(20), "{} of {count} came", ours.len());
    }
    ours
}

#[test]
fn a_device_says_which_ip_checksums_are_right() {
    // SAFETY: only this process's own view of the network changes.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0, "the test takes root");
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 1023);
    // The driver keeps a buffer for each descriptor.
    let config = PortConfig { rx_descriptors: Some(64), ..port_config(&pool) };
    let mut one = start(eal, "net_tap", "iface=tandem_tap", &config);
    assert!(port::capabilities(one.port.id()).unwrap().checks_ip);

    let mut wrong = frame();
    wrong[24] ^= 1;
    send("tandem_tap", &[frame(), wrong]);
    let came = receive(&mut one.rx, 2);
    let said: Vec<bool> = came.iter().map(Mbuf::has_right_ip_checksum).collect();
    assert_eq!(said, [true, false]);
}

#[test]
fn a_buffer_that_comes_from_the_pool_says_nothing() {
    let (eal, _guard) = common::eal();
    let pool = pool(eal, 63);
    let mut mbuf = pool.alloc().unwrap();
    assert!(!mbuf.has_right_ip_checksum());
    mbuf.set_right_ip_checksum();
    assert!(mbuf.has_right_ip_checksum());
    drop(mbuf);
    let all: Vec<Mbuf> = core::iter::from_fn(|| pool.alloc()).collect();
    assert!(all.iter().all(|mbuf| !mbuf.has_right_ip_checksum()));
}
