//! How long a connection outlives its last packet.

use core::time::Duration;

/// Every timeout, in whole seconds of at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// Connections to services; IPVS' defaults.
    pub service: ConnectionTimeouts,
    /// Masqueraded connections; the least that RFC 5382, 4787 and 5508 allow.
    pub masquerade: ConnectionTimeouts,
    /// Fragments that wait for their datagram's first.
    pub fragment: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            service: ConnectionTimeouts::SERVICE,
            masquerade: ConnectionTimeouts::MASQUERADE,
            fragment: Duration::from_secs(30),
        }
    }
}

/// The timeouts of one kind of connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionTimeouts {
    /// TCP, by state.
    pub tcp: TcpTimeouts,
    /// UDP, once the end that answers has sent something.
    pub udp: Duration,
    /// UDP before.
    pub udp_unreplied: Duration,
    /// ICMP queries.
    pub icmp: Duration,
}

/// The timeouts of TCP's states, as IPVS names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpTimeouts {
    /// No segment seen that says more.
    pub none: Duration,
    /// Both ends have spoken.
    pub established: Duration,
    /// A SYN from the side that answers.
    pub syn_sent: Duration,
    /// A SYN from the side that opens.
    pub syn_recv: Duration,
    /// A FIN from one end.
    pub fin_wait: Duration,
    /// A FIN from both ends.
    pub time_wait: Duration,
    /// A RST.
    pub close: Duration,
    /// A FIN from the other end.
    pub close_wait: Duration,
    /// The last ACK is awaited.
    pub last_ack: Duration,
    /// Nothing but a listening socket.
    pub listen: Duration,
    /// A SYN that was answered for the server.
    pub synack: Duration,
}

impl ConnectionTimeouts {
    /// IPVS' defaults, and the kernel's (nf_conntrack) for UDP that nobody has replied to.
    pub const SERVICE: Self = ConnectionTimeouts {
        tcp: TcpTimeouts {
            none: Duration::from_secs(2),
            established: Duration::from_secs(900),
            syn_sent: Duration::from_secs(120),
            syn_recv: Duration::from_secs(60),
            fin_wait: Duration::from_secs(120),
            time_wait: Duration::from_secs(120),
            close: Duration::from_secs(10),
            close_wait: Duration::from_secs(60),
            last_ack: Duration::from_secs(30),
            listen: Duration::from_secs(120),
            synack: Duration::from_secs(120),
        },
        udp: Duration::from_secs(300),
        udp_unreplied: Duration::from_secs(30),
        icmp: Duration::from_secs(60),
    };

    /// RFC 5382 section 5: established at least 2 h 4 min, everything transitory at
    /// least 4 min. RFC 4787 section 4.3: UDP 5 min, never less
    /// than 2. RFC 5508 section 3.2: queries 60 s.
    pub const MASQUERADE: Self = ConnectionTimeouts {
        tcp: TcpTimeouts {
            none: TRANSITORY,
            established: Duration::from_secs(7440),
            syn_sent: TRANSITORY,
            syn_recv: TRANSITORY,
            fin_wait: TRANSITORY,
            time_wait: TRANSITORY,
            close: TRANSITORY,
            close_wait: TRANSITORY,
            last_ack: TRANSITORY,
            listen: TRANSITORY,
            synack: TRANSITORY,
        },
        udp: Duration::from_secs(300),
        udp_unreplied: Duration::from_secs(120),
        icmp: Duration::from_secs(60),
    };
}

const TRANSITORY: Duration = Duration::from_secs(240);
