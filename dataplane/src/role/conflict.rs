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
use wire::arp::Packet;

use crate::snapshot::Interface;

/// Milliseconds between two defences.
const INTERVAL: u64 = 1000;
/// Milliseconds without a claim after which the next one is the first of another dispute.
const PEACE: u64 = 60_000;

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

/// When this machine defends.
#[derive(Debug, Default)]
pub struct Defence {
    last: Option<Instant>,
    /// When the other station claimed last.
    claimed: Option<Instant>,
    owed: bool,
}

impl Defence {
    /// Takes note of a claim. True if it is the first of a dispute: one who claims all the time
    /// has one of them, and is not taken again and again for a machine that has just been active.
    pub fn begins(&mut self, now: Instant) -> bool {
        self.claimed.replace(now).is_none_or(|before| now.since(before) >= PEACE)
    }

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
            (self.last, self.owed) = (Some(now), false);
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
    use wire::MacAddress;

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
    fn who_claims_all_the_time_has_one_dispute() {
        let mut defence = Defence::default();
        let begun = (0..1000).filter(|second| defence.begins(at(second * 1000)));
        assert_eq!(begun.collect::<Vec<_>>(), [0]);
        assert!(!defence.begins(at(1_058_000)));
        assert!(defence.begins(at(1_118_000)), "a minute without a claim");
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
