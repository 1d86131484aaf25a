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
    /// True if the operator has named privileged ports: ordinary source ports get them when
    /// no others are left.
    shares_privileged: bool,
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
        let shares_privileged = range.first() <= PRIVILEGED_LAST && ports.is_some();
        let ports = ports.unwrap_or(range);
        Masquerade { sources, address, ports, privileged, shares_privileged }
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
    /// its class, then those of the other one, if the rule gives them out to it. `random`
    /// decides which.
    pub fn candidates(&self, port: Port, random: u64) -> impl Iterator<Item = Port> + use<A> {
        let is_privileged = port.number() <= PRIVILEGED_LAST;
        let of = move |range| Candidates::new(port, range, random);
        let first = self.privileged.filter(|_| is_privileged).map(of);
        let last = self.privileged.filter(|_| !is_privileged && self.shares_privileged).map(of);
        let ports = Candidates::new(port, self.ports, random);
        first.into_iter().flatten().chain(ports).chain(last.into_iter().flatten())
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
        let all = candidates(&rule(1024, 65_535), 40_000);
        assert_eq!(all[0], 40_000);
        assert!(all.iter().all(|&port| port >= 1024));
        // Where an operator names ports below, they are the last ones.
        let all = candidates(&rule(900, 1030), 40_000);
        assert!(all[..7].iter().all(|&port| port >= 1024));
        assert_eq!(all.len(), 131);
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
