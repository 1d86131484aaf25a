//! How much memory a dataplane with a configuration takes: hugepages for packets, and ordinary
//! memory for its tables.

use config::Config;

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

/// MiB of hugepages that DPDK takes: an estimate that is rather too high.
pub(super) fn hugepages(config: &Config) -> u64 {
    let memory = config.node.memory;
    let mtu = u64::from(config.public.mtu.max(config.private.mtu));
    let buffer = BUFFER_HEAD + (mtu + FRAME_OVERHEAD).max(LEAST_DATA_ROOM);
    let buffers = (u64::from(memory.mbufs) * buffer.next_multiple_of(64)).div_ceil(MEBIBYTE);
    let needed = buffers + BESIDES + PER_WORKER * config.node.workers.len() as u64;
    needed.max(memory.mebibytes.unwrap_or(0).into())
}

/// MiB of ordinary memory for connections, persistent clients, and DPDK without hugepages.
pub(super) fn ordinary(config: &Config) -> u64 {
    const CONNECTION: u64 = 200;
    const CLIENT: u64 = 16;
    let node = &config.node;
    let is_persistent = config.services.iter().any(|service| service.persist.is_some());
    let clients = if is_persistent { u64::from(node.persistence).next_power_of_two() } else { 0 };
    let tables = (u64::from(node.connections) * CONNECTION + clients * CLIENT).div_ceil(MEBIBYTE);
    let dpdk = match (node.memory.hugepages, node.memory.mebibytes) {
        (true, _) => 0,
        (false, mebibytes) => mebibytes.map_or(WITHOUT_HUGEPAGES, u64::from),
    };
    tables + dpdk
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::testing;

    #[test]
    fn buffers_grow_with_their_number_and_the_mtu() {
        let mut config = testing::config();
        let usual = hugepages(&config);
        assert!((200..300).contains(&usual), "{usual}");
        config.private.mtu = 9000;
        assert!(hugepages(&config) > 2 * usual);
        config.node.memory.mebibytes = Some(4096);
        assert_eq!(hugepages(&config), 4096);
    }

    #[test]
    fn tables_grow_with_their_room() {
        let mut config = testing::config();
        assert_eq!(ordinary(&config), 191);
        config.node.memory.hugepages = false;
        assert_eq!(ordinary(&config), 191 + 512);
    }
}
