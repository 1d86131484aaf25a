//! Which servers a command is about.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use clap::Args;

use super::Named;
use crate::error::Error;

/// Which servers.
#[derive(Clone, Debug, Args)]
pub(in crate::command) struct Servers {
    /// The service's name in the configuration
    #[arg(required_unless_present = "everywhere")]
    service: Option<String>,

    /// The server's address, with its port where several servers have the address
    #[arg(required_unless_present = "everywhere")]
    server: Option<Server>,

    /// The server in every service that has it, in place of SERVICE and SERVER
    #[arg(long = "server", value_name = "ADDRESS", conflicts_with_all = ["service", "server"])]
    everywhere: Option<Server>,
}

impl Servers {
    pub(super) fn named(&self) -> Result<Named, Error> {
        match (self.everywhere, self.server) {
            (Some(server), _) => Ok(Named { service: None, server }),
            (None, Some(server)) => Ok(Named { service: self.service.clone(), server }),
            (None, None) => Err(Error::Usage("name a service and a server".to_owned())),
        }
    }
}

#[derive(Clone, Debug, Args)]
pub(in crate::command) struct DrainArguments {
    #[command(flatten)]
    pub(super) servers: Servers,

    /// Wait until no connection is left on the active machine, also across a takeover
    #[arg(long)]
    pub(super) wait: bool,

    /// How long to wait at the most, such as 30s or 10m; without it for as long as it takes
    #[arg(long, value_name = "TIME", requires = "wait", value_parser = time)]
    pub(super) timeout: Option<Duration>,
}

#[derive(Clone, Debug, Args)]
#[command(override_usage = "tandem weight SERVICE SERVER WEIGHT\n       \
                            tandem weight --server ADDRESS WEIGHT")]
pub(in crate::command) struct WeightArguments {
    /// Service and server as with tandem drain, and the weight: 0 to 65535, or default for the
    /// configured one
    #[arg(required = true, num_args = 1..=3, value_name = "SERVICE SERVER WEIGHT")]
    words: Vec<String>,

    /// The server in every service that has it, in place of SERVICE and SERVER
    #[arg(long = "server", value_name = "ADDRESS")]
    everywhere: Option<Server>,
}

impl WeightArguments {
    pub(super) fn named(&self) -> Result<(Named, Option<u16>), Error> {
        let (named, word) = match (self.everywhere, &self.words[..]) {
            (Some(server), [word]) => (Named { service: None, server }, word),
            (None, [service, server, word]) => {
                let server = server.parse().map_err(Error::Usage)?;
                (Named { service: Some(service.clone()), server }, word)
            }
            _ => {
                let usage = "write tandem weight SERVICE SERVER WEIGHT, or tandem weight --server \
                             ADDRESS WEIGHT";
                return Err(Error::Usage(usage.to_owned()));
            }
        };
        match word.as_str() {
            "default" => Ok((named, None)),
            number => match number.parse() {
                Ok(weight) => Ok((named, Some(weight))),
                Err(_) => Err(Error::Usage(format!(
                    "the weight is {number:?}; write a number from 0 to 65535, or default"
                ))),
            },
        }
    }
}

/// A server as an operator names it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Server {
    Socket(SocketAddr),
    Address(IpAddr),
}

impl Server {
    pub(super) fn address(self) -> IpAddr {
        match self {
            Server::Socket(socket) => socket.ip(),
            Server::Address(address) => address,
        }
    }

    pub(super) fn port(self) -> Option<u16> {
        match self {
            Server::Socket(socket) => Some(socket.port()),
            Server::Address(_) => None,
        }
    }
}

impl core::str::FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let socket = text.parse().map(Server::Socket);
        socket
            .or_else(|_| text.parse().map(Server::Address))
            .map_err(|_| "write the server's address, such as 10.0.0.11:80 or 10.0.0.11".to_owned())
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time = config::parse_duration(text);
    time.ok_or_else(|| "write a time such as 30s, 10m or 2h".to_owned())
}
