//! One function for each thing that a fast path asks of DPDK, kept apart so that
//! `dpdk/cost.sh` can count its instructions and calls beside those of the same in C.

use dpdk::burst::Burst;
use dpdk::eal::{DeviceSpec, Eal, EalConfig, Memory};
use dpdk::mbuf::Mbuf;
use dpdk::mempool::{Mempool, MempoolConfig};
use dpdk::port::{Port, PortConfig, RxQueue, TxQueue};
use dpdk::{CoreId, SocketId};

#[inline(never)]
fn cost_receive(queue: &mut RxQueue, burst: &mut Burst<32>) -> usize {
    queue.receive(burst)
}

#[inline(never)]
fn cost_transmit(queue: &mut TxQueue, burst: &mut Burst<32>) -> usize {
    queue.transmit(burst)
}

#[inline(never)]
fn cost_alloc(pool: &Mempool) -> Option<Mbuf> {
    pool.alloc()
}

#[inline(never)]
fn cost_free(mbuf: Mbuf) {
    drop(mbuf);
}

#[inline(never)]
fn cost_read(mbuf: &Mbuf) -> usize {
    mbuf.data().first().map_or(0, |&byte| usize::from(byte)) + mbuf.len()
}

#[inline(never)]
fn cost_prefetch(mbuf: &Mbuf) {
    mbuf.prefetch_data();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = "net_null0".to_owned();
    let eal = Eal::start(&EalConfig {
        program: "cost".to_owned(),
        main_cores: vec![CoreId(0)],
        worker_cores: vec![CoreId(0)],
        memory: Memory::Ordinary(128),
        file_prefix: "tandem-cost".to_owned(),
        devices: vec![DeviceSpec::Virtual { name: name.clone(), arguments: String::new() }],
    })?;
    let config = MempoolConfig { mbufs: 1023, cache: 32, data_room: 2176, socket: SocketId::ANY };
    let pool = Mempool::new(&eal, config)?;
    let id = eal.port(&name).ok_or("net_null0 is missing")?;
    let (_port, mut rx, mut tx) = Port::start(
        id,
        &name,
        &PortConfig {
            rx_queues: 1,
            mempool: pool.clone(),
            tx_queues: 1,
            rx_descriptors: None,
            tx_descriptors: None,
            mtu: 1500,
            promiscuous: false,
        },
    )?;
    let (Some(rx), Some(tx)) = (rx.first_mut(), tx.first_mut()) else { return Ok(()) };
    let mut burst = Burst::new();
    println!("received {}", cost_receive(rx, &mut burst));
    println!("sent {}", cost_transmit(tx, &mut burst));
    let mbuf = cost_alloc(&pool).ok_or("the pool is empty")?;
    cost_prefetch(&mbuf);
    println!("read {}", cost_read(&mbuf));
    cost_free(mbuf);
    Ok(())
}
