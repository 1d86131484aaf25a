//! What a reload, or another weight of a server, does to a worker's connections and counters.

use dataplane::snapshot::Snapshot;
use nat::Side;
use nat::service::ServerId;

use crate::bench::{Bench, CONFIGURATION, question};

/// The same configuration with other servers.
fn with_servers(servers: &str) -> String {
    CONFIGURATION.replace(r#"{ address = "10.0.0.11:53" }"#, servers)
}

fn first(snapshot: &Snapshot) -> ServerId {
    snapshot.policy.services.iter().next().unwrap().servers[0].id
}

#[test]
fn a_server_with_the_number_of_another_counts_from_zero() {
    let mut bench = Bench::new();
    bench.arrive(Side::Public, &[question(0)]);
    let towards =
        |bench: &Bench, server| bench.counters.server(server).unwrap().towards.packets.get();
    assert_eq!(towards(&bench, bench.server), 1);
    // The flow leaves its server with its next packet.
    for (last, is_first) in [(12, false), (13, true), (14, false)] {
        let servers = format!("{{ address = \"10.0.0.{last}:53\" }}");
        let server = first(&bench.reload(&with_servers(&servers)));
        assert_eq!(server == bench.server, is_first, "10.0.0.{last}");
        assert_eq!(towards(&bench, server), 0);
        bench.arrive(Side::Public, &[question(1)]);
        assert!(bench.loads.has_connections(server));
        assert_eq!(towards(&bench, server), 1);
    }
}
