//! What a dataplane has numbers for, a file may name, and no more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use config::{Config, Interface, Service};

const BASE: &str = include_str!("../../../docs/examples/tandem.toml");

/// The file with so many services of so many servers besides those that it has.
fn with(services: usize, servers: usize) -> String {
    let mut text = BASE.split("[[service]]").next().unwrap().to_owned();
    for service in 0..services {
        let port = 10_000 + service;
        let servers: Vec<_> = (0..servers)
            .map(|server| format!("{{ address = \"10.0.0.11:{}\" }}", 1000 + server))
            .collect();
        text += &format!(
            "[[service]]\nname = \"s{service}\"\nlisten = \"198.51.100.10:{port}\"\nprotocol = \
             \"tcp\"\nserver = [{}]\n",
            servers.join(", ")
        );
    }
    text
}

/// What is wrong with it.
fn mistakes(text: &str) -> Vec<String> {
    match Config::from_str("numbers.toml", text) {
        Ok(_) => Vec::new(),
        Err(found) => found.mistakes.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn services() {
    assert_eq!(mistakes(&with(Service::MOST, 1)), [""; 0]);
    let found = mistakes(&with(Service::MOST + 3, 1));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("there are 16387 services; a machine takes 16384 at most"),
        "{found:?}"
    );
}

#[test]
fn servers_of_all_services() {
    assert_eq!(mistakes(&with(64, 1024)), [""; 0]);
    let found = mistakes(&with(70, 1000));
    assert_eq!(found.len(), 1, "{found:?}");
    let words = "service.server 10.0.0.11:1536: with it there are 70000 servers in all services; a \
                 machine takes 65536 at most";
    assert!(found[0].contains(words), "{found:?}");
}

#[test]
fn servers_of_one_service() {
    assert_eq!(mistakes(&with(1, 1024)), [""; 0]);
    let found = mistakes(&with(1, 1025));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("service.server has 1025 servers; a service takes 1024 at most"),
        "{found:?}"
    );
}

/// Servers of one port each, on a link that has room for all of them.
fn on_link(count: u32) -> String {
    let mut text = BASE.split("[[service]]").next().unwrap().replace("/24\"", "/15\"");
    text = text.replace("10.0.0.0/15", "10.0.0.0/24");
    for (service, start) in (0..count).step_by(1000).enumerate() {
        let servers: Vec<_> = (start..count.min(start + 1000))
            .map(|number| {
                let address = std::net::Ipv4Addr::from_bits(0x0a00_0100 + number);
                format!("{{ address = \"{address}:80\" }}")
            })
            .collect();
        text += &format!(
            "[[service]]\nname = \"s{service}\"\nlisten = \"198.51.100.10:{}\"\nprotocol = \
             \"tcp\"\nserver = [{}]\n",
            service + 1,
            servers.join(", ")
        );
    }
    text
}

#[test]
fn servers_on_the_link() {
    let most = u32::try_from(Service::MOST_ON_LINK).unwrap();
    assert_eq!(mistakes(&on_link(most)), [""; 0]);
    let found = mistakes(&on_link(most + 1));
    assert_eq!(found.len(), 1, "{found:?}");
    let words = "service.server 10.0.65.0:80: with it servers have 16385 addresses in 10.0.0.0/15; \
                 a machine has room for 16384 as neighbours";
    assert!(found[0].contains(words), "{found:?}");
}

#[test]
fn servers_that_clients_are_remembered_by() {
    let with = |servers, persist: &str| {
        with(8, servers).replace("protocol = \"tcp\"", &format!("protocol = \"tcp\"\n{persist}"))
    };
    assert_eq!(mistakes(&with(1023, "persist = {}")), [""; 0]);
    let found = mistakes(&with(1024, "persist = {}"));
    assert_eq!(found.len(), 1, "{found:?}");
    let words = "with this service there are 8192 servers whose clients keep them; a machine \
                 remembers clients of 8191 servers at most";
    assert!(found[0].contains(words), "{found:?}");
    // All services have the same servers, so a group counts each once.
    assert_eq!(mistakes(&with(910, "persist = { group = \"all\" }")), [""; 0]);
    assert_eq!(mistakes(&with(911, "persist = { group = \"all\" }")).len(), 1);
}

#[test]
fn neighbours_of_both_sides() {
    let with = |count: u32| {
        let neighbour = |number| {
            let address = std::net::Ipv4Addr::from_bits(0x0a01_0000 + number);
            format!("{{ address = \"{address}\", mac = \"02:00:00:00:00:01\" }}")
        };
        let all: Vec<_> = (0..count).map(neighbour).collect();
        let address = "address = \"10.0.0.2/24\"";
        assert!(BASE.contains(address));
        let more = format!("address = \"10.1.255.2/15\"\nneighbour = [{}]", all.join(", "));
        BASE.replace(address, &more).replace("10.0.0.1/24", "10.0.0.1/15")
    };
    let most = u32::try_from(Interface::MOST_NEIGHBOURS).unwrap();
    assert_eq!(mistakes(&with(most)), [""; 0]);
    let found = mistakes(&with(most + 1));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("there are 4097 neighbours on both sides; a machine takes 4096"),
        "{found:?}"
    );
}
