//! Why a packet went no further: the one list behind counters, metrics and docs.

use nat::policy::Refusal;

/// Defines the reasons with the name and the sentence that operators read.
macro_rules! drop_reasons {
    ($($(#[$meta:meta])* $variant:ident $name:literal $description:literal,)+) => {
        /// Why a packet was dropped. Each reason has one counter.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum DropReason {
            $(#[doc = $description] $variant,)+
        }

        impl DropReason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [DropReason] = &[$(DropReason::$variant,)+];

            /// The stable name in counters and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(DropReason::$variant => $name,)+ }
            }

            /// One sentence for the operator.
            pub const fn description(self) -> &'static str {
                match self { $(DropReason::$variant => $description,)+ }
            }
        }
    };
}

drop_reasons! {
    OtherStation "other_station" "The frame is addressed to another station's Ethernet address.",
    EtherType "ether_type" "The frame carries neither IPv4 nor ARP.",
    Vlan "vlan" "The frame has a VLAN tag, and no VLAN is configured.",
    Truncated "truncated" "A header is cut short or its lengths contradict each other.",
    IpHeader "ip_header" "The IPv4 header has a wrong version, length or checksum.",
    IcmpChecksum "icmp_checksum" "The ICMP checksum is wrong (RFC 5508 section 4).",
    Martian "martian" "A source or destination address that no router forwards: zero, loopback, link-local, multicast, reserved (RFC 6890).",
    IpOption "ip_option" "An IP option that is not forwarded (RFC 7126): source route, record route, time stamp, an obsolete or experimental one; or options whose lengths do not fit.",
    Protocol "protocol" "The IP protocol is none of TCP, UDP and ICMP.",
    NotForUs "not_for_us" "The destination is no address of this router and nothing routes it on.",
    NoService "no_service" "A packet to a floating address at a port where no service listens.",
    NoConnection "no_connection" "A packet in the middle of a connection that is not known.",
    Overload "overload" "A packet of no known connection, beyond the few that a worker serves while a queue overflows.",
    NoServer "no_server" "Every real server of the service has weight 0, is drained or is down.",
    ServerDown "server_down" "A segment of a connection that was reset because its real server is down.",
    Killed "killed" "A segment of a connection that an operator has ended; its sender was reset.",
    ServerFull "server_full" "Every real server of the service that has a weight has as many connections as it takes, or the service has.",
    NotMasqueraded "not_masqueraded" "A private host's packet that no masquerade rule covers.",
    Spoofed "spoofed" "A packet from the public side with a private or a local source address.",
    TableFull "table_full" "The connection table is full of connections that were answered; raise node.connections.",
    PortsExhausted "ports_exhausted" "Every port that was tried is taken: of the masquerade address towards this remote, or of the client towards the real server.",
    MasqueradeFull "masquerade_full" "The private hosts of the masquerade rule have as many connections as its max_connections allows.",
    SourceConnections "source_connections" "The client, its network or the private host has as many connections as [sources] allows.",
    SourceHalfOpen "source_half_open" "As many connections of the client, its network or the private host as [sources] allows are half open.",
    SourceRate "source_rate" "The client, its network or the private host has opened as many connections in a second as [sources] allows.",
    TupleTaken "tuple_taken" "A real server speaks first to a client that is in a connection with another server.",
    IcmpUnrelated "icmp_unrelated" "An ICMP error about no known connection.",
    IcmpType "icmp_type" "An ICMP message of a type that is not translated.",
    TtlExpired "ttl_expired" "The time to live ran out here.",
    TooBig "too_big" "Larger than the next link's MTU, and must not be fragmented.",
    NoRoute "no_route" "No route leads to the destination.",
    NeighbourQueue "neighbour_queue" "Too many packets wait for the neighbour's Ethernet address.",
    NeighbourFailed "neighbour_failed" "The neighbour does not answer ARP.",
    NeighbourTable "neighbour_table" "The neighbour table is full.",
    FragmentEarly "fragment_early" "Fragments came before their first one and no room is left to hold them.",
    FragmentExpired "fragment_expired" "The other fragments of its datagram did not come in time, or younger datagrams took the room.",
    FragmentInvalid "fragment_invalid" "A fragment that overlaps headers or is too small (RFC 1858).",
    FragmentTable "fragment_table" "Too many fragmented datagrams wait for their first fragment.",
    FragmentToRouter "fragment_to_router" "A fragment of an echo request to a floating address that contradicts the others, or is none of one.",
    Segments "segments" "The frame lies in several buffers and could not be joined.",
    NoBuffer "no_buffer" "No free packet buffer; on the main core, more packets waited there than it has room for.",
    TransmitFull "transmit_full" "The transmit queue of the NIC stayed full.",
    HandoffFull "handoff_full" "The ring to the worker that owns the connection was full.",
    HousekeepingFull "housekeeping_full" "More packets for the main core (ARP, kernel interface) than its class has room for, or than it takes a second; `punt_*_dropped` says of which.",
    KernelFull "kernel_full" "The kernel interface took no more packets.",
    Standby "standby" "A packet to be forwarded or answered while this machine is not active.",
    KernelAddress "kernel_address" "A packet to this machine's real address while it has no kernel interface.",
}

impl From<Refusal> for DropReason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Martian => DropReason::Martian,
            Refusal::Spoofed => DropReason::Spoofed,
            Refusal::NotForUs => DropReason::NotForUs,
            Refusal::NotMasqueraded => DropReason::NotMasqueraded,
            Refusal::NoService => DropReason::NoService,
            Refusal::NoServer => DropReason::NoServer,
            Refusal::ServerFull => DropReason::ServerFull,
            Refusal::NoConnection => DropReason::NoConnection,
            Refusal::TtlExpired => DropReason::TtlExpired,
            Refusal::NoRoute => DropReason::NoRoute,
            Refusal::TableFull => DropReason::TableFull,
            Refusal::PortsExhausted => DropReason::PortsExhausted,
            Refusal::MasqueradeFull => DropReason::MasqueradeFull,
            Refusal::SourceConnections => DropReason::SourceConnections,
            Refusal::SourceHalfOpen => DropReason::SourceHalfOpen,
            Refusal::SourceRate => DropReason::SourceRate,
            Refusal::TupleTaken => DropReason::TupleTaken,
        }
    }
}

impl DropReason {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The reason's place in [`DropReason::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_indices_match() {
        for (at, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), at);
            let same = DropReason::ALL.iter().filter(|other| other.name() == reason.name());
            assert_eq!(same.count(), 1, "{}", reason.name());
        }
    }

    #[test]
    fn each_refusal_has_a_reason_of_its_own() {
        let reasons: HashSet<DropReason> = Refusal::ALL.map(DropReason::from).into();
        assert_eq!(reasons.len(), Refusal::ALL.len());
    }

    #[test]
    fn each_reason_is_documented() {
        let page = include_str!("../../docs/counters.md");
        for reason in DropReason::ALL {
            let row = format!("| `{}` | {} |", reason.name(), reason.description());
            assert!(page.contains(&row), "docs/counters.md lacks the line\n{row}");
        }
    }
}
