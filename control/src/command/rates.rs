//! What happens in a second, from two answers of the dataplane.

use core::hash::Hash;
use core::time::Duration;
use std::collections::HashMap;
use std::net::SocketAddr;

use api::{PoolServer, ServerStatus, ServiceStatus, Side};
use schemars::JsonSchema;
use serde::Serialize;

use super::pools;
use super::status::Known;

/// What happened in a second, on average over the time between two samples.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Rates {
    /// Seconds between the two samples.
    pub(super) seconds: f64,
    /// Services, in the order of the configuration.
    pub(super) services: Vec<ServiceRates>,
    /// Real servers, in the order of the configuration.
    pub(super) servers: Vec<ServerRates>,
    /// Reasons of drops, with those that have dropped nothing.
    pub(super) drops: Vec<DropRates>,
    /// Workers, in the order of their cores.
    pub(super) workers: Vec<WorkerRates>,
    /// The NICs.
    pub(super) nics: Vec<NicRates>,
}

/// What passes through something in a second.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub(super) struct Traffic {
    /// New connections a second.
    pub(super) connections: f64,
    /// Packets from clients a second.
    pub(super) packets_in: f64,
    /// Packets to clients a second.
    pub(super) packets_out: f64,
    /// Bits from clients a second, IP headers included.
    pub(super) bits_in: f64,
    /// Bits to clients a second, IP headers included.
    pub(super) bits_out: f64,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub(super) struct ServiceRates {
    /// The service's name.
    pub(super) name: String,
    /// How many real servers it has.
    pub(super) servers: usize,
    /// How many of them get new connections.
    pub(super) servers_up: usize,
    /// Connections that open or are open, of all its servers.
    pub(super) active: u64,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
}

#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub(super) struct ServerRates {
    /// The service's name.
    pub(super) service: String,
    /// The server's address and port.
    pub(super) server: SocketAddr,
    /// Its state in a word or two, as `tandem services` has it.
    pub(super) state: String,
    /// It gets new connections.
    pub(super) up: bool,
    /// Connections that open or are open.
    pub(super) active: u64,
    #[serde(flatten)]
    pub(super) traffic: Traffic,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub(super) struct DropRates {
    /// The name of the reason, as in docs/counters.md.
    pub(super) reason: String,
    /// What it means.
    pub(super) description: String,
    /// Packets dropped a second.
    pub(super) packets: f64,
    /// Packets dropped since the dataplane's start.
    pub(super) total: u64,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub(super) struct WorkerRates {
    /// The core that the worker runs on.
    pub(super) core: u32,
    /// The share of its polls that found packets, in thousandths.
    pub(super) busy_permille: u16,
    /// Packets received a second.
    pub(super) rx_packets: f64,
    /// Packets sent a second.
    pub(super) tx_packets: f64,
    /// Packets dropped a second.
    pub(super) dropped_packets: f64,
    /// Connections in its table.
    pub(super) connections: u64,
    /// Connections that it could have now.
    pub(super) capacity: u64,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub(super) struct NicRates {
    /// The side that the NIC is on.
    pub(super) side: Side,
    /// Packets received a second.
    pub(super) rx_packets: f64,
    /// Bits received a second.
    pub(super) rx_bits: f64,
    /// Packets a second that were lost since the receive queues were full, or no buffer was free.
    pub(super) rx_lost: f64,
    /// Packets sent a second.
    pub(super) tx_packets: f64,
    /// Bits sent a second.
    pub(super) tx_bits: f64,
}

/// What has happened between two samples that were taken so long one after the other. None where the
/// dataplane did not answer one of them.
pub(super) fn between(before: &Known, now: &Known, time: Duration) -> Option<Rates> {
    let (old, new) = (before.status.as_ref().ok()?, now.status.as_ref().ok()?);
    let over = Over(time.as_secs_f64());
    let mut rates = Rates { seconds: over.0, ..Rates::default() };
    let old_workers = index(&old.workers, |one| one.core);
    rates.workers = new
        .workers
        .iter()
        .map(|one| {
            let was = old_workers.get(&one.core);
            WorkerRates {
                core: one.core,
                busy_permille: one.busy_permille,
                rx_packets: over.rate(was.map(|was| was.rx_packets), one.rx_packets),
                tx_packets: over.rate(was.map(|was| was.tx_packets), one.tx_packets),
                dropped_packets: over.rate(was.map(|was| was.dropped_packets), one.dropped_packets),
                connections: one.connections,
                capacity: one.capacity,
            }
        })
        .collect();
    rates.nics = new
        .nics
        .iter()
        .map(|one| {
            let was = old.nics.iter().find(|was| was.side == one.side).map(|nic| nic.counters);
            let now = one.counters;
            let lost = |of: api::NicCounters| of.rx_missed.saturating_add(of.rx_no_buffer);
            NicRates {
                side: one.side,
                rx_packets: over.rate(was.map(|was| was.rx_packets), now.rx_packets),
                rx_bits: over.rate(was.map(|was| was.rx_bytes), now.rx_bytes) * 8.0,
                rx_lost: over.rate(was.map(lost), lost(now)),
                tx_packets: over.rate(was.map(|was| was.tx_packets), now.tx_packets),
                tx_bits: over.rate(was.map(|was| was.tx_bytes), now.tx_bytes) * 8.0,
            }
        })
        .collect();
    add_services(before, now, over, &mut rates);
    add_drops(before, now, over, &mut rates);
    Some(rates)
}

/// So many seconds.
#[derive(Clone, Copy)]
struct Over(f64);

impl Over {
    /// What was counted in a second. What has no past, or has begun anew, has no rate yet.
    fn rate(self, before: Option<u64>, now: u64) -> f64 {
        let counted = before.and_then(|before| now.checked_sub(before)).unwrap_or(0);
        if self.0 > 0.0 { counted as f64 / self.0 } else { 0.0 }
    }
}

fn index<'a, T, K: Hash + Eq>(all: &'a [T], key: impl Fn(&'a T) -> K) -> HashMap<K, &'a T> {
    all.iter().map(|one| (key(one), one)).collect()
}

fn add_services(before: &Known, now: &Known, over: Over, rates: &mut Rates) {
    let (Some(old), Some(new)) = (&before.services, &now.services) else { return };
    let old_services = index(&old.services, |one| one.name.as_str());
    let in_pools = now.pools.iter().flat_map(|pools| &pools.pools).flat_map(|pool| &pool.servers);
    let known: HashMap<(&str, SocketAddr), &PoolServer> =
        in_pools.map(|one| ((one.service.as_str(), one.address), one)).collect();
    for service in &new.services {
        let was = old_services.get(service.name.as_str()).copied();
        let old_servers = was.map(|was| index(&was.servers, |one| one.address)).unwrap_or_default();
        let first = rates.servers.len();
        for server in &service.servers {
            let was = old_servers.get(&server.address).copied();
            let pool = known.get(&(service.name.as_str(), server.address)).copied();
            rates.servers.push(ServerRates {
                service: service.name.clone(),
                server: server.address,
                state: pool.map_or_else(|| server.state.to_string(), pools::word),
                up: is_up(server, pool),
                active: server.connections_active,
                traffic: over.traffic(was.map(of_server), of_server(server)),
            });
        }
        let own = rates.servers.get(first..).unwrap_or_default();
        rates.services.push(ServiceRates {
            name: service.name.clone(),
            servers: own.len(),
            servers_up: own.iter().filter(|server| server.up).count(),
            active: own.iter().map(|server| server.active).sum(),
            traffic: over.traffic(was.map(of_service), of_service(service)),
        });
    }
}

fn is_up(server: &ServerStatus, pool: Option<&PoolServer>) -> bool {
    let in_dataplane = server.state == api::ServerState::Up;
    in_dataplane && pool.is_none_or(|pool| !pool.operational.is_down())
}

/// Connections, packets and bytes in, packets and bytes out.
type Counts = [u64; 5];

fn of_server(one: &ServerStatus) -> Counts {
    [one.connections_total, one.packets_in, one.packets_out, one.bytes_in, one.bytes_out]
}

fn of_service(one: &ServiceStatus) -> Counts {
    [one.connections_total, one.packets_in, one.packets_out, one.bytes_in, one.bytes_out]
}

impl Over {
    fn traffic(self, before: Option<Counts>, now: Counts) -> Traffic {
        let old = before.map_or([None; 5], |counts| counts.map(Some));
        let [connections, packets_in, packets_out, bytes_in, bytes_out] =
            core::array::from_fn(|place| self.rate(old[place], now[place]));
        let (bits_in, bits_out) = (bytes_in * 8.0, bytes_out * 8.0);
        Traffic { connections, packets_in, packets_out, bits_in, bits_out }
    }
}

fn add_drops(before: &Known, now: &Known, over: Over, rates: &mut Rates) {
    let (Some(old), Some(new)) = (&before.counters, &now.counters) else { return };
    let old = index(&old.drops, |one| one.name.as_str());
    let rate = |one: &api::DropCount| DropRates {
        reason: one.name.clone(),
        description: one.description.clone(),
        packets: over.rate(old.get(one.name.as_str()).map(|was| was.packets), one.packets),
        total: one.packets,
    };
    rates.drops = new.drops.iter().map(rate).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_begins_anew_has_no_rate() {
        let over = Over(2.0);
        assert_eq!(over.rate(Some(10), 30), 10.0);
        assert_eq!(over.rate(Some(30), 10), 0.0, "the dataplane was restarted");
        assert_eq!(over.rate(None, 1_000_000), 0.0, "the service is new");
        assert_eq!(Over(0.0).rate(Some(0), 5), 0.0);
    }
}
