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
        found[0].contains("there are 1027 services; a machine takes 1024 at most"),
        "{found:?}"
    );
}

#[test]
fn servers_of_all_services() {
    assert_eq!(mistakes(&with(4, 1024)), [""; 0]);
    let found = mistakes(&with(5, 1000));
    assert_eq!(found.len(), 1, "{found:?}");
    let words = "service.server 10.0.0.11:1096: with it there are 5000 servers in all services; a \
                 machine takes 4096 at most";
    assert!(found[0].contains(words), "{found:?}");
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
