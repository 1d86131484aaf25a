//! How much memory a dataplane with a configuration takes: hugepages for packets, and ordinary
//! memory for its tables.

use config::{Buffers, Config, Node};

const MEBIBYTE: u64 = 1024 * 1024;
/// Of each buffer: the mempool's header, the mbuf itself, and the headroom with Ethernet's
/// header and two VLAN tags.
const BUFFER_HEAD: u64 = 64 + 128;
const FRAME_OVERHEAD: u64 = 128 + 14 + 8;
const LEAST_DATA_ROOM: u64 = 2048 + 128;
/// Rings, queues of the NICs, and what EAL and the drivers keep for themselves.
const BESIDES: u64 = 64;
const PER_WORKER: u64 = 4;
/// What DPDK takes from ordinary memory when it has no hugepages and nothing else is configured.
const WITHOUT_HUGEPAGES: u64 = 512;
const USUAL_MTU: u16 = 1500;

/// MiB of hugepages that DPDK takes: an estimate that is rather too high.
pub(super) fn hugepages(config: &Config) -> u64 {
    let mtu = config.public.mtu.max(config.private.mtu);
    let needed = for_buffers(config.buffers(), mtu, config.node.workers.len());
    needed.max(config.node.memory.mebibytes.unwrap_or(0).into())
}

/// MiB of ordinary memory for connections, persistent clients, and DPDK without hugepages.
pub(super) fn ordinary(config: &Config) -> u64 {
    let node = &config.node;
    let is_persistent = config.services.iter().any(|service| service.persist.is_some());
    let clients = if is_persistent { u64::from(node.persistence).next_power_of_two() } else { 0 };
    let dpdk = match (node.memory.hugepages, node.memory.mebibytes) {
        (true, _) => 0,
        (false, mebibytes) => mebibytes.map_or(WITHOUT_HUGEPAGES, u64::from),
    };
    let has_clients = config.sources.client != config::Quota::default();
    for_tables(node.connections, node.workers.len(), clients, has_clients) + dpdk
}

/// Both of a first configuration with so many workers.
pub(super) fn of_a_first(workers: usize) -> (u64, u64) {
    let connections = Node::new("", Vec::new()).connections;
    (
        for_buffers(Buffers::usual(workers), USUAL_MTU, workers),
        for_tables(connections, workers, 0, false),
    )
}

fn for_buffers(buffers: Buffers, mtu: u16, workers: usize) -> u64 {
    let each = BUFFER_HEAD + (u64::from(mtu) + FRAME_OVERHEAD).max(LEAST_DATA_ROOM);
    let all = (u64::from(buffers.total()) * each.next_multiple_of(64)).div_ceil(MEBIBYTE);
    all + BESIDES + PER_WORKER * workers as u64
}

/// Each worker has an index for as many connections as it may ever have, which is half of all and
/// its own part.
fn for_tables(connections: u32, workers: usize, clients: u64, has_clients: bool) -> u64 {
    const CONNECTION: u64 = 168;
    const CLIENT: u64 = 16;
    let workers = workers.max(1) as u64;
    let index = if workers == 1 { 32 } else { 12 * (workers + 1) };
    // Of each source 24 bytes, and a fifth of the places stays free.
    let sources = if has_clients { 15 * (workers + 1) } else { 0 };
    let each = CONNECTION + index + sources;
    (u64::from(connections) * each + clients * CLIENT).div_ceil(MEBIBYTE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::testing;

    #[test]
    fn buffers_grow_with_their_number_and_the_mtu() {
        let mut config = testing::config();
        let usual = hugepages(&config);
        assert!((100..200).contains(&usual), "{usual}");
        config.node.memory.mbufs = Some(131_071);
        assert!((350..500).contains(&hugepages(&config)));
        config.node.memory.mbufs = None;
        config.private.mtu = 9000;
        assert!(hugepages(&config) > usual + 50);
        config.node.memory.mebibytes = Some(4096);
        assert_eq!(hugepages(&config), 4096);
    }

    #[test]
    fn a_first_configuration_takes_as_much_as_the_example() {
        let config = testing::config();
        assert_eq!(of_a_first(1), (hugepages(&config), ordinary(&config)));
        assert!(of_a_first(8).0 > 2 * of_a_first(1).0);
    }

    #[test]
    fn tables_grow_with_their_room() {
        let mut config = testing::config();
        assert_eq!(ordinary(&config), 191);
        config.node.memory.hugepages = false;
        assert_eq!(ordinary(&config), 191 + 512);
    }
}
