//! What is told of the pools.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use api::{
    Administer, Failure, FailureKind, PeerView, Pool, PoolServer, PoolsPage, Request, Response,
    ServicesPage,
};
use failover::Instant;

use super::ServerKey;
use super::exchange::View;
use super::pool::{Member, Pools, Service};
use super::weights::Share;
use crate::dataplane_client::DataplaneClient;

/// The most servers on a page, but that a service is never cut: so many fit into a frame.
const SERVERS: usize = 768;

/// One page of the pools.
pub(super) fn page(pools: &Pools, page: &PoolsPage, now: Instant) -> Result<api::Pools, Failure> {
    let is_meant =
        |service: &&Service| page.service.as_ref().is_none_or(|name| *name == service.name);
    let meant: Vec<&Service> = pools.services.iter().filter(is_meant).collect();
    if let (Some(name), true) = (&page.service, meant.is_empty()) {
        return Err(no_service(pools, name));
    }
    let mut told = api::Pools::default();
    let mut servers = 0;
    for (at, service) in meant.iter().enumerate().skip(page.skip) {
        servers += service.all().count();
        if servers > SERVERS && !told.pools.is_empty() {
            told.next = Some(at);
            break;
        }
        told.pools.push(pool(pools, service, now));
    }
    Ok(told)
}

fn pool(pools: &Pools, service: &Service, now: Instant) -> Pool {
    let sorry = service.servers.len();
    let servers = service.shares().enumerate();
    let servers = servers.map(|(at, (member, share))| PoolServer {
        sorry: at >= sorry,
        ..server(pools, member, share, now)
    });
    let servers = servers.collect();
    let decision = service.decision.as_ref();
    Pool {
        service: service.name.clone(),
        mode: decision.map_or_else(Default::default, |decision| decision.mode),
        quorum: decision.is_some_and(|decision| decision.has_quorum),
        sorry: decision.is_some_and(|decision| decision.sorry_only),
        servers,
    }
}

/// These servers.
pub(super) fn servers(pools: &Pools, keys: &[ServerKey], now: Instant) -> Vec<PoolServer> {
    let all = pools.services.iter().flat_map(|service| service.shares());
    let meant = all.filter(|(member, _)| keys.contains(&member.key));
    meant.map(|(member, share)| server(pools, member, share, now)).collect()
}

fn server(pools: &Pools, member: &Member, share: Share, now: Instant) -> PoolServer {
    let decided = pools.administrative(member);
    let observed = pools.observed(&member.key);
    let history = &member.history;
    let since = now.since(history.since);
    PoolServer {
        service: member.key.service.clone(),
        address: member.key.server,
        sorry: false,
        operational: observed.map_or_else(Default::default, |observed| observed.operational),
        reason: observed.map_or_else(String::new, |observed| observed.reason.clone()),
        code: observed.map_or_else(String::new, |observed| observed.code.clone()),
        since_seconds: since.as_secs(),
        before_seconds: history.before.map(|before| before.as_secs()),
        administrative: decided.state,
        origin: decided.origin,
        decided_at: decided.at,
        configured_weight: member.configured,
        set_weight: decided.weight,
        effective_thousandths: share.thousandths,
        slow_start: share.is_rising,
        connections: None,
        peer: pools.peer.of(&member.key).map(peer_view),
        transitions: history.transitions,
        down_millis: u64::try_from(history.down_until(now).as_millis()).unwrap_or(u64::MAX),
        changed_at: unix_seconds().saturating_sub(since.as_secs()),
    }
}

fn peer_view(view: &View) -> PeerView {
    let View { operational, reason, administrative, connections } = view.clone();
    PeerView { operational, reason, connections, administrative }
}

/// How this machine sees all servers, for the peer.
pub(super) fn views(pools: &Pools) -> BTreeMap<ServerKey, View> {
    let members = pools.services.iter().flat_map(Service::all);
    let view = |member: &Member| {
        let observed = pools.observed(&member.key).cloned().unwrap_or_default();
        let administrative = pools.administrative(member).state;
        let (operational, reason) = (observed.operational, observed.reason);
        let view = View { operational, reason, administrative, connections: None };
        (member.key.clone(), view.bounded())
    };
    members.map(view).collect()
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// How many connections each server has, if the dataplane says.
pub(super) async fn connections_of_all(socket: &Path) -> Option<HashMap<ServerKey, u64>> {
    let mut client = DataplaneClient::connect(socket).await.ok()?;
    let services = client.services().await.ok()?;
    let mut counts = HashMap::new();
    for service in &services.services {
        for server in service.servers.iter().chain(&service.sorry) {
            let key = ServerKey { service: service.name.clone(), server: server.address };
            counts.insert(key, server.connections_active);
        }
    }
    Some(counts)
}

/// Fills in how many connections servers have, as far as the dataplane says. It is asked for pages
/// until all services of these servers were there; none of them is among the first `skip`, where
/// both have the same configuration.
pub(super) async fn count_connections(socket: &Path, skip: usize, servers: &mut [&mut PoolServer]) {
    let mut left: HashSet<String> = servers.iter().map(|one| one.service.clone()).collect();
    let mut counts = HashMap::new();
    let Ok(mut client) = DataplaneClient::connect(socket).await else { return };
    let mut next = Some(skip);
    while let Some(skip) = next.filter(|_| !left.is_empty()) {
        let request = match skip {
            // A dataplane of an earlier release knows no other.
            0 => Request::Services,
            _ => Request::ServicesPage(ServicesPage { skip }),
        };
        let Ok(Response::Services(page)) = client.request(&request).await else { return };
        for service in &page.services {
            if !left.remove(&service.name) {
                continue;
            }
            for server in service.servers.iter().chain(&service.sorry) {
                let key = (service.name.clone(), server.address);
                counts.insert(key, server.connections_active);
            }
        }
        next = page.next;
    }
    for server in servers {
        server.connections = counts.get(&(server.service.clone(), server.address)).copied();
    }
}

fn no_service(pools: &Pools, name: &str) -> Failure {
    let names: Vec<_> = pools.services.iter().map(|service| service.name.as_str()).collect();
    let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Failure::new(
        FailureKind::NotFound,
        format!("there is no service {name:?}; there are: {there_are}"),
    )
}

/// The servers that an operator means.
pub(super) fn find(pools: &Pools, administer: &Administer) -> Result<Vec<ServerKey>, Failure> {
    let Administer { service, address, port, order: _ } = administer;
    let is_meant = |member: &&Member| {
        let server = member.key.server;
        server.ip() == *address && port.is_none_or(|port| port == server.port())
    };
    let named = |one: &&Service| service.as_ref().is_none_or(|name| *name == one.name);
    let services: Vec<&Service> = pools.services.iter().filter(named).collect();
    let found = services.iter().flat_map(|one| one.all().filter(is_meant));
    let found: Vec<ServerKey> = found.map(|member| member.key.clone()).collect();
    match (&found[..], service) {
        ([], Some(name)) if services.is_empty() => Err(no_service(pools, name)),
        ([], _) => Err(no_server(&services, administer)),
        ([_, _, ..], Some(name)) => {
            let message = format!("service {name} has several servers with the address {address}");
            let details = found.iter().map(|one| format!("write one of them: {}", one.server));
            Err(Failure::new(FailureKind::NotFound, message).with_details(details.collect()))
        }
        _ => Ok(found),
    }
}

fn no_server(services: &[&Service], administer: &Administer) -> Failure {
    let Administer { service, address, port, order: _ } = administer;
    let server =
        port.map_or(address.to_string(), |port| SocketAddr::new(*address, port).to_string());
    let message = match service {
        None => format!("no service has a server {server}"),
        Some(name) => {
            let all = services.iter().flat_map(|one| one.all());
            let all: Vec<_> = all.map(|member| member.key.server.to_string()).collect();
            let it_has = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            format!("service {name} has no server {server}; it has: {it_has}")
        }
    };
    Failure::new(FailureKind::NotFound, message)
}
