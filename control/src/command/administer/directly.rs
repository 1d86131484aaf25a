//! Telling the dataplane itself, where no tandem-control runs.

use std::net::SocketAddr;

use api::client::ClientError;
use api::{
    AdminOrder, Administer, Administered, Administrative, Failure, FailureKind, Operational,
    Origin, PoolServer, ServerChange, ServerState, ServerStatus, Services, SetServers,
};

use crate::command::Context;
use crate::error::Error;

const NOTE: &str = "tandem-control does not run, so only the dataplane knows: it holds until \
                    tandem-dataplane is restarted or tandem-control is started, and the peer does \
                    not know of it";

pub(super) fn administer(
    administer: &Administer,
    context: &Context<'_>,
) -> Result<Administered, Error> {
    let mut client = context.client()?;
    let meant = find(&client.services()?, administer)?;
    let change = |(service, server): &(String, SocketAddr)| {
        let change = ServerChange::new(service, *server);
        match administer.order {
            AdminOrder::Enable => Ok(ServerChange { draining: Some(false), ..change }),
            AdminOrder::Drain | AdminOrder::Disable => {
                Ok(ServerChange { draining: Some(true), ..change })
            }
            AdminOrder::Weight(Some(weight)) => Ok(ServerChange { weight: Some(weight), ..change }),
            _ => {
                let message = "only tandem-control knows the configured weight, and it does not \
                               run; start it with: systemctl start tandem-control";
                Err(ClientError::from(Failure::new(FailureKind::NotNow, message)))
            }
        }
    };
    let servers = meant.iter().map(change).collect::<Result<_, _>>()?;
    let services = client.set_servers(SetServers { servers, ..SetServers::default() })?;
    let servers = meant.iter().filter_map(|one| status(&services, one)).collect();
    Ok(Administered { servers, notes: vec![NOTE.to_owned()] })
}

/// The servers that are meant. Where there is none, the dataplane says what there is.
fn find(services: &Services, administer: &Administer) -> Result<Vec<(String, SocketAddr)>, Error> {
    let Administer { service, address, port, order: _ } = administer;
    let of_service = services.services.iter();
    let of_service = of_service.filter(|one| service.as_ref().is_none_or(|name| *name == one.name));
    let servers = of_service.flat_map(|one| {
        one.servers.iter().chain(&one.sorry).map(|server| (one.name.clone(), server.address))
    });
    let found: Vec<_> = servers
        .filter(|(_, one)| one.ip() == *address && port.is_none_or(|port| port == one.port()))
        .collect();
    match (&found[..], service) {
        ([], Some(name)) => {
            Ok(vec![(name.clone(), SocketAddr::new(*address, port.unwrap_or_default()))])
        }
        ([], None) => {
            let message = format!("no service has a server {address}");
            Err(ClientError::from(Failure::new(FailureKind::NotFound, message)).into())
        }
        ([_, _, ..], Some(name)) => {
            let message = format!("service {name} has several servers with the address {address}");
            let details = found.iter().map(|(_, one)| format!("write one of them: {one}"));
            let failure = Failure::new(FailureKind::NotFound, message);
            Err(ClientError::from(failure.with_details(details.collect())).into())
        }
        _ => Ok(found),
    }
}

fn status(services: &Services, (service, server): &(String, SocketAddr)) -> Option<PoolServer> {
    let of_service = services.services.iter().find(|one| one.name == *service)?;
    let found =
        of_service.servers.iter().chain(&of_service.sorry).find(|one| one.address == *server)?;
    Some(pool_server(service, found))
}

/// What the dataplane's status says in the words of pools.
pub(super) fn pool_server(service: &str, server: &ServerStatus) -> PoolServer {
    let ServerStatus { address, state, weight, connections_active, .. } = server;
    PoolServer {
        service: service.to_owned(),
        address: *address,
        operational: match state {
            ServerState::Down => Operational::Down,
            _ => Operational::Unchecked,
        },
        administrative: match state {
            ServerState::Draining => Administrative::Drain,
            _ => Administrative::Ready,
        },
        origin: (*weight == 0).then_some(Origin::Configuration),
        configured_weight: *weight,
        connections: Some(*connections_active),
        ..PoolServer::default()
    }
}
