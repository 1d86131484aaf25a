//! Why a packet opens no connection, and what its sender is told.

use wire::{Address, Protocol};

use super::{Policy, Request};
use crate::Side;
use crate::service::{Service, Unserved};

/// Why a packet opens no connection. The dataplane has a drop reason for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// Nothing is forwarded from the source address or to the destination address.
    Martian,
    /// The source address belongs to this machine, or to the other side.
    Spoofed,
    /// The destination is no address of this router, and nothing may be routed to it.
    NotForUs,
    /// No masquerade rule covers the private host.
    NotMasqueraded,
    /// No service listens at this port of a floating address.
    NoService,
    /// Every server of the service has weight 0.
    NoServer,
    /// Every server of the service that has a weight has as many connections as it takes, or the
    /// service has.
    ServerFull,
    /// The packet belongs in the middle of a connection, and there is none.
    NoConnection,
    /// The time to live ends here.
    TtlExpired,
    /// No route leads to where the packet would go.
    NoRoute,
    /// The connection table is full.
    TableFull,
    /// Every port that was tried is taken.
    PortsExhausted,
    /// The private hosts of its masquerade rule have as many connections as they may.
    MasqueradeFull,
    /// The source has as many connections as it may have.
    SourceConnections,
    /// As many of its connections as may be are half open.
    SourceHalfOpen,
    /// It has opened as many in the last second as it may.
    SourceRate,
    /// A server speaks first to a client whose port is in a connection with another server.
    TupleTaken,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Refusal; 17] = [
        Refusal::Martian,
        Refusal::Spoofed,
        Refusal::NotForUs,
        Refusal::NotMasqueraded,
        Refusal::NoService,
        Refusal::NoServer,
        Refusal::ServerFull,
        Refusal::NoConnection,
        Refusal::TtlExpired,
        Refusal::NoRoute,
        Refusal::TableFull,
        Refusal::PortsExhausted,
        Refusal::MasqueradeFull,
        Refusal::SourceConnections,
        Refusal::SourceHalfOpen,
        Refusal::SourceRate,
        Refusal::TupleTaken,
    ];
}

/// What the sender of a refused packet is told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// Nothing.
    Silence,
    /// A TCP reset (RFC 9293 section 3.10.7.1).
    Reset,
    /// ICMP: there is no way to its destination's network (RFC 1812 section 5.2.7.1).
    NetworkUnreachable,
    /// ICMP: its destination does not answer (RFC 1812 section 4.3.3.1).
    HostUnreachable,
    /// ICMP: nobody listens at the port (RFC 1122 section 4.1.3.1).
    PortUnreachable,
    /// ICMP: an administrator does not allow it (RFC 1812 section 5.2.7.1).
    Prohibited,
    /// ICMP: the time to live ran out (RFC 1812 section 5.3.1).
    TimeExceeded,
}

impl<A: Address> Policy<A> {
    /// What the sender of a refused packet is told.
    pub fn answer(&self, request: &Request<A>, refusal: Refusal) -> Answer {
        let is_private = request.key.side() == Side::Private;
        match refusal {
            Refusal::TtlExpired => Answer::TimeExceeded,
            Refusal::NoConnection => reset_or(request, Answer::Silence),
            Refusal::NoService => self.nobody_listens(request),
            Refusal::NoServer | Refusal::ServerFull => {
                match self.unserved_by(self.asked_service(request)) {
                    Unserved::Reject => reset_or(request, Answer::PortUnreachable),
                    Unserved::Drop => Answer::Silence,
                }
            }
            Refusal::NoRoute => match self.unserved_by(self.asked_service(request)) {
                Unserved::Reject => Answer::NetworkUnreachable,
                Unserved::Drop => Answer::Silence,
            },
            // RFC 7857 section 5 and RFC 4787 leave the answer open; a private host deserves
            // to know. Clients beyond the table's size, or beyond what one may take, may be a flood of
            // forged ones.
            Refusal::NotMasqueraded
            | Refusal::TableFull
            | Refusal::PortsExhausted
            | Refusal::MasqueradeFull
            | Refusal::SourceConnections
            | Refusal::SourceHalfOpen
            | Refusal::SourceRate
            | Refusal::TupleTaken
                if is_private && self.unserved == Unserved::Reject =>
            {
                Answer::Prohibited
            }
            Refusal::Martian
            | Refusal::Spoofed
            | Refusal::NotForUs
            | Refusal::NotMasqueraded
            | Refusal::TableFull
            | Refusal::PortsExhausted
            | Refusal::MasqueradeFull
            | Refusal::SourceConnections
            | Refusal::SourceHalfOpen
            | Refusal::SourceRate
            | Refusal::TupleTaken => Answer::Silence,
        }
    }

    /// A floating address answers as a host does whose port is closed.
    fn nobody_listens(&self, request: &Request<A>) -> Answer {
        let tuple = request.key.tuple();
        if self.unserved == Unserved::Drop {
            return Answer::Silence;
        }
        match tuple.protocol {
            // A private host may be about to open the same connection from its end, and the
            // SYN that answers this one would come too late (RFC 5382 REQ-4).
            Protocol::Tcp if request.flags.is_syn_only() && self.may_be_masquerading(request) => {
                Answer::Silence
            }
            Protocol::Tcp => Answer::Reset,
            Protocol::Udp => Answer::PortUnreachable,
            Protocol::Icmp => Answer::Silence,
        }
    }

    /// True for a packet from the public side to a port that masquerading may give out.
    fn may_be_masquerading(&self, request: &Request<A>) -> bool {
        let tuple = request.key.tuple();
        let has_port = |rule: &super::Masquerade<A>| {
            rule.address == tuple.destination && rule.has_ordinary_port(tuple.destination_port)
        };
        request.key.side() == Side::Public && self.masquerades.iter().any(has_port)
    }

    fn asked_service(&self, request: &Request<A>) -> Option<&Service<A>> {
        let tuple = request.key.tuple();
        self.services.find(tuple.destination, tuple.destination_port, tuple.protocol)
    }

    /// What the clients of a service are told that nobody serves, and without one those of
    /// the machine.
    pub fn unserved_by(&self, service: Option<&Service<A>>) -> Unserved {
        service.and_then(|service| service.unserved).unwrap_or(self.unserved)
    }
}

fn reset_or<A: Address>(request: &Request<A>, other: Answer) -> Answer {
    match request.key.protocol() {
        Protocol::Tcp => Answer::Reset,
        Protocol::Udp | Protocol::Icmp => other,
    }
}
