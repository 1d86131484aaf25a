//! Numbers of services and servers, from one snapshot to the next.

use core::sync::atomic::{Ordering::Acquire, fence};
use std::net::Ipv4Addr;
use std::sync::{Arc, Weak};

use nat::persistence::Persistence;
use nat::scheduler::ClientKey;
use nat::service::{Loads, Registry, RegistryError, ServerId, ServiceSpecification, Services};

use super::Snapshot;

/// Gives numbers to services and servers, and takes back those that no snapshot has and no
/// connection of any worker.
#[derive(Default)]
pub(super) struct Numbering {
    registry: Registry<Ipv4Addr>,
    /// The snapshots that somebody may still read.
    snapshots: Vec<Weak<Snapshot>>,
}

impl Numbering {
    /// For services whose persistent clients are there.
    pub(super) fn with_persistence(persistence: Arc<Persistence<Ipv4Addr>>) -> Self {
        let registry = Registry::with_persistence(persistence);
        Numbering { registry, snapshots: Vec::new() }
    }

    /// Numbers the services of the next snapshot, whose clients are hashed under `key`; `loads`
    /// are those of all workers.
    pub(super) fn number(
        &mut self,
        services: &[ServiceSpecification<Ipv4Addr>],
        key: ClientKey,
        loads: &[&Loads],
    ) -> Result<Services<Ipv4Addr>, RegistryError> {
        let in_use: Vec<_> = self.snapshots.iter().filter_map(Weak::upgrade).collect();
        // A worker opens connections with the servers of a snapshot only while it has that. What
        // it has counted before it gave the snapshot up is seen after this fence.
        fence(Acquire);
        let in_use: Vec<_> = in_use.iter().map(|snapshot| &snapshot.policy.services).collect();
        let is_counted = |server: ServerId| loads.iter().any(|loads| loads.has_connections(server));
        self.registry.release(&in_use, is_counted);
        self.registry.build(services, key)
    }

    /// The persistent clients of the services.
    pub(super) fn persistence(&self) -> &Arc<Persistence<Ipv4Addr>> {
        self.registry.persistence()
    }

    /// Takes note of a snapshot, which has its numbers for as long as somebody holds it.
    pub(super) fn follow(&mut self, snapshot: &Arc<Snapshot>) {
        self.snapshots.retain(|one| one.strong_count() > 0);
        self.snapshots.push(Arc::downgrade(snapshot));
    }
}

#[cfg(test)]
mod tests {
    use config::Config;
    use nat::connection::{Kind, NewConnection};
    use nat::table::Key;
    use nat::{Connections, Instant, Side};
    use wire::tcp::Flags;
    use wire::{FiveTuple, MacAddress, Port, Protocol};

    use super::*;
    use crate::snapshot::Builder;

    fn config(name: &str, servers: &str) -> Config {
        let text = format!(
            r#"
[node]
name = "a"
workers = [1]

[public]
port = "net_null0"
address = "198.51.100.2/24"
floating = ["198.51.100.10/24"]
gateway = "198.51.100.1"

[private]
port = "net_null1"
address = "10.0.0.2/8"
floating = ["10.0.0.1/8"]

[[service]]
name = "{name}"
listen = "198.51.100.10:80"
protocol = "udp"
scheduler = "rr"
server = [{servers}]
"#
        );
        Config::from_str("built-in", &text).unwrap()
    }

    /// The most servers of a service.
    const MOST: u32 = config::Service::MOST_SERVERS as u32;

    /// A service that has as many servers as it may, in each round others.
    fn round(round: u32) -> Config {
        let address = |n| Ipv4Addr::from_bits(0x0a01_0000 + MOST * round + n);
        let server = |n| format!("{{ address = \"{}:80\" }}", address(n));
        config(&format!("web{round}"), &(0..MOST).map(server).collect::<Vec<_>>().join(", "))
    }

    fn first(snapshot: &Snapshot) -> ServerId {
        snapshot.policy.services.iter().next().unwrap().servers[0].id
    }

    /// A connection to the first server.
    fn open(connections: &mut Connections<Ipv4Addr>, snapshot: &Snapshot) -> nat::table::Hit {
        let service = snapshot.policy.services.iter().next().unwrap();
        let (client, port) = (Ipv4Addr::new(203, 0, 113, 9), Port::new(4000));
        let listen = &service.listens[0];
        let asked = FiveTuple {
            source: client,
            destination: listen.address,
            source_port: port,
            destination_port: listen.port,
            protocol: Protocol::Udp,
        };
        let (key, server) = (Key::new(asked, Side::Public), &service.servers[0]);
        let kind = Kind::Service;
        let new = NewConnection::to_server(kind, service, server, key, client, port, Flags::EMPTY);
        connections.open(&new, Instant::from_millis(0)).unwrap()
    }

    #[test]
    fn numbers_never_run_out_while_servers_come_and_go() {
        let mut builder = Builder::new([MacAddress::ZERO; 2]);
        let loads = Loads::default();
        for number in 0..200 {
            builder.build(&round(number), &[&loads]).unwrap();
        }
    }

    #[test]
    fn a_snapshot_that_somebody_reads_keeps_its_numbers() {
        let mut builder = Builder::new([MacAddress::ZERO; 2]);
        let loads = Loads::default();
        let mut held: Vec<_> =
            (0..64).map(|number| builder.build(&round(number), &[&loads]).unwrap()).collect();
        let failure = builder.build(&round(64), &[&loads]).err().unwrap().to_string();
        assert!(failure.contains("1024 real servers in all services, and 65536"), "{failure}");
        held.remove(7);
        builder.build(&round(64), &[&loads]).unwrap();
    }

    #[test]
    fn a_server_keeps_its_number_until_its_last_connection_has_ended_on_any_worker() {
        let mut builder = Builder::new([MacAddress::ZERO; 2]);
        let loads = [Arc::new(Loads::default()), Arc::new(Loads::default())];
        let snapshot =
            builder.build(&config("web", r#"{ address = "10.0.0.11:80" }"#), &[]).unwrap();
        let mut connections =
            Connections::new(4, snapshot.timeouts, Instant::from_millis(0), &mut |_| ())
                .counted_in(Arc::clone(&loads[1]));
        let hit = open(&mut connections, &snapshot);
        let numbered = first(&snapshot);
        drop(snapshot);
        let mut number = |name: &str| {
            let config = config(name, r#"{ address = "10.0.0.12:80" }"#);
            first(&builder.build(&config, &loads.each_ref().map(|one| &**one)).unwrap())
        };
        for name in ["a", "b", "c", "d"] {
            assert_ne!(number(name), numbered);
        }
        connections.close(hit.id).unwrap();
        assert!(["e", "f", "g"].map(number).contains(&numbered));
    }
}
