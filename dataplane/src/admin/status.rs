//! How the machine, its services and its neighbours are.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use api::{
    ClientKey, Configuration, ConnectionLimit, Failure, KeyOrigin, Listen, Neighbour,
    NeighbourState, Neighbours, Nic, NicCounters, PersistenceStatus, ServerChange, ServerStatus,
    ServiceChange, ServiceStatus, Services, ServicesPage, SetServers, Status, WorkerStatus,
};
use config::Interface;
use nat::Side;
use nat::persistence::{Clients, Table};
use nat::scheduler::Load;
use nat::service::{Limit, Server, ServerId, Service, Slot};

use super::busy::{Cycles, cycles};
use super::{Admin, WorkerHandle};
use crate::client_key::{self, Origin};
use crate::clock::Tsc;
use crate::counters::{Counter, ServerCounters};
use crate::neighbour::resolver::{Listed, ReachabilityState};
use crate::return_path::ReturnPath;
use crate::servers::ServerStates;
use crate::snapshot::Snapshot;

/// The most servers and addresses of services on a page: under 3 MiB of the 8 that a frame takes.
const PAGE: usize = 4096;

impl Admin {
    pub(super) fn status(&self) -> Status {
        let before = self.busy.before(&self.workers);
        let workers = self.workers.iter().zip(before).map(|(w, b)| worker_status(w, b));
        let loaded = self.loaded.lock();
        let at = loaded.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            dpdk: dpdk::version(),
            node: loaded.config.node.name.clone(),
            role: self.role.role(Tsc::now()),
            uptime_seconds: self.clock.now().millis() / 1000,
            workers: workers.collect(),
            connections_limit: u64::from(loaded.config.node.connections),
            nics: Side::ALL
                .map(|side| match side {
                    Side::Public => self.nic(side, &loaded.config.public),
                    Side::Private => self.nic(side, &loaded.config.private),
                })
                .into(),
            configuration: Configuration {
                path: loaded.path.clone(),
                loaded_at: at.as_secs(),
                generation: self.snapshot.read().generation,
            },
            client_key: client_key(&loaded.builder.client_key),
        }
    }

    fn nic(&self, side: Side, interface: &Interface) -> Nic {
        let port = &self.ports[side.index()];
        let link = port.link();
        Nic {
            side: super::side(side),
            device: interface.device.to_string(),
            driver: port.driver().to_owned(),
            mac: self.snapshot.read().interface(side).mac.to_string(),
            mtu: interface.mtu,
            state: self.role.health.nic(side),
            link_up: self.role.health.link(side),
            speed_mbps: link.speed_mbps,
            address: interface.address.to_string(),
            floating: interface.floating.iter().map(ToString::to_string).collect(),
            counters: self.nic_counters(side),
        }
    }

    pub(super) fn nic_counters(&self, side: Side) -> NicCounters {
        let Some(stats) = self.ports[side.index()].stats() else { return NicCounters::default() };
        NicCounters {
            rx_packets: stats.rx_packets,
            rx_bytes: stats.rx_bytes,
            rx_missed: stats.rx_missed,
            rx_errors: stats.rx_errors,
            rx_no_buffer: stats.rx_no_mbuf,
            tx_packets: stats.tx_packets,
            tx_bytes: stats.tx_bytes,
            tx_errors: stats.tx_errors,
        }
    }

    /// A page of the services. One has as many servers at the most as there are numbers for a
    /// single service, so that it is never cut.
    pub(super) fn services(&self, ServicesPage { skip }: ServicesPage) -> Services {
        let persistence = Arc::clone(&self.snapshot.read().policy.persistence);
        // It takes some milliseconds, in which a reload need not wait.
        let clients = persistence.clients(self.clock.now());
        let loaded = self.loaded.lock();
        let snapshot = self.snapshot.read().clone();
        let states = &loaded.builder.servers;
        let mut page = Services {
            services: Vec::new(),
            next: None,
            generation: snapshot.generation,
            persistence: PersistenceStatus {
                clients: clients.entries,
                limit: persistence.room() as u64,
                evicted_total: persistence.table().map_or(0, Table::evicted),
            },
        };
        let mut lines = 0;
        for (at, service) in snapshot.policy.services.iter().enumerate().skip(skip) {
            lines += service.listens.len() + service.servers.len() + service.sorry.len();
            if lines > PAGE && !page.services.is_empty() {
                page.next = Some(at);
                break;
            }
            page.services.push(self.service(service, states, &clients));
        }
        page
    }

    /// Changes states and weights of servers, all or none.
    pub(super) fn set_servers(&self, changes: &SetServers) -> Result<Services, Failure> {
        let mut loaded = self.loaded.lock();
        let snapshot = self.snapshot.read().clone();
        let servers = loaded.builder.servers.set(&snapshot.policy.services, changes)?;
        self.limit_servers(&snapshot, &servers, changes);
        drop(loaded);
        for change in &changes.servers {
            let ServerChange {
                service,
                server,
                draining,
                down,
                suspect,
                weight,
                part,
                max_connections,
            } = change;
            tracing::info!(
                %service, %server, ?draining, ?down, ?suspect, ?weight, ?part, ?max_connections,
                "server changed"
            );
        }
        for ServiceChange { service, sorry_only } in &changes.services {
            tracing::info!(%service, ?sorry_only, "service changed");
        }
        Ok(self.changed(&snapshot, changes))
    }

    /// The services of these changes, with the servers that were changed.
    fn changed(&self, snapshot: &Snapshot, changes: &SetServers) -> Services {
        let clients = snapshot.policy.persistence.clients(self.clock.now());
        let loaded = self.loaded.lock();
        let meant: HashSet<(&str, SocketAddr)> =
            changes.servers.iter().map(|one| (one.service.as_str(), one.server)).collect();
        let of_services = |service: &Service<Ipv4Addr>| {
            let mut told = self.service(service, &loaded.builder.servers, &clients);
            for list in [&mut told.servers, &mut told.sorry] {
                list.retain(|server| meant.contains(&(&*service.name, server.address)));
            }
            told
        };
        let of_servers = changes.servers.iter().map(|one| one.service.as_str());
        let of_services_alone = changes.services.iter().map(|one| one.service.as_str());
        let names: HashSet<&str> = of_servers.chain(of_services_alone).collect();
        let services = snapshot.policy.services.iter();
        let services = services.filter(|service| names.contains(service.name.as_str()));
        Services {
            services: services.map(of_services).collect(),
            generation: snapshot.generation,
            ..Services::default()
        }
    }

    /// Has the limits count that agents ask for.
    fn limit_servers(&self, snapshot: &Snapshot, servers: &[ServerId], changes: &SetServers) {
        let budgets: Vec<_> = self.workers.iter().map(|worker| &*worker.budgets).collect();
        let Some(limits) = budgets.first().map(|one| one.limits()) else { return };
        for (&server, change) in servers.iter().zip(&changes.servers) {
            if let Some(most) = change.max_connections {
                let most = (most > 0).then_some(most);
                limits.limit_instead(server, most, &snapshot.policy.services, &budgets);
            }
        }
    }

    fn service(
        &self,
        service: &Service<Ipv4Addr>,
        states: &ServerStates,
        clients: &Clients,
    ) -> ServiceStatus {
        let list = |servers: &[Server<Ipv4Addr>]| -> Vec<_> {
            servers.iter().map(|server| self.server(server, states)).collect()
        };
        let (servers, sorry) = (list(&service.servers), list(&service.sorry));
        let sum = |of: fn(&ServerStatus) -> u64| servers.iter().chain(&sorry).map(of).sum();
        let listens: Vec<_> = service.listens.iter().map(listen).collect();
        let first = listens.first().cloned().unwrap_or_default();
        ServiceStatus {
            name: service.name.clone(),
            listen: first.address,
            protocol: first.protocol,
            listens,
            sorry_only: states.is_sorry_only(service.id),
            scheduler: service.scheduler.name().to_owned(),
            table: service.maglev.as_ref().map(|table| format!("{:016x}", table.digest())),
            persistent_clients: service.persistence.as_ref().map(|one| clients.of(one)),
            connections_total: sum(|server| server.connections_total),
            packets_in: sum(|server| server.packets_in),
            bytes_in: sum(|server| server.bytes_in),
            packets_out: sum(|server| server.packets_out),
            bytes_out: sum(|server| server.bytes_out),
            servers,
            sorry,
            limit: service.limit.and_then(|limit| self.limit(service.id, limit)),
        }
    }

    fn server(&self, server: &Server<Ipv4Addr>, states: &ServerStates) -> ServerStatus {
        let (state, weight) = states.of(server.id);
        let sum = |of: for<'c> fn(&'c ServerCounters<'_>) -> &'c Counter| {
            let counters = self.workers.iter().filter_map(|w| w.counters.server(server.id));
            counters.map(|counters| of(&counters).get()).sum()
        };
        let held = self.workers.iter().map(|worker| u64::from(worker.budgets.held(server.id)));
        let active: u64 = held.sum();
        let load = self.load(server.id);
        let all = u64::from(load.active) + u64::from(load.inactive);
        ServerStatus {
            address: SocketAddr::new(server.address.into(), server.port.number()),
            weight,
            state,
            suspect: states.suspect(server.id),
            return_path: match self.observations.return_path(server.id) {
                ReturnPath::Unknown => api::ReturnPath::Unknown,
                ReturnPath::Ok => api::ReturnPath::Ok,
                ReturnPath::Missing => api::ReturnPath::Missing,
            },
            // The counts are other threads', and not of the same moment.
            connections_active: active,
            connections_established: active.min(load.active.into()),
            connections_closing: all.saturating_sub(active),
            connections_total: sum(|c| c.opened()),
            packets_in: sum(|c| c.towards()[0]),
            bytes_in: sum(|c| c.towards()[1]),
            packets_out: sum(|c| c.from()[0]),
            bytes_out: sum(|c| c.from()[1]),
            limit: server.limit.and_then(|limit| self.limit(server.id, limit)),
        }
    }

    /// A limit, and how far it is reached on all workers together.
    fn limit<S: Into<Slot> + Copy>(&self, of: S, limit: Limit) -> Option<ConnectionLimit> {
        let limits = self.workers.first()?.budgets.limits();
        let limit = limits.in_force(of, limit)?;
        let held = self.workers.iter().map(|worker| u64::from(worker.budgets.held(of)));
        Some(ConnectionLimit {
            most: limit.most(),
            resume_below: limit.resume_below(),
            counted: held.sum(),
            full: limits.is_full(of),
        })
    }

    /// Connections of a server on all workers.
    fn load(&self, server: ServerId) -> Load {
        let loads = self.workers.iter().map(|worker| worker.loads.of(server));
        loads.fold(Load::default(), |sum, load| Load {
            active: sum.active.saturating_add(load.active),
            inactive: sum.inactive.saturating_add(load.inactive),
        })
    }

    pub(super) fn neighbours(&self) -> Neighbours {
        let lines = self.resolver.lock().list(self.clock.now());
        Neighbours { entries: lines.into_iter().map(neighbour).collect() }
    }
}

fn listen(listen: &nat::service::Listen<Ipv4Addr>) -> Listen {
    Listen {
        address: SocketAddr::new(listen.address.into(), listen.port.number()),
        last_port: (listen.port != listen.last).then_some(listen.last.number()),
        protocol: listen.protocol.to_string(),
    }
}

pub(super) fn neighbour_state(state: ReachabilityState) -> NeighbourState {
    match state {
        ReachabilityState::Incomplete => NeighbourState::Incomplete,
        ReachabilityState::Reachable => NeighbourState::Reachable,
        ReachabilityState::Probe => NeighbourState::Probe,
        ReachabilityState::Failed => NeighbourState::Failed,
        ReachabilityState::Static => NeighbourState::Static,
    }
}

fn neighbour(line: Listed) -> Neighbour {
    Neighbour {
        side: super::side(line.side),
        address: IpAddr::V4(line.address),
        mac: line.mac.map(|mac| mac.to_string()),
        state: neighbour_state(line.state),
        age_seconds: line.age / 1000,
    }
}

/// A key as status shows it: by a number that tells nothing about it.
fn client_key(loaded: &client_key::Loaded) -> ClientKey {
    ClientKey {
        origin: match loaded.origin {
            Origin::Pair => KeyOrigin::Pair,
            Origin::Own => KeyOrigin::Own,
            Origin::Start => KeyOrigin::Start,
        },
        digest: format!("{:016x}", loaded.key.digest()),
    }
}

fn worker_status(worker: &WorkerHandle, before: Cycles) -> WorkerStatus {
    let counters = &worker.counters;
    let (busy, all) = cycles(worker);
    let (busy, all) = (busy.saturating_sub(before.0), all.saturating_sub(before.1));
    let total = |pair: &[Counter; 2]| pair.iter().map(Counter::get).sum();
    WorkerStatus {
        core: u32::from(worker.core),
        connections: counters.connections.get(),
        capacity: worker.room.reach() as u64,
        busy_permille: (busy * 1000 / all.max(1)).min(1000) as u16,
        rx_packets: total(&counters.received),
        tx_packets: total(&counters.sent),
        dropped_packets: counters.drops.total(),
    }
}
