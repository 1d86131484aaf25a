//! Services judged against the sides and each other.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use wire::Cidr;

use super::interface::{FORWARDED, NOT_FORWARDED, own};
use super::{limits, listen, numbers, pool, ports, scheduler};
use crate::document::{At, Report};
use crate::model::service::Service;
use crate::read::{RawInterface, RawServer, RawService};

pub(super) fn judge(
    services: &[RawService],
    public: Option<&RawInterface>,
    private: Option<&RawInterface>,
    report: &Report<'_>,
) {
    numbers::judge(services, private, report);
    let (mut names, mut taken) = (HashMap::new(), listen::Taken::default());
    for service in services {
        judge_name(service, &mut names, report);
        listen::judge(service, &mut taken, public, report);
        judge_servers(service, report);
        scheduler::judge(service, report);
        judge_sorry(service, report);
        pool::judge(service, report);
        limits::judge(service, report);
        ports::judge(service, report);
        for (key, address) in named(service) {
            judge_server(key, address, public, private, report);
        }
    }
}

pub(super) fn addresses(list: Option<&At<Vec<RawServer>>>) -> Vec<&At<SocketAddrV4>> {
    let servers = list.into_iter().flat_map(|servers| &servers.value);
    servers.filter_map(|server| server.address.as_ref()).collect()
}

/// A server as it is written in the file.
pub(super) fn shown(server: SocketAddrV4) -> String {
    if server.port() == 0 { server.ip().to_string() } else { server.to_string() }
}

/// Servers and sorry servers, each with its key.
pub(super) fn named(
    service: &RawService,
) -> impl Iterator<Item = (&'static str, &At<SocketAddrV4>)> {
    let servers = addresses(service.servers.as_ref()).into_iter();
    let sorry = addresses(service.sorry.as_ref()).into_iter();
    let servers = servers.map(|address| ("service.server", address));
    servers.chain(sorry.map(|address| ("service.sorry", address)))
}

fn judge_name<'r>(
    service: &'r RawService,
    names: &mut HashMap<&'r str, &'r At<String>>,
    report: &Report<'_>,
) {
    let Some(name) = &service.name else { return };
    let first = *names.entry(&name.value).or_insert(name);
    if !core::ptr::eq(first, name) {
        let line = report.line(&first.span, &name.span);
        report.error(
            &name.span,
            format!("service.name is \"{}\", as that on {line}", name.value),
            "give each service its own name",
        );
    }
}

fn judge_servers(service: &RawService, report: &Report<'_>) {
    judge_distinct("service.server", &addresses(service.servers.as_ref()), report);
    let Some(servers) = &service.servers else { return };
    if servers.value.len() > Service::MOST_SERVERS {
        report.error(
            &servers.span,
            format!("service.server has {} servers", servers.value.len()),
            format!("a service takes {} at most", Service::MOST_SERVERS),
        );
    }
    if servers.value.is_empty() {
        let remedy = "clients get no answer until there is one";
        report.warning(&servers.span, "service.server is empty", remedy);
    } else if servers.value.iter().all(|server| server.weight == 0) {
        let remedy = "no new connection is taken until one has a weight of 1 or more";
        report.warning(&servers.span, "every server of the service has weight 0", remedy);
    }
}

fn judge_distinct(key: &str, addresses: &[&At<SocketAddrV4>], report: &Report<'_>) {
    let mut firsts = HashMap::new();
    for &address in addresses {
        let first: &At<SocketAddrV4> = firsts.entry(address.value).or_insert(address);
        if !core::ptr::eq(first, address) {
            let (line, server) = (report.line(&first.span, &address.span), shown(address.value));
            report.error(
                &address.span,
                format!("{key} has {server} twice (first on {line})"),
                "keep one of them; a larger weight gives it a larger share",
            );
        }
    }
}

/// A sorry server stands in for all servers, so it is none of them.
fn judge_sorry(service: &RawService, report: &Report<'_>) {
    let Some(list) = &service.sorry else { return };
    let (servers, sorry) = (addresses(service.servers.as_ref()), addresses(Some(list)));
    judge_distinct("service.sorry", &sorry, report);
    for address in &sorry {
        if let Some(server) = servers.iter().find(|server| server.value == address.value) {
            let (line, sorry) = (report.line(&server.span, &address.span), shown(address.value));
            report.error(
                &address.span,
                format!("service.sorry has {sorry}, which is in service.server on {line}"),
                "write another server, which serves when no server can, or take it out",
            );
        }
    }
    if list.value.len() > Service::MOST_SORRY {
        report.error(
            &list.span,
            format!("service.sorry has {} servers", list.value.len()),
            format!("a service takes {} at most", Service::MOST_SORRY),
        );
    }
    if list.value.is_empty() {
        report.warning(&list.span, "service.sorry is empty", "leave it out, or name a server");
    } else if list.value.iter().all(|server| server.weight == 0) {
        let remedy = "clients are refused when no server can serve, until one has 1 or more";
        report.warning(&list.span, "every sorry server of the service has weight 0", remedy);
    }
}

/// A server is another host that the private side can reach.
fn judge_server(
    key: &str,
    server: &At<SocketAddrV4>,
    public: Option<&RawInterface>,
    private: Option<&RawInterface>,
    report: &Report<'_>,
) {
    let address = *server.value.ip();
    if !wire::ipv4::is_forwardable(address) {
        let what = format!("{key} has {address}, {NOT_FORWARDED}");
        return report.error(&server.span, what, FORWARDED);
    }
    for side in [public, private].into_iter().flatten() {
        if let Some(which) = own(side, address) {
            report.error(
                &server.span,
                format!("{key} has {address}, {which} of this machine ({})", side.name),
                "write the address of a real server on the private side",
            );
            return;
        }
    }
    let Some(real) = private.and_then(|private| private.address.as_ref()) else { return };
    let network = real.value.network();
    if network.contains(address) {
        if !(Cidr { address, prefix: network.prefix }).is_host() {
            report.error(
                &server.span,
                format!("{key} has {address}, the own or broadcast address of {network}"),
                "write the address of a host",
            );
        }
    } else if !private.is_some_and(|private| routed(private, address)) || on_wire(public, address) {
        report.error(
            &server.span,
            format!(
                "{key} has {address}, which is neither in {network} nor behind a private.route"
            ),
            "write the address of a real server on the private side, or add a route to it",
        );
    }
}

fn on_wire(side: Option<&RawInterface>, address: Ipv4Addr) -> bool {
    let real = side.and_then(|side| side.address.as_ref());
    real.is_some_and(|real| real.value.contains(address))
}

fn routed(private: &RawInterface, address: Ipv4Addr) -> bool {
    let mut routes = private.routes.iter().filter_map(|route| route.to.as_ref());
    private.gateway.is_some() || routes.any(|to| to.value.contains(address))
}
