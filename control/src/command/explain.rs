//! `tandem explain` says what would become of a packet, without one.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use api::{Explain, Explanation, Side};
use clap::{Args, ValueEnum};

use super::{Context, trace};
use crate::error::Error;

pub(super) const HELP: &str = "\
What decides about packets is asked, and nothing is changed by it: no connection is opened, and no
scheduler moves on. So a packet that came now would go this way. Of TCP it is a SYN.

Examples:
  tandem explain 203.0.113.9:40001 198.51.100.10:80/tcp
  tandem explain 10.0.0.11:40000 192.0.2.1:53/udp       a private host's own, if masqueraded
  tandem explain 203.0.113.9 198.51.100.10/icmp         an echo request";

/// The side on which the packet arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum From {
    /// From clients and the Internet
    Public,
    /// From the real servers
    Private,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The sender, such as 203.0.113.9:40001
    #[arg(value_name = "CLIENT:PORT")]
    source: End,
    /// The receiver and the protocol, such as 198.51.100.10:80/tcp
    #[arg(value_name = "VIP:PORT/PROTOCOL")]
    destination: EndOfProtocol,
    /// The side on which it arrives; as a rule that of the sender's address
    #[arg(long, value_enum)]
    from: Option<From>,
}

/// An address, and a port if it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct End(IpAddr, Option<u16>);

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(end) = text.parse::<SocketAddr>() {
            return Ok(End(end.ip(), Some(end.port())));
        }
        text.parse().map(|address| End(address, None)).map_err(|_| {
            format!("\"{text}\" is no address with a port; write it like 203.0.113.9:40001")
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct EndOfProtocol(End, String);

impl FromStr for EndOfProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (end, protocol) = text.rsplit_once('/').ok_or_else(|| {
            format!("\"{text}\" lacks the protocol; write it like 198.51.100.10:80/tcp")
        })?;
        match protocol {
            "tcp" | "udp" | "icmp" => Ok(EndOfProtocol(end.parse()?, protocol.to_owned())),
            other => {
                Err(format!("\"{other}\" is no protocol that is translated: tcp, udp or icmp"))
            }
        }
    }
}

impl Arguments {
    fn question(&self) -> Result<Explain, Error> {
        let EndOfProtocol(destination, protocol) = &self.destination;
        let port = |End(address, port): End| match port {
            Some(port) => Ok(SocketAddr::new(address, port)),
            None if protocol == "icmp" => Ok(SocketAddr::new(address, 0)),
            None => Err(Error::Usage(format!(
                "{address} lacks a port, which {protocol} has; write it like {address}:80"
            ))),
        };
        Ok(Explain {
            protocol: protocol.clone(),
            source: port(self.source)?,
            destination: port(*destination)?,
            side: self.from.map(|from| match from {
                From::Public => Side::Public,
                From::Private => Side::Private,
            }),
        })
    }
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let explanation = context.client()?.explain(arguments.question()?)?;
    context.answer(&explanation, show)
}

fn show(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} would go this way now:", explanation.packet)?;
    trace::steps(&explanation.steps, out)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn question(words: &[&str]) -> Result<Explain, String> {
        let line = Line::try_parse_from([&["explain"], words].concat());
        let line = line.map_err(|error| error.to_string())?;
        line.arguments.question().map_err(|error| error.to_string())
    }

    #[test]
    fn a_packet_is_told_by_its_two_ends() {
        let asked = question(&["203.0.113.9:40001", "198.51.100.10:80/tcp"]).unwrap();
        assert_eq!(asked.protocol, "tcp");
        assert_eq!(asked.source.to_string(), "203.0.113.9:40001");
        assert_eq!((asked.destination.to_string(), asked.side), ("198.51.100.10:80".into(), None));
        let asked = question(&["--from", "private", "10.0.0.11", "192.0.2.1/icmp"]).unwrap();
        assert_eq!((asked.source.port(), asked.side), (0, Some(Side::Private)));
    }

    #[test]
    fn what_is_missing_is_named_with_an_example() {
        for (words, names) in [
            (["203.0.113.9:40001", "198.51.100.10:80"], "198.51.100.10:80/tcp"),
            (["203.0.113.9", "198.51.100.10:80/tcp"], "203.0.113.9:80"),
            (["client:1", "198.51.100.10:80/tcp"], "203.0.113.9:40001"),
            (["203.0.113.9:1", "198.51.100.10:80/sctp"], "tcp, udp or icmp"),
        ] {
            let error = question(&words).unwrap_err();
            assert!(error.contains(names), "{error}");
        }
    }
}
