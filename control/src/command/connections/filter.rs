//! Which connections a command is about, as an operator says it.

use core::time::Duration;
use std::net::IpAddr;

use api::connections::STATES;
use api::{ConnectionKind, Filter, ServerAddress};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use ipnet::IpNet;

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which connections (each that is given must match)")]
pub(in crate::command) struct FilterArguments {
    /// Those of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Those that this client has opened, or a client of this network; of masqueraded ones the
    /// private host
    #[arg(long, value_name = "IP[/BITS]", value_parser = network)]
    client: Option<IpNet>,
    /// Those to this real server
    #[arg(long, value_name = "IP[:PORT]")]
    server: Option<ServerAddress>,
    /// Those with this address at one of their ends
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// Those in this state, or in one of several that commas separate
    #[arg(long, value_name = "STATE", value_delimiter = ',', ignore_case = true,
        value_parser = PossibleValuesParser::new(STATES))]
    state: Vec<String>,
    /// Those of this protocol
    #[arg(long, value_name = "PROTOCOL", value_parser = ["tcp", "udp", "icmp"])]
    protocol: Option<String>,
    /// Those that such a rule of the configuration translates
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Those without a packet for at least so long, such as 90s, 5m or 2h
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    idle: Option<u64>,
    /// Those that had a packet within this time
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    idle_under: Option<u64>,
    /// Those that were opened at least so long ago
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    age: Option<u64>,
    /// Those that were opened within this time
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    age_under: Option<u64>,
}

/// Which rule translates a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Kind {
    /// A service, for a client on the public side
    Service,
    /// A masquerade rule, for a private host
    Masquerade,
    /// A service, for a private host that uses its public address
    Hairpin,
}

impl FilterArguments {
    pub(in crate::command) fn filter(&self) -> Filter {
        let kind = |kind| match kind {
            Kind::Service => ConnectionKind::Service,
            Kind::Masquerade => ConnectionKind::Masquerade,
            Kind::Hairpin => ConnectionKind::Hairpin,
        };
        Filter {
            service: self.service.clone(),
            address: self.address,
            client: self.client,
            server: self.server,
            states: self.state.iter().map(|state| state.to_ascii_uppercase()).collect(),
            protocol: self.protocol.clone(),
            kind: self.kind.map(kind),
            idle: self.idle,
            idle_under: self.idle_under,
            age: self.age,
            age_under: self.age_under,
        }
    }
}

/// An address or a network; of an address with bits beyond the network's, its network.
fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse::<IpNet>().map(|network| network.trunc());
    network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
        format!("{text:?} is no client: write an address or a network, such as 203.0.113.9 or 203.0.113.0/24")
    })
}

/// Whole seconds; a part of one counts as one.
fn seconds(text: &str) -> Result<u64, String> {
    let time = config::parse_duration(text);
    let seconds = |time: Duration| time.as_secs() + u64::from(time.subsec_nanos() > 0);
    time.map(seconds).ok_or_else(|| format!("{text:?} is no time: write 90s, 5m or 2h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_or_a_network() {
        let shown = |text: &str| network(text).map(|network| network.to_string());
        assert_eq!(shown("203.0.113.9").unwrap(), "203.0.113.9/32");
        assert_eq!(shown("203.0.113.9/24").unwrap(), "203.0.113.0/24");
        for wrong in ["203.0.113", "203.0.113.0/33", "web", ""] {
            assert!(shown(wrong).unwrap_err().contains("203.0.113.0/24"), "{wrong}");
        }
    }

    #[test]
    fn times_are_whole_seconds() {
        assert_eq!([seconds("90s"), seconds("5m"), seconds("1500ms")], [Ok(90), Ok(300), Ok(2)]);
        assert!(seconds("5").is_err() && seconds("soon").is_err());
    }
}
