//! `tandem drain` and `tandem enable`: whether a real server gets new connections.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use api::{Failure, FailureKind, ServerChange, ServerState, ServerStatus, Services, SetServers};
use clap::Args;
use serde::Serialize;

use super::Context;
use crate::error::Error;

pub(super) const HELP: &str = "\
A drained server stays so over a reload, and not over a restart of tandem-dataplane: to keep it
drained, give it weight = 0 in the configuration. In a pair, drain it on both machines.";

/// Which server.
#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The service's name in the configuration
    service: String,

    /// The server's address, with its port where several servers have the address
    server: Server,
}

/// A server as an operator names it.
#[derive(Clone, Copy, Debug)]
enum Server {
    Socket(SocketAddr),
    Address(IpAddr),
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

/// The server's state after the command.
#[derive(Serialize)]
struct Answer {
    service: String,
    server: ServerStatus,
}

pub(super) fn run(
    arguments: &Arguments,
    draining: bool,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let mut client = context.client()?;
    let Arguments { service, server } = arguments;
    let server = match *server {
        Server::Socket(socket) => socket,
        Server::Address(address) => only(&client.services()?, service, address)?,
    };
    let change = ServerChange { draining: Some(draining), ..ServerChange::new(service, server) };
    let services =
        client.set_servers(SetServers { servers: vec![change], ..SetServers::default() })?;
    let of_service = services.services.into_iter().filter(|one| one.name == *service);
    let mut found = of_service
        .flat_map(|one| one.servers.into_iter().chain(one.sorry))
        .filter(|one| one.address == server);
    let server = found.next().ok_or(api::client::ClientError::OtherAnswer)?;
    context.answer(&Answer { service: service.clone(), server }, show)
}

/// The only server of the service with this address, whatever its port.
fn only(services: &Services, name: &str, address: IpAddr) -> Result<SocketAddr, Error> {
    let of_service = services.services.iter().filter(|service| service.name == name);
    let servers = of_service.flat_map(|service| service.servers.iter().chain(&service.sorry));
    let found: Vec<_> = servers.map(|one| one.address).filter(|one| one.ip() == address).collect();
    match found[..] {
        [socket] => Ok(socket),
        // The dataplane says what there is.
        [] => Ok(SocketAddr::new(address, 0)),
        _ => {
            let message = format!("service {name} has several servers with the address {address}");
            let details = found.iter().map(|one| format!("write one of them: {one}")).collect();
            let failure = Failure::new(FailureKind::NotFound, message).with_details(details);
            Err(api::client::ClientError::from(failure).into())
        }
    }
}

fn show(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    let Answer { service, server } = answer;
    let ServerStatus { address, state, weight, connections_active, .. } = server;
    let open = match connections_active {
        0 => "It has no connection.".to_owned(),
        1 => "Its one connection goes on.".to_owned(),
        count => format!("Its {count} connections go on."),
    };
    match state {
        ServerState::Up => writeln!(
            out,
            "{address} of {service} gets new connections, with weight {weight}. {open}"
        ),
        ServerState::Draining if *weight == 0 => writeln!(
            out,
            "{address} of {service} gets no new connection: its weight in the configuration is 0. \
             {open}"
        ),
        ServerState::Draining => {
            writeln!(out, "{address} of {service} gets no new connection. {open}")
        }
        _ => writeln!(out, "{address} of {service} gets no new connection: it is {state}. {open}"),
    }
}
