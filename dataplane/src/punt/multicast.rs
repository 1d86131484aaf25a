//! Which multicast frames the kernel is to have.

use config::{Interface, MulticastProtocol};
use nat::Side;
use wire::MacAddress;
use wire::ethernet::EtherType;
use wire::parse::Ipv4;

/// The protocols of `kernel_multicast` of both sides: part of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MulticastRules([Vec<MulticastProtocol>; 2]);

impl MulticastRules {
    /// Those of a configuration's public and private side.
    pub fn of([public, private]: [&Interface; 2]) -> Self {
        MulticastRules([public, private].map(|side| side.kernel_multicast.clone()))
    }

    fn of_side(&self, side: Side) -> impl Iterator<Item = MulticastProtocol> {
        self.0[side.index()].iter().copied()
    }

    /// True for a packet of one of the side's protocols, to one of its groups in the frame as well.
    pub fn has_packet(&self, side: Side, to: MacAddress, ip: &Ipv4) -> bool {
        to == MacAddress::of_group(ip.destination)
            && self.of_side(side).filter_map(MulticastProtocol::over_ip).any(
                |(protocol, groups)| protocol == ip.protocol && groups.contains(&ip.destination),
            )
    }

    /// True for a frame of one of the side's protocols that are not over IP.
    pub fn has_frame(&self, side: Side, to: MacAddress, ether_type: EtherType) -> bool {
        self.of_side(side)
            .filter_map(MulticastProtocol::over_ethernet)
            .any(|(known, macs)| known == ether_type && macs.contains(&to))
    }
}
