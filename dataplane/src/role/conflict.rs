//! Other stations that claim our addresses (RFC 5227 section 2.4).
//!
//! While it is active, this machine defends its floating addresses, and its real ones always: it
//! announces again. Never giving up is
//! right for a router, on whose address others depend; to keep two stations that both
//! think so from flooding the link, the defence is limited in time. The RFC's ten seconds
//! are for hosts; here the hosts that a stray announcement misled are brought back within
//! one.

use std::net::Ipv4Addr;

use nat::Instant;
use nat::policy::Network;
use wire::MacAddress;
use wire::arp::Packet;

use crate::snapshot::Interface;

/// Milliseconds between two defences.
const INTERVAL: u64 = 1000;

/// True if the packet's sender claims one of this side's floating addresses, and is
/// another station.
pub fn is_conflict(interface: &Interface, network: &Network<Ipv4Addr>, packet: &Packet) -> bool {
    network.is_floating(packet.sender_ip) && !interface.is_own_mac(packet.sender_mac)
}

/// The same of the real address, which is this machine's whatever its role.
pub fn is_conflict_of_real(
    interface: &Interface,
    network: &Network<Ipv4Addr>,
    packet: &Packet,
) -> bool {
    packet.sender_ip == network.real.address && !interface.is_own_mac(packet.sender_mac)
}

/// Whether a station is the peer, whose Ethernet addresses on this side are these, as far as they are
/// known. Only the peer has connections of the pair: a third station has none that could come back
/// with it.
pub fn may_be_peer(
    station: MacAddress,
    peers: impl IntoIterator<Item = Option<MacAddress>>,
) -> bool {
    let mut known = peers.into_iter().flatten().peekable();
    known.peek().is_none() || known.any(|peer| peer == station)
}

/// When this machine defends.
#[derive(Debug, Default)]
pub struct Defence {
    last: Option<Instant>,
    owed: bool,
}

impl Defence {
    /// A conflict was seen. True if it is to be told and answered now; what comes within
    /// the interval is answered at its end.
    pub fn conflict(&mut self, now: Instant) -> bool {
        self.owed = true;
        self.due(now)
    }

    /// True if an answer is owed and may be given now.
    pub fn due(&mut self, now: Instant) -> bool {
        let rested = self.last.is_none_or(|last| now.since(last) >= INTERVAL);
        let due = self.owed && rested;
        if due {
            *self = Defence { last: Some(now), owed: false };
        }
        due
    }

    /// Owes nothing any more: the role is another's.
    pub fn stop(&mut self) {
        self.owed = false;
    }
}

#[cfg(test)]
mod tests {
    use nat::Side;

    use super::*;
    use crate::snapshot::Builder;

    const OWN: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const OTHER: MacAddress = MacAddress([2, 0, 0, 0, 0, 9]);
    const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn side() -> (Interface, Network<Ipv4Addr>) {
        let text = include_str!("../../../docs/examples/tandem.toml");
        let config = config::Config::from_str("tandem.toml", text).unwrap();
        let snapshot = Builder::new([OWN; 2]).build(&config, &[]).unwrap();
        (*snapshot.interface(Side::Public), snapshot.network(Side::Public).clone())
    }

    #[test]
    fn another_station_with_our_address_is_a_conflict_in_every_form() {
        let (interface, network) = side();
        let host = Ipv4Addr::new(198, 51, 100, 77);
        for packet in [
            Packet::gratuitous_request(OTHER, VIP),
            Packet::gratuitous_reply(OTHER, VIP),
            Packet::request(OTHER, VIP, host),
            Packet::request(OTHER, host, VIP).reply(OTHER),
        ] {
            assert_eq!(
                is_conflict(&interface, &network, &packet),
                packet.sender_ip == VIP,
                "{packet:?}"
            );
        }
    }

    #[test]
    fn our_own_frames_probes_and_requests_are_none() {
        let (interface, network) = side();
        let host = Ipv4Addr::new(198, 51, 100, 77);
        for packet in [
            Packet::gratuitous_request(OWN, VIP),
            Packet::probe(OTHER, VIP),
            Packet::request(OTHER, host, VIP),
            Packet::gratuitous_request(OTHER, host),
        ] {
            assert!(!is_conflict(&interface, &network, &packet), "{packet:?}");
        }
    }

    #[test]
    fn the_peer_with_the_same_virtual_mac_is_none() {
        let (mut interface, network) = side();
        interface.floating_mac = OTHER;
        assert!(!is_conflict(&interface, &network, &Packet::gratuitous_request(OTHER, VIP)));
        let third = MacAddress([2, 0, 0, 0, 0, 7]);
        assert!(is_conflict(&interface, &network, &Packet::gratuitous_request(third, VIP)));
    }

    #[test]
    fn a_defence_a_second_and_the_last_word_is_ours() {
        let mut defence = Defence::default();
        assert!(!defence.due(at(0)));
        assert!(defence.conflict(at(10)), "the first is answered at once");
        assert!(!defence.conflict(at(20)));
        assert!(!defence.conflict(at(900)));
        assert!(!defence.due(at(1009)));
        assert!(defence.due(at(1010)), "the others together");
        assert!(!defence.due(at(5000)));
        assert!(defence.conflict(at(5000)));
    }

    #[test]
    fn a_station_with_another_address_than_the_peers_is_not_the_peer() {
        assert!(may_be_peer(OTHER, [Some(OTHER)]));
        assert!(may_be_peer(OTHER, [None, Some(OTHER)]));
        assert!(!may_be_peer(OTHER, [Some(OWN), None]));
        // Nothing is known of the peer.
        assert!(may_be_peer(OTHER, [None]));
        assert!(may_be_peer(OTHER, []));
    }

    #[test]
    fn a_real_address_is_its_machines_alone() {
        let (interface, network) = side();
        let real = network.real.address;
        assert!(is_conflict_of_real(&interface, &network, &Packet::gratuitous_reply(OTHER, real)));
        for packet in [
            Packet::gratuitous_reply(OWN, real),
            Packet::gratuitous_reply(OTHER, VIP),
            Packet::probe(OTHER, real),
            Packet::request(OTHER, Ipv4Addr::new(198, 51, 100, 77), real),
        ] {
            assert!(!is_conflict_of_real(&interface, &network, &packet), "{packet:?}");
        }
    }

    #[test]
    fn a_machine_that_lost_the_role_owes_nothing() {
        let mut defence = Defence::default();
        defence.conflict(at(0));
        defence.conflict(at(1));
        defence.stop();
        assert!(!defence.due(at(2000)));
    }
}
