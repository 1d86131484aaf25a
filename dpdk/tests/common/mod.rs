//! DPDK for tests: started once in a process, without huge pages and without a NIC, and
//! used by one test at a time.

// Each test file uses a part of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use dpdk::eal::{DeviceSpec, Eal, EalConfig, Memory};
use dpdk::mbuf::Mbuf;
use dpdk::mempool::{Mempool, MempoolConfig};
use dpdk::port::{Port, PortConfig, RxQueue, TxQueue};
use dpdk::{CoreId, SocketId};

/// The core of the only worker; the main thread shares it, so one core is enough.
pub const WORKER: CoreId = CoreId(0);

/// The configuration with which the tests start DPDK.
pub fn config() -> EalConfig {
    EalConfig {
        program: "test".to_owned(),
        main_cores: vec![CoreId(0)],
        worker_cores: vec![WORKER],
        memory: Memory::Ordinary(128),
        file_prefix: format!("test{}", std::process::id()),
        devices: Vec::new(),
    }
}

/// The process's DPDK, and the right to use it until the guard is dropped.
pub fn eal() -> (&'static Eal, MutexGuard<'static, ()>) {
    static EAL: OnceLock<Eal> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    (EAL.get_or_init(|| Eal::start(&config()).unwrap()), guard)
}

/// A pool of so many buffers of the usual size, with a cache for each core.
pub fn pool(eal: &Eal, mbufs: u32) -> Mempool {
    let config = MempoolConfig { mbufs, cache: 32, data_room: 2176, socket: SocketId::ANY };
    Mempool::new(eal, config).unwrap()
}

/// One receive and one transmit queue, frames of the usual size.
pub fn port_config(pool: &Mempool) -> PortConfig {
    PortConfig {
        rx_queues: 1,
        mempool: pool.clone(),
        tx_queues: 1,
        rx_descriptors: None,
        tx_descriptors: None,
        mtu: 1500,
        promiscuous: true,
    }
}

/// Adds a virtual device with a name that no other test has; returns its name.
pub fn attach(eal: &Eal, driver: &str, arguments: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("{driver}{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let arguments = arguments.to_owned();
    eal.attach(&DeviceSpec::Virtual { name: name.clone(), arguments }).unwrap();
    name
}

/// A started port with one queue each way.
pub struct OneQueue {
    /// The port's only receive queue.
    pub rx: RxQueue,
    /// The port's only transmit queue.
    pub tx: TxQueue,
    /// The port itself, which the queues keep started.
    pub port: Port,
}

/// Attaches a virtual device and starts its port.
pub fn start(eal: &Eal, driver: &str, arguments: &str, config: &PortConfig) -> OneQueue {
    let name = attach(eal, driver, arguments);
    let id = eal.port(&name).unwrap();
    let (port, mut rx, mut tx) = Port::start(id, &name, config).unwrap();
    assert_eq!((rx.len(), tx.len()), (1, 1));
    OneQueue { rx: rx.remove(0), tx: tx.remove(0), port }
}

/// A packet with these bytes, in one buffer.
pub fn packet(pool: &Mempool, bytes: &[u8]) -> Mbuf {
    let mut mbuf = pool.alloc().unwrap();
    mbuf.append(bytes.len()).unwrap().copy_from_slice(bytes);
    mbuf
}

/// A packet that tells its number, long enough for Ethernet.
pub fn numbered(pool: &Mempool, number: u32) -> Mbuf {
    let mut bytes = [0; 60];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    packet(pool, &bytes)
}

/// The number that was written into such a packet.
pub fn number(mbuf: &Mbuf) -> u32 {
    u32::from_be_bytes(mbuf.data()[..4].try_into().unwrap())
}

/// A packet with these bytes in a chain of buffers, each filled to its end.
pub fn chained(pool: &Mempool, bytes: &[u8]) -> Mbuf {
    let mut head: Option<Mbuf> = None;
    let mut rest = bytes;
    while !rest.is_empty() || head.is_none() {
        let mut mbuf = pool.alloc().unwrap();
        let (now, later) = rest.split_at(rest.len().min(mbuf.tailroom()));
        mbuf.append(now.len()).unwrap().copy_from_slice(now);
        rest = later;
        match &mut head {
            Some(head) => head.chain(mbuf).unwrap(),
            None => head = Some(mbuf),
        }
    }
    head.unwrap()
}

/// Bytes of which none is like its neighbours.
pub fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n * 7 + n / 256) as u8).collect()
}

/// Every buffer of the pool is back in it.
#[track_caller]
pub fn assert_whole(pool: &Mempool) {
    assert_eq!(pool.in_use(), 0, "buffers are still in use");
    assert_eq!(pool.available(), pool.capacity());
}
