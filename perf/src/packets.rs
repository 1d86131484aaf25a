//! The packets of clients, one for each flow, and the addresses of all runs.

use std::net::Ipv4Addr;

use wire::{FiveTuple, MacAddress, Port, Protocol};

/// The virtual IP of the runs (RFC 2544 sets 198.18.0.0/15 aside for them).
pub const VIP: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The port of the service.
pub const SERVICE_PORT: u16 = 53;
/// The Ethernet address that DPDK's net_pcap gives its first port.
pub const ROUTER_MAC: MacAddress = MacAddress([0x02, 0x70, 0x63, 0x61, 0x70, 0x00]);
/// The router between the clients and this one.
pub const UPSTREAM_MAC: MacAddress = MacAddress([0x02, 0, 0, 0, 0, 0xfe]);
/// Bytes of a frame without its checksum: the 64-byte frame of RFC 2544.
pub const FRAME: usize = 60;

/// A client's packet to the service: flow `number` of all.
pub fn tuple(number: u32) -> FiveTuple<Ipv4Addr> {
    // Neighbouring numbers get addresses far apart, as clients have.
    let scattered = number.wrapping_mul(0x9e37_79b1);
    FiveTuple {
        source: Ipv4Addr::from_bits(0x1400_0000 | (scattered >> 8)),
        destination: VIP,
        source_port: Port::new(1024 + (scattered & 0xff) as u16 + ((number >> 24) << 8) as u16),
        destination_port: Port::new(SERVICE_PORT),
        protocol: Protocol::Udp,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_flow_is_another() {
        let tuples: HashSet<_> = (0..1 << 20).map(tuple).collect();
        assert_eq!(tuples.len(), 1 << 20);
    }
}
