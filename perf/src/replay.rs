//! A traffic in files, and the DPDK devices that replay them for ever: net_pcap where
//! packets come in, net_null where none do. Either takes what is sent, and drops it.

use std::path::{Path, PathBuf};

use nat::Side;
use wire::MacAddress;

use crate::packets::ROUTER_MAC;
use crate::traffic::{Packet, Traffic};
use crate::{Error, pcap};

/// Buffers besides those that hold the files: queues, caches, bursts.
const SPARE_MBUFS: u32 = 16_384;
/// Bytes that a buffer takes with its headers.
const MBUF: u64 = 2_560;

/// Files of a traffic, in an order of their own on each side.
#[derive(Clone, Debug)]
pub struct Replay {
    /// By side, and then by queue.
    files: [Vec<PathBuf>; 2],
    packets: u32,
}

impl Replay {
    /// The most connections whose packets buffers can be asked for: DPDK's pools end at 2^24.
    pub const MOST_CONNECTIONS: u32 = 4 << 20;

    /// Writes the files into a folder; a queue for each worker, with a part of the packets.
    /// Other files of the folder stay apart by `name`.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyConnections`], for what net_pcap cannot hold; [`Error::Io`].
    pub fn write(
        folder: &Path,
        name: &str,
        traffic: &Traffic,
        queues: usize,
    ) -> Result<Self, Error> {
        if traffic.connections > Self::MOST_CONNECTIONS {
            return Err(Error::TooManyConnections { most: Self::MOST_CONNECTIONS });
        }
        let mut replay = Replay { files: [Vec::new(), Vec::new()], packets: 0 };
        for side in Side::ALL {
            let mut packets: Vec<Packet> = traffic.packets(side).collect();
            // Records lie in the table in the order in which connections came: packets
            // that come in that order would be spared the misses. The same order in
            // every run.
            fastrand::Rng::with_seed(side.index() as u64).shuffle(&mut packets);
            replay.packets += packets.len() as u32;
            let router = router_mac(side, traffic);
            for chunk in packets.chunks(packets.len().div_ceil(queues).max(1)) {
                let queue = replay.files[side.index()].len();
                let file = folder.join(format!("{name}-{}-{queue}.pcap", side.index()));
                pcap::write(&file, chunk.iter().map(|packet| packet.frame(router)))?;
                replay.files[side.index()].push(file);
            }
        }
        Ok(replay)
    }

    /// The device of a side, with its arguments, in the words of DPDK.
    pub fn device(&self, side: Side) -> String {
        let number = side.index();
        let files = &self.files[number];
        if files.is_empty() {
            return format!("net_null{number},no-rx=1");
        }
        let queues: Vec<String> =
            files.iter().map(|file| format!("rx_pcap={}", file.display())).collect();
        format!("net_pcap{number},{},infinite_rx=1", queues.join(","))
    }

    /// True for a side on which packets come in.
    pub fn feeds(&self, side: Side) -> bool {
        !self.files[side.index()].is_empty()
    }

    /// Packets in all files.
    pub fn packets(&self) -> u32 {
        self.packets
    }

    /// Buffers for a run.
    pub fn mbufs(&self) -> u32 {
        self.packets + SPARE_MBUFS
    }

    /// Memory for them, in MiB.
    pub fn mebibytes(&self) -> u64 {
        u64::from(self.mbufs()) * MBUF / (1 << 20) + 192
    }
}

/// The Ethernet address of a side's device: net_pcap numbers its ports.
fn router_mac(side: Side, traffic: &Traffic) -> MacAddress {
    let is_second = side == Side::Private && traffic.packets(Side::Public).next().is_some();
    let [head @ .., last] = ROUTER_MAC.0;
    let [a, b, c, d, e] = head;
    MacAddress([a, b, c, d, e, last + u8::from(is_second)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{Mix, Size};

    const SERVICE: Traffic =
        Traffic { mix: Mix::Service, one_way: true, size: Size::Smallest, connections: 5 };

    #[test]
    fn a_side_without_packets_is_a_device_without() {
        let folder = std::env::temp_dir().join("tandem-perf-test-one-way");
        std::fs::create_dir_all(&folder).unwrap();
        let replay = Replay::write(&folder, "flows", &SERVICE, 1).unwrap();
        let file = folder.join("flows-0-0.pcap");
        let device = format!("net_pcap0,rx_pcap={},infinite_rx=1", file.display());
        assert_eq!(replay.device(Side::Public), device);
        assert_eq!(replay.device(Side::Private), "net_null1,no-rx=1");
        assert_eq!(std::fs::metadata(file).unwrap().len(), 24 + 5 * (16 + 60));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn packets_are_shared_among_queues() {
        let folder = std::env::temp_dir().join("tandem-perf-test-queues");
        std::fs::create_dir_all(&folder).unwrap();
        let traffic = Traffic { one_way: false, ..SERVICE };
        let replay = Replay::write(&folder, "flows", &traffic, 2).unwrap();
        assert_eq!(replay.packets(), 10);
        assert_eq!(replay.device(Side::Private).matches("rx_pcap=").count(), 2);
        let sizes = ["flows-1-0.pcap", "flows-1-1.pcap"]
            .map(|file| std::fs::metadata(folder.join(file)).unwrap().len());
        assert_eq!(sizes, [24 + 3 * 76, 24 + 2 * 76]);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn ten_million_connections_are_too_many() {
        let traffic = Traffic { connections: 10_000_000, ..SERVICE };
        let error = Replay::write(Path::new("/nonexistent"), "flows", &traffic, 1).unwrap_err();
        assert!(error.to_string().contains("net_pcap"), "{error}");
    }

    #[test]
    fn devices_are_numbered_as_net_pcap_does() {
        let both = Traffic { one_way: false, ..SERVICE };
        let asked = Traffic { mix: Mix::Masquerade, ..SERVICE };
        assert_eq!(router_mac(Side::Public, &both), ROUTER_MAC);
        assert_eq!(router_mac(Side::Private, &both).0[5], 1);
        assert_eq!(router_mac(Side::Private, &asked), ROUTER_MAC);
    }
}
