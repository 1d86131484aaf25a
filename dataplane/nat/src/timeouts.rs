//! How long a connection lives without packets.

use wire::Protocol;

use crate::tcp::State;
use crate::time::Seconds;

/// Whose timeouts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Connections to services: what operators of IPVS know.
    Service,
    /// Masqueraded connections: what RFC 5382, 4787 and 5508 ask of a NAT.
    Masquerade,
}

/// The timeouts of one class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClassTimeouts {
    /// TCP, by state.
    pub tcp: [Seconds; State::COUNT],
    /// UDP, once the reply end has sent something.
    pub udp: Seconds,
    /// UDP before.
    pub udp_unreplied: Seconds,
    /// ICMP queries.
    pub icmp: Seconds,
}

/// The timeouts of both classes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// Connections to services.
    pub service: ClassTimeouts,
    /// Masqueraded connections.
    pub masquerade: ClassTimeouts,
}

impl ClassTimeouts {
    /// IPVS's defaults, and the kernel's (nf_conntrack) for UDP that nobody has replied to.
    pub const SERVICE: Self = {
        let mut tcp = [Seconds(0); State::COUNT];
        tcp[State::None.index()] = Seconds(2);
        tcp[State::SynSent.index()] = Seconds(120);
        tcp[State::SynReceived.index()] = Seconds(60);
        tcp[State::Established.index()] = Seconds(900);
        tcp[State::FinWait.index()] = Seconds(120);
        tcp[State::TimeWait.index()] = Seconds(120);
        tcp[State::Close.index()] = Seconds(10);
        tcp[State::CloseWait.index()] = Seconds(60);
        tcp[State::LastAck.index()] = Seconds(30);
        tcp[State::Listen.index()] = Seconds(120);
        tcp[State::SynAck.index()] = Seconds(120);
        ClassTimeouts { tcp, udp: Seconds(300), udp_unreplied: Seconds(30), icmp: Seconds(60) }
    };

    /// The least that the RFCs allow: established TCP two hours and four minutes,
    /// transitory TCP four minutes (RFC 5382 REQ-5), UDP five minutes (RFC 4787 REQ-5's
    /// recommendation; two before the first reply, its least), ICMP queries one (RFC 5508 REQ-2).
    pub const MASQUERADE: Self = {
        let mut tcp = [Seconds(240); State::COUNT];
        tcp[State::Established.index()] = Seconds(7440);
        ClassTimeouts { tcp, udp: Seconds(300), udp_unreplied: Seconds(120), icmp: Seconds(60) }
    };

    const fn of(&self, protocol: Protocol, state: State) -> Seconds {
        match protocol {
            Protocol::Tcp => self.tcp[state.index()],
            Protocol::Udp if matches!(state, State::Unreplied) => self.udp_unreplied,
            Protocol::Udp => self.udp,
            Protocol::Icmp => self.icmp,
        }
    }

    fn shortest(&self) -> Seconds {
        // A TCP connection is opened by its SYN and never listens.
        let has_connections = |state: &State| {
            !matches!(*state, State::None | State::Listen) && state.awaits().is_none()
        };
        let states = State::ALL.into_iter().filter(has_connections);
        let tcp = states.map(|state| self.of(Protocol::Tcp, state));
        tcp.fold(self.udp.min(self.udp_unreplied).min(self.icmp), Seconds::min)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { service: ClassTimeouts::SERVICE, masquerade: ClassTimeouts::MASQUERADE }
    }
}

impl Timeouts {
    /// The timeout of a connection in this state; the state of other protocols than TCP
    /// does not matter.
    #[inline]
    pub const fn of(&self, class: Class, protocol: Protocol, state: State) -> Seconds {
        match class {
            Class::Service => self.service.of(protocol, state),
            Class::Masquerade => self.masquerade.of(protocol, state),
        }
    }

    /// The shortest timeout that a connection can have.
    pub(crate) fn shortest(&self) -> Seconds {
        self.service.shortest().min(self.masquerade.shortest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_that_operators_know() {
        let timeouts = Timeouts::default();
        let tcp = |class, state| timeouts.of(class, Protocol::Tcp, state).0;
        assert_eq!(tcp(Class::Service, State::Established), 900);
        assert_eq!(tcp(Class::Service, State::Close), 10);
        assert!(tcp(Class::Masquerade, State::Established) >= 7440);
        for state in State::ALL.into_iter().filter(|state| state.awaits().is_none()) {
            assert!(tcp(Class::Masquerade, state) >= 240, "{state:?}");
            assert!(tcp(Class::Service, state) > 0, "{state:?}");
        }
        assert_eq!(timeouts.of(Class::Masquerade, Protocol::Udp, State::None).0, 300);
        assert_eq!(timeouts.of(Class::Service, Protocol::Icmp, State::None).0, 60);
        assert_eq!(timeouts.of(Class::Service, Protocol::Udp, State::Unreplied).0, 30);
        assert_eq!(timeouts.of(Class::Masquerade, Protocol::Udp, State::Unreplied).0, 120);
        assert_eq!(timeouts.shortest().0, 10);
    }
}
