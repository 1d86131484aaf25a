//! What the dataplane says of itself.

use api::{
    Counters, MempoolUse, Nic, NicCounters, PersistenceStatus, Role, ServiceStatus, Services,
    Status, WorkerCounters, WorkerStatus,
};

use super::catalogue::{self as all, Family};
use super::page::Page;
use super::servers;

/// What the dataplane has answered; none where it has not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answers {
    pub status: Option<Status>,
    /// What it has counted.
    pub counters: Option<Counters>,
    /// What passed through its services.
    pub services: Option<Services>,
}

/// A family, and where its value stands.
type Told<T, N> = (Family, fn(&T) -> N);

/// Among a worker's counters these are none: they also go down, or are told otherwise.
const NO_EVENTS: &[&str] = &["connections"];

impl Answers {
    /// True if any question was answered.
    pub fn answers(&self) -> bool {
        self.status.is_some() || self.counters.is_some() || self.services.is_some()
    }

    /// Writes what is of the machine as a whole.
    pub fn write_machine(&self, page: &mut Page) {
        if let Some(status) = &self.status {
            write_status(status, page);
            write_nics(&status.nics, page);
            write_workers(&status.workers, page);
        }
        if let Some(counters) = &self.counters {
            write_counters(counters, page);
        }
        if let Some(services) = &self.services {
            write_persistence(&services.persistence, page);
        }
    }

    /// Writes what is of its services and their servers.
    pub fn write_services(&self, page: &mut Page) {
        if let Some(services) = &self.services {
            write_services(&services.services, page);
            servers::write(&services.services, page);
        }
    }
}

fn write_status(status: &Status, page: &mut Page) {
    let Status { version, dpdk, node, role, uptime_seconds, configuration, .. } = status;
    page.gauge(all::CONNECTIONS_LIMIT, number(status.connections_limit));
    let labels = [version, dpdk, node].map(Clone::clone);
    page.gauges(all::DATAPLANE_INFO, [(labels, 1.0)]);
    page.gauge(all::DATAPLANE_UPTIME, number(*uptime_seconds));
    page.flag(all::ACTIVE, *role == Role::Active);
    page.gauge(all::CONFIGURATION_GENERATION, number(configuration.generation));
    page.gauge(all::CONFIGURATION_LOADED, number(configuration.loaded_at));
}

fn write_counters(counters: &Counters, page: &mut Page) {
    let events = counters.workers.iter().flat_map(|worker| {
        let counters = worker.counters.iter();
        let events = counters.filter(|(name, _)| !NO_EVENTS.contains(&name.as_str()));
        events.map(|(name, value)| ([worker.core.to_string(), name.clone()], *value))
    });
    page.counters(all::WORKER_EVENTS, events);
    write_cycles(&counters.workers, page);
    let neighbours = counters.neighbours.iter();
    let neighbours = neighbours.map(|(side, states)| {
        let side = side.to_string();
        states.iter().map(move |(state, count)| ([side.clone(), state.clone()], number(*count)))
    });
    page.gauges(all::NEIGHBOURS, neighbours.flatten());
    let drops = counters.drops.iter().map(|drop| ([drop.name.clone()], drop.packets));
    page.counters(all::DROPPED, drops);
    let mempools = |of: fn(&MempoolUse) -> u64| {
        counters.mempools.iter().map(move |pool| ([pool.name.clone()], number(of(pool))))
    };
    page.gauges(all::MEMPOOL_SIZE, mempools(|pool| pool.size));
    page.gauges(all::MEMPOOL_IN_USE, mempools(|pool| pool.in_use));
}

/// A share of two sums is right over any time, which a ratio that was made before is not.
fn write_cycles(workers: &[WorkerCounters], page: &mut Page) {
    let cycles = |of: fn(u64, u64) -> u64| {
        workers.iter().filter_map(move |worker| {
            let counter = |name: &str| worker.counters.get(name).copied();
            let (busy, all) = (counter("busy_cycles")?, counter("cycles")?);
            Some(([worker.core.to_string()], of(busy, all)))
        })
    };
    page.counters(all::WORKER_BUSY_CYCLES, cycles(|busy, _| busy));
    page.counters(all::WORKER_IDLE_CYCLES, cycles(|busy, all| all.saturating_sub(busy)));
}

fn write_nics(nics: &[Nic], page: &mut Page) {
    let info = |nic: &Nic| {
        let Nic { side, device, driver, mac, .. } = nic;
        ([side.to_string(), device.clone(), driver.clone(), mac.clone()], 1.0)
    };
    page.gauges(all::NIC_INFO, nics.iter().map(info));
    let up = |nic: &Nic| ([nic.side.to_string()], f64::from(u8::from(nic.link_up)));
    page.gauges(all::NIC_UP, nics.iter().map(up));
    let speed = |nic: &Nic| {
        let speed = nic.speed_mbps?;
        Some(([nic.side.to_string()], f64::from(speed) * 1e6 / 8.0))
    };
    page.gauges(all::NIC_SPEED, nics.iter().filter_map(speed));
    let counters: [Told<NicCounters, u64>; 8] = [
        (all::NIC_RX_PACKETS, |counters| counters.rx_packets),
        (all::NIC_RX_BYTES, |counters| counters.rx_bytes),
        (all::NIC_RX_MISSED, |counters| counters.rx_missed),
        (all::NIC_RX_ERRORS, |counters| counters.rx_errors),
        (all::NIC_RX_NO_BUFFER, |counters| counters.rx_no_buffer),
        (all::NIC_TX_PACKETS, |counters| counters.tx_packets),
        (all::NIC_TX_BYTES, |counters| counters.tx_bytes),
        (all::NIC_TX_ERRORS, |counters| counters.tx_errors),
    ];
    for (family, value) in counters {
        let values = nics.iter().map(|nic| ([nic.side.to_string()], value(&nic.counters)));
        page.counters(family, values);
    }
}

fn write_workers(workers: &[WorkerStatus], page: &mut Page) {
    let gauges: [Told<WorkerStatus, f64>; 3] = [
        (all::WORKER_BUSY, |worker| f64::from(worker.busy_permille) / 1000.0),
        (all::WORKER_CONNECTIONS, |worker| number(worker.connections)),
        (all::WORKER_CAPACITY, |worker| number(worker.capacity)),
    ];
    for (family, value) in gauges {
        page.gauges(
            family,
            workers.iter().map(|worker| ([worker.core.to_string()], value(worker))),
        );
    }
    let counters: [Told<WorkerStatus, u64>; 3] = [
        (all::WORKER_RX_PACKETS, |worker| worker.rx_packets),
        (all::WORKER_TX_PACKETS, |worker| worker.tx_packets),
        (all::WORKER_DROPPED, |worker| worker.dropped_packets),
    ];
    for (family, value) in counters {
        let values = workers.iter().map(|worker| ([worker.core.to_string()], value(worker)));
        page.counters(family, values);
    }
}

fn write_services(services: &[ServiceStatus], page: &mut Page) {
    let names = |service: &ServiceStatus| {
        let [listen, protocol] = service.listens_joined(",");
        [service.name.clone(), listen, protocol]
    };
    let connections = services.iter().map(|service| (names(service), service.connections_total));
    page.counters(all::SERVICE_CONNECTIONS, connections);
    let both = |service: &ServiceStatus, values: [u64; 2]| {
        let [name, listen, protocol] = names(service);
        ["in", "out"]
            .map(|way| [name.clone(), listen.clone(), protocol.clone(), way.to_owned()])
            .into_iter()
            .zip(values)
    };
    let packets = services.iter().flat_map(|s| both(s, [s.packets_in, s.packets_out]));
    page.counters(all::SERVICE_PACKETS, packets);
    let bytes = services.iter().flat_map(|s| both(s, [s.bytes_in, s.bytes_out]));
    page.counters(all::SERVICE_BYTES, bytes);
    let sorry =
        |service: &ServiceStatus| ([service.name.clone()], f64::from(u8::from(service.sorry_only)));
    page.gauges(all::SERVICE_SORRY_ONLY, services.iter().map(sorry));
    let clients = |service: &ServiceStatus| {
        Some(([service.name.clone()], number(service.persistent_clients?)))
    };
    let clients = services.iter().filter_map(clients);
    page.gauges(all::SERVICE_CLIENTS, clients);
    let limits = || services.iter().filter_map(|one| Some(([one.name.clone()], one.limit?)));
    page.gauges(all::SERVICE_LIMIT, limits().map(|(labels, limit)| (labels, limit.most.into())));
    let full = limits().map(|(labels, limit)| (labels, f64::from(u8::from(limit.full))));
    page.gauges(all::SERVICE_FULL, full);
}

fn write_persistence(persistence: &PersistenceStatus, page: &mut Page) {
    page.gauge(all::CLIENTS, number(persistence.clients));
    page.gauge(all::CLIENTS_LIMIT, number(persistence.limit));
    page.counter(all::CLIENTS_EVICTED, persistence.evicted_total);
}

/// Exact up to 2^53.
pub(super) fn number(value: u64) -> f64 {
    value as f64
}
