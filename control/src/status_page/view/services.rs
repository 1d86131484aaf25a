//! Services and their servers: what the dataplane counts, and what checks and operators say.

use std::collections::HashMap;
use std::net::SocketAddr;

use api::{
    Administrative, ConnectionLimit, Operational, Pool, PoolServer, ReturnPath, ServerState,
    ServerStatus, ServiceStatus,
};
use serde::Serialize;

use super::{Memory, Moment, Seen};
use crate::command::pools;
use crate::status_page::failures::Failure;
use crate::status_page::rates::readable;

/// A service.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct ServiceView {
    pub name: String,
    /// Where clients reach it: `198.51.100.10:80`.
    pub listen: String,
    pub protocol: String,
    pub scheduler: String,
    /// What concerns it as a whole, a sentence each.
    pub alarms: Vec<String>,
    /// Connections that open or are open.
    pub connections: u64,
    /// The most connections, if it has a limit.
    pub limit: Option<u32>,
    /// Connections that are opened, a second; none until they were seen twice.
    pub opened: Option<f64>,
    /// Bits a second from clients and to them.
    pub bits_in: Option<f64>,
    pub bits_out: Option<f64>,
    /// Servers that get new connections, and all of them, without sorry servers.
    pub up: usize,
    pub servers: Vec<ServerView>,
}

/// A server of a service.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct ServerView {
    pub address: String,
    pub sorry: bool,
    /// What it is drawn as.
    pub shape: ServerShape,
    /// Its state in a word or two.
    pub word: String,
    /// Why it is so, in words; empty for one that is well.
    pub why: String,
    /// Since when, in seconds since 1970; 0 where it is not known.
    pub since: u64,
    /// Its last failure, where that is over.
    pub failure: Option<Failure>,
    /// Its weight as configured or set, and what it comes to now.
    pub weight: u16,
    pub effective: String,
    /// Connections that open or are open, and those that close.
    pub active: u64,
    pub closing: u64,
    /// The most connections, if it has a limit.
    pub limit: Option<u32>,
    /// Connections that are opened, a second.
    pub opened: Option<f64>,
    /// Bits a second to the server and from it.
    pub bits: Option<f64>,
    /// Of a server that was taken out: the connections that it had then.
    pub drained_from: Option<u64>,
    /// The command that changes it.
    pub command: Option<String>,
}

/// What a server is, as far as it can be seen from afar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerShape {
    /// It gets new connections.
    #[default]
    Up,
    /// It does, and its last checks failed, or clients failed at it.
    Suspect,
    /// It gets none: it is down.
    Down,
    /// It gets none: it was taken out.
    Drain,
}

/// How many connections a server had when it was taken out, by service and address.
pub(in crate::status_page) type Drains = HashMap<(String, SocketAddr), u64>;

pub(super) fn of(seen: &Seen, moment: Moment, memory: &mut Memory) -> Vec<ServiceView> {
    let pools = seen.known.pools.iter().flat_map(|pools| &pools.pools);
    let pools: HashMap<&str, &Pool> = pools.map(|pool| (pool.service.as_str(), pool)).collect();
    let services = seen.known.services.iter().flat_map(|services| &services.services);
    let mut drains = core::mem::take(&mut memory.drains);
    let mut draining = Drains::new();
    let view = |service: &ServiceStatus| {
        let pool = pools.get(service.name.as_str()).copied();
        let mut known = HashMap::new();
        for server in pool.iter().flat_map(|pool| &pool.servers) {
            known.insert(server.address, server);
        }
        let servers = service.servers.iter().map(|server| (server, false));
        let servers = servers.chain(service.sorry.iter().map(|server| (server, true)));
        let servers = servers.map(|(status, sorry)| {
            let known = known.get(&status.address).copied();
            let mut view = server(service, status, known, moment, memory);
            view.sorry = sorry;
            if view.shape == ServerShape::Drain {
                let key = (service.name.clone(), status.address);
                let before = drains.remove(&key).unwrap_or(0);
                let from = before.max(status.connections_active);
                view.drained_from = Some(from);
                draining.insert(key, from);
            }
            view
        });
        let servers: Vec<ServerView> = servers.collect();
        whole(service, pool, servers, moment, memory)
    };
    let views = services.map(view).collect();
    memory.drains = draining;
    views
}

fn whole(
    service: &ServiceStatus,
    pool: Option<&Pool>,
    servers: Vec<ServerView>,
    moment: Moment,
    memory: &mut Memory,
) -> ServiceView {
    let [listen, protocol] = service.listens_joined(", ");
    let values =
        [service.connections_total, service.bytes_in, service.bytes_out, service.packets_in];
    let rates = memory.services.take(service.name.clone(), values, moment.monotonic);
    let mut alarms = pool.map_or_else(Vec::new, pools::alarms);
    if service.servers.is_empty() {
        alarms.push("it has no servers: clients get no answer".to_owned());
    }
    if service.limit.is_some_and(|limit| limit.full) {
        alarms.push("it is full: it takes no further connection".to_owned());
    }
    let is_up = |server: &&ServerView| {
        !server.sorry && matches!(server.shape, ServerShape::Up | ServerShape::Suspect)
    };
    ServiceView {
        name: service.name.clone(),
        listen,
        protocol,
        scheduler: service.scheduler.clone(),
        alarms,
        connections: servers.iter().map(|server| server.active).sum(),
        limit: service.limit.map(|limit| limit.most),
        opened: rates.map(|[opened, ..]| readable(opened)),
        bits_in: rates.map(|[_, bytes, ..]| readable(bytes * 8.0)),
        bits_out: rates.map(|[_, _, bytes, _]| readable(bytes * 8.0)),
        up: servers.iter().filter(is_up).count(),
        servers,
    }
}

fn server(
    service: &ServiceStatus,
    status: &ServerStatus,
    known: Option<&PoolServer>,
    moment: Moment,
    memory: &mut Memory,
) -> ServerView {
    let key = (service.name.clone(), status.address);
    let values = [status.connections_total, status.bytes_in, status.bytes_out];
    let rates = memory.servers.take(key, values, moment.monotonic);
    let shape = shape(status, known);
    let address = api::server_name(&status.address);
    let failure = known.and_then(|known| memory.failures.last(known));
    let is_out = known.is_some_and(|known| known.administrative != Administrative::Ready);
    ServerView {
        shape,
        word: known.map_or_else(|| status.state.to_string(), pools::word),
        why: why(status, known),
        since: known.map_or(0, |known| match (is_out, known.decided_at) {
            (true, Some(at)) => at,
            _ => known.changed_at / 2 * 2,
        }),
        failure: failure.filter(|_| shape == ServerShape::Up).cloned(),
        weight: known
            .map_or(status.weight, |known| known.set_weight.unwrap_or(known.configured_weight)),
        effective: known.map_or_else(|| status.weight.to_string(), pools::effective),
        active: status.connections_active,
        closing: status.connections_closing,
        limit: status.limit.map(|limit| limit.most),
        opened: rates.map(|[opened, ..]| readable(opened)),
        bits: rates.map(|[_, to, from]| readable((to + from) * 8.0)),
        command: is_out.then(|| format!("tandem enable {} {address}", service.name)),
        address,
        ..ServerView::default()
    }
}

fn shape(status: &ServerStatus, known: Option<&PoolServer>) -> ServerShape {
    let (is_out, is_down, is_failing) = match known {
        None => (status.state == ServerState::Draining, status.state == ServerState::Down, false),
        Some(known) => (
            known.administrative != Administrative::Ready,
            known.operational.is_down(),
            known.operational == Operational::GoingDown,
        ),
    };
    let is_avoided = status.suspect.is_some() || status.return_path == ReturnPath::Missing;
    if is_down {
        ServerShape::Down
    } else if is_out {
        ServerShape::Drain
    } else if is_failing || is_avoided {
        ServerShape::Suspect
    } else {
        ServerShape::Up
    }
}

/// Why it is as it is, in words.
fn why(status: &ServerStatus, known: Option<&PoolServer>) -> String {
    let mut reasons = Vec::new();
    if let Some(known) = known {
        let fails = known.operational.is_down() || known.operational == Operational::GoingDown;
        if known.administrative != Administrative::Ready {
            if let Some(origin) = &known.origin {
                reasons.push(format!("by {origin}"));
            }
        }
        if fails && !known.reason.is_empty() {
            reasons.push(known.reason.clone());
        }
        if known.slow_start && !fails {
            reasons.push(format!("slow start, at {} of its weight", pools::effective(known)));
        }
        reasons.extend(pools::peer(known));
    }
    if let Some(cause) = status.suspect {
        reasons.push(format!("clients failed at it: {cause}"));
    }
    if status.return_path == ReturnPath::Missing {
        reasons.push("its answers do not come back through the gateway address".to_owned());
    }
    if let Some(ConnectionLimit { full: true, most, .. }) = status.limit {
        reasons.push(format!("it is full: it takes {most} connections"));
    }
    reasons.join("; ")
}

#[cfg(test)]
mod tests {
    use api::{Origin, Pools, Services};

    use super::*;
    use crate::command::status::Known;

    fn seen(known: PoolServer, active: u64) -> Seen {
        let address = known.address;
        let status = ServerStatus { address, connections_active: active, ..Default::default() };
        let service = ServiceStatus {
            name: "web".to_owned(),
            servers: vec![status],
            ..ServiceStatus::default()
        };
        let pool = Pool { service: "web".to_owned(), servers: vec![known], ..Pool::default() };
        let known = Known {
            services: Some(Services { services: vec![service], ..Services::default() }),
            pools: Some(Pools { pools: vec![pool], ..Pools::default() }),
            ..Known::default()
        };
        Seen { known, ..Seen::default() }
    }

    fn known() -> PoolServer {
        let address = "10.0.0.11:80".parse().unwrap();
        PoolServer { service: "web".to_owned(), address, ..PoolServer::default() }
    }

    fn shown(seen: &Seen, memory: &mut Memory) -> (usize, ServerView) {
        let moment = Moment { monotonic: std::time::Instant::now(), unix: 7 };
        memory.failures.note(&seen.known.pools.as_ref().unwrap().pools, moment.unix);
        let mut services = of(seen, moment, memory);
        let mut service = services.remove(0);
        (service.up, service.servers.remove(0))
    }

    #[test]
    fn a_server_that_is_down_says_why_and_remembers_it_when_it_is_up_again() {
        let mut memory = Memory::default();
        let reason = "http: 500 after 12 ms, 3 of 3".to_owned();
        let down = PoolServer { operational: Operational::Down, reason, ..known() };
        let (up, server) = shown(&seen(down, 0), &mut memory);
        assert_eq!((up, server.shape, &server.word[..]), (0, ServerShape::Down, "down"));
        assert_eq!(server.why, "http: 500 after 12 ms, 3 of 3");
        assert_eq!(server.failure, None, "it is the same");
        let well = PoolServer { operational: Operational::Up, ..known() };
        let (up, server) = shown(&seen(well, 0), &mut memory);
        assert_eq!((up, server.shape, &server.why[..]), (1, ServerShape::Up, ""));
        assert_eq!(server.failure.unwrap().reason, "http: 500 after 12 ms, 3 of 3");
    }

    #[test]
    fn a_drain_counts_down_from_what_it_began_with() {
        let mut memory = Memory::default();
        let origin = Some(Origin::Operator("a".to_owned()));
        let drained = PoolServer { administrative: Administrative::Drain, origin, ..known() };
        for (active, from) in [(40, 40), (12, 40), (0, 40)] {
            let (up, server) = shown(&seen(drained.clone(), active), &mut memory);
            assert_eq!((up, server.shape), (0, ServerShape::Drain));
            assert_eq!((server.active, server.drained_from), (active, Some(from)));
            assert_eq!(server.why, "by operator on a");
            assert_eq!(server.command.as_deref(), Some("tandem enable web 10.0.0.11:80"));
        }
        shown(&seen(known(), 90), &mut memory);
        let (_, server) = shown(&seen(drained, 5), &mut memory);
        assert_eq!(server.drained_from, Some(5), "another drain");
    }
}
