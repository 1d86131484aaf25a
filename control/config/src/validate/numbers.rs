//! How many there may be of what has a number in the dataplane.

use std::collections::HashSet;
use std::net::SocketAddrV4;

use super::service::{addresses, named, shown};
use crate::document::{At, Report};
use crate::model::service::Service;
use crate::read::{RawInterface, RawService};

pub(super) fn judge(services: &[RawService], private: Option<&RawInterface>, report: &Report<'_>) {
    judge_services(services, report);
    judge_servers(services, report);
    judge_on_link(services, private, report);
    judge_persistent(services, report);
}

fn judge_services(services: &[RawService], report: &Report<'_>) {
    let first = services.get(Service::MOST).and_then(|service| service.name.as_ref());
    if let Some(name) = first {
        report.error(
            &name.span,
            format!("there are {} services", services.len()),
            format!(
                "a machine takes {} at most: several addresses, protocols and ranges of ports can \
                 be one service",
                Service::MOST
            ),
        );
    }
}

fn judge_servers(services: &[RawService], report: &Report<'_>) {
    let servers = || services.iter().flat_map(named);
    if let Some((key, address)) = servers().nth(Service::MOST_SERVERS_OF_ALL) {
        report.error(
            &address.span,
            format!(
                "{key} {}: with it there are {} servers in all services",
                shown(address.value),
                servers().count()
            ),
            format!(
                "a machine takes {} at most, sorry servers among them",
                Service::MOST_SERVERS_OF_ALL
            ),
        );
    }
}

/// Servers on the link are neighbours.
fn judge_on_link(services: &[RawService], private: Option<&RawInterface>, report: &Report<'_>) {
    let Some(real) = private.and_then(|private| private.address.as_ref()) else { return };
    let mut found = HashSet::new();
    let mut beyond = None;
    for (key, address) in services.iter().flat_map(named) {
        let is_new = real.value.contains(*address.value.ip()) && found.insert(*address.value.ip());
        if is_new && found.len() == Service::MOST_ON_LINK + 1 {
            beyond = Some((key, address));
        }
    }
    if let Some((key, address)) = beyond {
        report.error(
            &address.span,
            format!(
                "{key} {}: with it servers have {} addresses in {}",
                shown(address.value),
                found.len(),
                real.value.network()
            ),
            format!(
                "a machine has room for {} as neighbours: put the others behind a private.route",
                Service::MOST_ON_LINK
            ),
        );
    }
}

/// What a client is remembered by has a number for each server of its service, and of its group.
fn judge_persistent(services: &[RawService], report: &Report<'_>) {
    let mut found: HashSet<(Option<&str>, &str, SocketAddrV4)> = HashSet::new();
    for service in services {
        let (Some(persist), Some(name)) = (&service.persist, &service.name) else { continue };
        let group = persist.value.group.as_ref().map(|group| group.value.as_str());
        let before = found.len();
        for At { value: server, .. } in addresses(service.servers.as_ref()) {
            found.insert((None, &name.value, *server));
            if let Some(group) = group {
                found.insert((Some(group), "", *server));
            }
        }
        if before <= Service::MOST_PERSISTENT && found.len() > Service::MOST_PERSISTENT {
            report.error(
                &persist.span,
                format!(
                    "with this service there are {} servers whose clients keep them",
                    found.len()
                ),
                format!(
                    "a machine remembers clients of {} servers at most, each counted once more in \
                     a group: take persist out, or write scheduler = \"sh\" or \"mh\", which \
                     remember nothing",
                    Service::MOST_PERSISTENT
                ),
            );
        }
    }
}
