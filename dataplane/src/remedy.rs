//! What an operator can do about packets that are dropped for a reason.

use crate::drop_reason::DropReason;

impl DropReason {
    /// What to look at or to change; `None` where the packet is its sender's mistake or the drop is
    /// as it should be.
    pub const fn remedy(self) -> Option<&'static str> {
        Some(match self {
            DropReason::Vlan => {
                "give the NIC's port the network untagged, as a native VLAN of the switch"
            }
            DropReason::NotForUs => {
                "add the address to floating of its side, or take the sender's route to this \
                 machine away"
            }
            DropReason::NoService => {
                "add a [[service]] that listens there, or look at what the client asks for: \
                 tandem services"
            }
            DropReason::NoConnection => {
                "it ended or timed out before (timeouts in the configuration), or its SYN came \
                 another way: look for asymmetric routes; tandem connections --address IP"
            }
            DropReason::Overload => {
                "a flood of new connections: tandem sources shows from where; limit them with \
                 [sources], or give node.workers more cores"
            }
            DropReason::NoServer => {
                "tandem services shows why no server takes connections: enable one, give it a \
                 weight, or mend what its check says; sorry servers are for this case"
            }
            DropReason::ServerDown => {
                "the server's check failed and the service cuts its connections: tandem services"
            }
            DropReason::ServerFull => {
                "raise max_connections of servers or service, add servers, or let others take \
                 over with when_full"
            }
            DropReason::NotMasqueraded => {
                "add a [[masquerade]] rule whose source has the host, if it is to reach the \
                 public side"
            }
            DropReason::Spoofed => {
                "a sender on the public side uses an inside address, or a cable or VLAN joins \
                 both sides"
            }
            DropReason::TableFull => "raise node.connections, or limit clients with [sources]",
            DropReason::PortsExhausted => {
                "give the [[masquerade]] rule more ports or the hosts another address"
            }
            DropReason::MasqueradeFull => {
                "raise max_connections of the [[masquerade]] rule; tandem sources shows which hosts \
                 have most"
            }
            DropReason::SourceConnections | DropReason::SourceHalfOpen | DropReason::SourceRate => {
                "tandem sources shows who has how many; raise the limit in [sources], or allow \
                 the network there"
            }
            DropReason::TtlExpired => {
                "traceroute does this; otherwise look for a routing loop on either side"
            }
            DropReason::TooBig => {
                "the sender was told (fragmentation needed): see that no firewall drops ICMP, or \
                 raise the MTU of the other side"
            }
            DropReason::NoRoute => {
                "add a route or a gateway to the side on which the packet would leave"
            }
            DropReason::NeighbourQueue | DropReason::NeighbourFailed => {
                "the next hop does not answer ARP: see whether it is up and in the right VLAN; \
                 tandem neighbours"
            }
            DropReason::NeighbourTable => {
                "too many hosts on one network: look for a scan of it; tandem neighbours"
            }
            DropReason::FragmentEarly | DropReason::FragmentExpired | DropReason::FragmentTable => {
                "fragments are lost on the way, or somebody floods with them; senders that look \
                 for the path's MTU need none"
            }
            DropReason::NoBuffer => "raise node.memory.mbufs; tandem counters shows both pools",
            DropReason::TransmitFull => {
                "the NIC sends slower than packets come: look at its link's speed and at pause \
                 frames; tandem status"
            }
            DropReason::HandoffFull => {
                "one worker has more than it can do: let the NIC spread packets over the workers \
                 (tandem doctor), or give node.workers more cores"
            }
            DropReason::HousekeepingFull | DropReason::KernelFull => {
                "somebody floods this machine's own addresses: see punt_* in tandem counters, and \
                 filter it upstream"
            }
            DropReason::Standby => {
                "this machine is not active: see tandem status on both; who sends here has an old \
                 ARP entry"
            }
            DropReason::KernelAddress => {
                "packets for this machine's own address need its kernel interface: see the log of \
                 tandem-dataplane"
            }
            DropReason::TupleTaken => {
                "the client's port is in use with another server of the service: it ends with \
                 that connection"
            }
            DropReason::OtherStation
            | DropReason::EtherType
            | DropReason::Truncated
            | DropReason::IpHeader
            | DropReason::IcmpChecksum
            | DropReason::Martian
            | DropReason::IpOption
            | DropReason::Protocol
            | DropReason::IcmpUnrelated
            | DropReason::IcmpType
            | DropReason::FragmentInvalid
            | DropReason::FragmentToRouter
            | DropReason::Segments
            | DropReason::Killed => return None,
        })
    }
}
