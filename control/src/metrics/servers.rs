//! What passed through real servers, as the dataplane says.

use std::collections::HashSet;

use api::{ReturnPath, ServerState, ServerStatus, ServiceStatus};

use super::catalogue::{self as all, Family};
use super::dataplane::number;
use super::page::Page;

/// A server with its labels.
struct Told<'s> {
    service: &'s str,
    name: String,
    is_sorry: bool,
    server: &'s ServerStatus,
}

impl Told<'_> {
    fn labels(&self) -> [&str; 2] {
        [self.service, &self.name]
    }

    fn labels_with<'t>(&'t self, third: &'t str) -> [&'t str; 3] {
        [self.service, &self.name, third]
    }
}

/// The servers of all services. One that is also a sorry server of its service is told once.
fn told(services: &[ServiceStatus]) -> Vec<Told<'_>> {
    let mut all = Vec::new();
    for service in services {
        let own: HashSet<_> = service.servers.iter().map(|server| server.address).collect();
        let sorry = service.sorry.iter().filter(|server| !own.contains(&server.address));
        let each = service.servers.iter().map(|server| (server, false));
        for (server, is_sorry) in each.chain(sorry.map(|server| (server, true))) {
            let name = api::server_name(&server.address);
            all.push(Told { service: &service.name, name, is_sorry, server });
        }
    }
    all
}

/// Writes the numbers of all servers.
pub(super) fn write(services: &[ServiceStatus], page: &mut Page) {
    let servers = told(services);
    write_states(&servers, page);
    write_connections(&servers, page);
    let counted = |page: &mut Page, family: Family, of: fn(&ServerStatus) -> [u64; 2]| {
        let both = servers.iter().flat_map(|one| {
            let [into, out] = of(one.server);
            [(one.labels_with("in"), into), (one.labels_with("out"), out)]
        });
        page.counters(family, both);
    };
    counted(page, all::SERVER_PACKETS, |server| [server.packets_in, server.packets_out]);
    counted(page, all::SERVER_BYTES, |server| [server.bytes_in, server.bytes_out]);
}

fn write_states(servers: &[Told<'_>], page: &mut Page) {
    let flag = |page: &mut Page, family: Family, of: fn(&Told<'_>) -> bool| {
        page.gauges(family, servers.iter().map(|one| (one.labels(), one_if(of(one)))));
    };
    flag(page, all::SERVER_SORRY, |one| one.is_sorry);
    let states = servers.iter().flat_map(|one| {
        [("up", ServerState::Up), ("draining", ServerState::Draining), ("down", ServerState::Down)]
            .map(|(name, state)| (one.labels_with(name), one_if(one.server.state == state)))
    });
    page.gauges(all::SERVER_STATE, states);
    flag(page, all::SERVER_SUSPECT, |one| one.server.suspect.is_some());
    let ways_back = servers.iter().flat_map(|one| {
        [("ok", ReturnPath::Ok), ("missing", ReturnPath::Missing), ("unknown", ReturnPath::Unknown)]
            .map(|(name, state)| (one.labels_with(name), one_if(one.server.return_path == state)))
    });
    page.gauges(all::SERVER_RETURN_PATH, ways_back);
}

fn write_connections(servers: &[Told<'_>], page: &mut Page) {
    let limits = || servers.iter().filter_map(|one| Some((one.labels(), one.server.limit?)));
    page.gauges(all::SERVER_LIMIT, limits().map(|(labels, limit)| (labels, limit.most.into())));
    page.gauges(all::SERVER_FULL, limits().map(|(labels, limit)| (labels, one_if(limit.full))));
    let active = |one: &Told<'_>| number(one.server.connections_active);
    page.gauges(all::SERVER_ACTIVE, servers.iter().map(|one| (one.labels(), active(one))));
    let of_state = servers.iter().flat_map(|one| {
        let established = one.server.connections_established;
        let opening = one.server.connections_active.saturating_sub(established);
        let closing = one.server.connections_closing;
        [("opening", opening), ("established", established), ("closing", closing)]
            .map(|(state, count)| (one.labels_with(state), number(count)))
    });
    page.gauges(all::SERVER_OF_STATE, of_state);
    let total = servers.iter().map(|one| (one.labels(), one.server.connections_total));
    page.counters(all::SERVER_CONNECTIONS, total);
}

fn one_if(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[cfg(test)]
mod tests {
    use super::super::format::Format;
    use super::*;

    #[test]
    fn a_server_that_is_also_the_sorry_server_is_told_once() {
        let server = |address: &str| ServerStatus {
            address: address.parse().unwrap(),
            ..ServerStatus::default()
        };
        let service = ServiceStatus {
            name: "web".to_owned(),
            servers: vec![server("10.0.0.11:80"), server("10.0.0.12:80")],
            sorry: vec![server("10.0.0.12:80"), server("10.0.0.13:80")],
            ..ServiceStatus::default()
        };
        let mut page = Page::new(Format::Text);
        write(&[service], &mut page);
        let text = page.text().unwrap();
        let sorry: Vec<&str> =
            text.lines().filter(|line| line.starts_with("tandem_server_sorry{")).collect();
        let of = |server: &str, value: u8| {
            format!("tandem_server_sorry{{server=\"{server}\",service=\"web\"}} {value}")
        };
        assert_eq!(sorry, [of("10.0.0.11:80", 0), of("10.0.0.12:80", 0), of("10.0.0.13:80", 1)]);
    }
}
