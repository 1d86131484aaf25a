//! Source NAT of connections that private hosts open.

use wire::{Address, Cidr, Port};

use crate::ports::{Candidates, PortRange};

/// Ports that only privileged programs of a host can use.
const PRIVILEGED_LAST: u16 = 1023;

/// One rule: whose connections leave under which address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Masquerade<A> {
    /// The private networks that the rule is for.
    pub sources: Vec<Cidr<A>>,
    /// The address that replaces their own.
    pub address: A,
    /// The ports that ordinary source ports get.
    ports: PortRange,
    /// The ports that privileged source ports (below 1024) get, if there are any for them.
    privileged: Option<PortRange>,
}

impl<A: Address> Masquerade<A> {
    /// A rule that gives out the ports of this range. A port below 1024 stays below 1024,
    /// and one above stays above (RFC 4787 REQ-3), where the range has both. A range that
    /// begins at 1024, as the default does, has all privileged ports besides: only what is
    /// privileged inside gets one of them.
    pub fn new(sources: Vec<Cidr<A>>, address: A, range: PortRange) -> Self {
        let first = if range.first() == PRIVILEGED_LAST + 1 { 1 } else { range.first() };
        let privileged = PortRange::new(first, range.last().min(PRIVILEGED_LAST));
        let ports = PortRange::new(range.first().max(PRIVILEGED_LAST + 1), range.last());
        Masquerade { sources, address, ports: ports.unwrap_or(range), privileged }
    }

    /// True for a private host that the rule is for.
    pub fn covers(&self, source: A) -> bool {
        self.sources.iter().any(|network| network.contains(source))
    }

    /// True for a port that the rule may give to an ordinary source port, whether somebody
    /// has it or not.
    pub fn has_ordinary_port(&self, port: Port) -> bool {
        self.ports.contains(port)
    }

    /// The ports to try for a source port, best first: the same one, then random ones of
    /// its class, and for a privileged one the others after that. `random` decides which.
    pub fn candidates(&self, port: Port, random: u64) -> impl Iterator<Item = Port> + use<A> {
        let is_privileged = port.number() <= PRIVILEGED_LAST;
        let privileged = self.privileged.filter(|_| is_privileged);
        let first = privileged.map(|range| Candidates::new(port, range, random));
        first.into_iter().flatten().chain(Candidates::new(port, self.ports, random))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn rule(first: u16, last: u16) -> Masquerade<Ipv4Addr> {
        let range = PortRange::new(first, last).unwrap();
        Masquerade::new(Vec::new(), Ipv4Addr::new(198, 51, 100, 10), range)
    }

    fn candidates(rule: &Masquerade<Ipv4Addr>, port: u16) -> Vec<u16> {
        rule.candidates(Port::new(port), 0x1234_5678_9abc_def0).map(Port::number).collect()
    }

    #[test]
    fn a_privileged_port_stays_below_1024_as_long_as_it_can() {
        let all = candidates(&rule(1024, 65_535), 123);
        assert_eq!(all[0], 123);
        let below = all.iter().take_while(|&&port| port < 1024).count();
        assert!(below > 100, "{below}");
        assert!(all[below..].iter().all(|&port| port >= 1024) && all.len() > below);
    }

    #[test]
    fn an_ordinary_port_stays_above_1023() {
        for rule in [rule(1024, 65_535), rule(1, 65_535)] {
            let all = candidates(&rule, 40_000);
            assert_eq!(all[0], 40_000);
            assert!(all.iter().all(|&port| port >= 1024));
        }
    }

    #[test]
    fn a_range_that_an_operator_chose_is_kept_to() {
        assert!(candidates(&rule(5000, 5099), 123).iter().all(|port| (5000..5100).contains(port)));
        assert!(candidates(&rule(600, 700), 40_000).iter().all(|port| (600..701).contains(port)));
        assert!(candidates(&rule(600, 700), 650).iter().all(|port| (600..701).contains(port)));
        let high = rule(5000, 5099);
        assert!(high.has_ordinary_port(Port::new(5000)));
        assert!(!high.has_ordinary_port(Port::new(123)));
        assert!(!rule(1024, 65_535).has_ordinary_port(Port::new(123)));
    }
}
