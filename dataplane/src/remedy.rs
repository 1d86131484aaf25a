//! What an operator can do about packets that are dropped for a reason.

use crate::drop_reason::DropReason;

impl DropReason {
    /// What to look at or to change, or that there is nothing to do: sentences.
    pub const fn remedy(self) -> &'static str {
        match self {
            DropReason::OtherStation => {
                "Usual on a port that mirrors or floods. If it grows fast, look at the switch: it \
                 does not know where this address is."
            }
            DropReason::EtherType => {
                "Usual for IPv6 and protocols of switches. Nothing to do, unless a neighbour of a \
                 routing daemon is missing: see kernel_multicast."
            }
            DropReason::Vlan => {
                "Give the NIC's port the network untagged, as a native VLAN of the switch, or set \
                 the NIC's VLAN on the host."
            }
            DropReason::Truncated => {
                "Look for a broken NIC, cable or sender: tandem capture shows them, ethtool -S the \
                 NIC's errors."
            }
            DropReason::IpHeader => {
                "Look for a broken NIC, cable or sender; a virtual host with checksum offload \
                 sends unfinished headers: ethtool -K DEVICE tx off there."
            }
            DropReason::IcmpChecksum => {
                "Look for a broken sender, or a virtual host with checksum offload: ethtool -K \
                 DEVICE tx off there."
            }
            DropReason::Martian => {
                "Spoofed or misconfigured senders. Filter them upstream (RFC 2827) if there are \
                 many."
            }
            DropReason::IpOption => {
                "Nothing to do: no program needs these options, and scanners send them."
            }
            DropReason::Protocol => {
                "What is neither TCP, UDP nor ICMP has to go around this machine, as on a real \
                 address."
            }
            DropReason::NotForUs => {
                "Add the address to floating of its side, or take the sender's route to this \
                 machine away."
            }
            DropReason::NoService => {
                "Usual from scanners. Otherwise add a [[service]] that listens there, or compare \
                 what the client asks for with tandem services."
            }
            DropReason::NoConnection => {
                "It ended or timed out before (timeouts in the configuration), or its SYN came \
                 another way: look for asymmetric routes; tandem connections --address IP. After a \
                 takeover tandem status shows whether connection sync was complete."
            }
            DropReason::Overload => {
                "More arrives than the workers serve: tandem sources shows from where; limit them \
                 with [sources], or give node.workers more cores."
            }
            DropReason::NoServer => {
                "tandem services shows why no server takes connections: enable one, give it a \
                 weight, or mend what its check says; sorry servers are for this case."
            }
            DropReason::ServerDown => {
                "Ends by itself as clients open new connections. tandem services says why the \
                 server is down."
            }
            DropReason::Killed => {
                "Nothing to do: an operator has ended the connection, and its ends are told."
            }
            DropReason::ServerFull => {
                "Raise max_connections of servers or service, add servers, or let others take over \
                 with when_full."
            }
            DropReason::NotMasqueraded => {
                "Add a [[masquerade]] rule whose source has the host, if it is to reach the public \
                 side."
            }
            DropReason::Spoofed => {
                "A sender on the public side uses an inside address: filter it upstream (RFC \
                 2827). Or a cable or VLAN joins both sides."
            }
            DropReason::TableFull => {
                "Raise node.connections, or limit who takes most of them: tandem sources."
            }
            DropReason::PortsExhausted => {
                "Give the [[masquerade]] rule more ports, or the hosts another address."
            }
            DropReason::MasqueradeFull => {
                "Raise max_connections of the [[masquerade]] rule; tandem sources shows which \
                 hosts have most."
            }
            DropReason::SourceConnections | DropReason::SourceRate => {
                "tandem sources shows who has how many; raise the limit in [sources], or allow the \
                 network there."
            }
            DropReason::SourceHalfOpen => {
                "Usual for a scanner or a SYN flood. tandem sources shows who; raise the limit in \
                 [sources], or allow the network there, if it may."
            }
            DropReason::TupleTaken => {
                "Seldom, and no harm: the client's port is in use with another server of the \
                 service, and ends with that connection."
            }
            DropReason::IcmpUnrelated => "Usual from scanners and old connections. Nothing to do.",
            DropReason::IcmpType => "Nothing to do: what paths need is translated.",
            DropReason::TtlExpired => {
                "Usual for traceroute. If it grows fast, look for a routing loop on either side."
            }
            DropReason::TooBig => {
                "Usual while senders learn the MTU: they were told (fragmentation needed). If \
                 connections hang, see that no firewall drops ICMP, or set mss_clamp."
            }
            DropReason::NoRoute => {
                "Add a route or a gateway to the side on which the packet would leave."
            }
            DropReason::NeighbourQueue | DropReason::NeighbourFailed => {
                "The next hop does not answer ARP, or too slowly: see whether it is up and in the \
                 right VLAN; tandem neighbours says which."
            }
            DropReason::NeighbourTable => {
                "Too many hosts on one network: look for a scan of it, or put a router between \
                 them; tandem neighbours."
            }
            DropReason::FragmentEarly | DropReason::FragmentExpired | DropReason::FragmentTable => {
                "Fragments are lost on the way, or somebody floods with them; senders that look \
                 for the path's MTU need none. Filter fragments upstream if nobody does."
            }
            DropReason::FragmentInvalid => "An attack, or a broken sender. Nothing to do here.",
            DropReason::FragmentToRouter => {
                "Nothing to do: somebody tests the router with fragments."
            }
            DropReason::Segments => "The NIC joins frames: switch LRO off on it, or on its host.",
            DropReason::NoBuffer => "Raise node.mbufs; tandem counters shows how many are in use.",
            DropReason::TransmitFull => {
                "The NIC sends slower than packets come: look at its link's speed and at pause \
                 frames; tandem status."
            }
            DropReason::HandoffFull => {
                "One worker has more than it can do: let the NIC spread packets over the workers \
                 (tandem doctor), or give node.workers more cores."
            }
            DropReason::HousekeepingFull => {
                "Somebody floods this machine's own addresses: punt_*_dropped in tandem counters \
                 says with what. Filter it upstream."
            }
            DropReason::KernelFull => {
                "A program on this machine reads too slowly, or somebody floods it: ss -m shows \
                 which."
            }
            DropReason::Standby => {
                "Usual on a standby machine for a moment after a change. If it lasts, the switch \
                 or a host has an old ARP entry; see tandem status on both machines."
            }
            DropReason::KernelAddress => {
                "Packets for this machine's own address need its kernel interface: see the log of \
                 tandem-dataplane. Nothing to do if nothing listens there."
            }
        }
    }
}
