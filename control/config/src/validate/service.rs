//! Services judged against the sides and each other.

use std::net::{Ipv4Addr, SocketAddrV4};

use wire::Cidr;

use super::interface::{FORWARDED, NOT_FORWARDED, own};
use super::masquerade::judge_floating;
use crate::document::{At, Report};
use crate::model::service::Service;
use crate::read::{RawInterface, RawService};

pub(super) fn judge(
    services: &[RawService],
    public: Option<&RawInterface>,
    private: Option<&RawInterface>,
    report: &Report<'_>,
) {
    for (index, service) in services.iter().enumerate() {
        let before = services.get(..index).unwrap_or_default();
        judge_name(service, before, report);
        judge_listen(service, before, report);
        if let (Some(listen), Some(public)) = (&service.listen, public) {
            let address = At { value: *listen.value.ip(), span: listen.span.clone() };
            judge_floating("service.listen", &address, public, report);
        }
        judge_servers(service, report);
        for address in addresses(service) {
            judge_server(address, public, private, report);
        }
        if let Some(check) = &service.check {
            report.warning(
                &check.span,
                "service.check is not carried out by this version",
                "its servers are taken to be well; drain one with weight = 0",
            );
        }
    }
}

fn addresses(service: &RawService) -> Vec<&At<SocketAddrV4>> {
    let servers = service.servers.iter().flat_map(|servers| &servers.value);
    servers.filter_map(|server| server.address.as_ref()).collect()
}

fn judge_name(service: &RawService, before: &[RawService], report: &Report<'_>) {
    let Some(name) = &service.name else { return };
    let mut names = before.iter().filter_map(|service| service.name.as_ref());
    if let Some(first) = names.find(|first| first.value == name.value) {
        let line = report.line(&first.span, &name.span);
        report.error(
            &name.span,
            format!("service.name is \"{}\", as that on {line}", name.value),
            "give each service its own name",
        );
    }
}

fn judge_listen(service: &RawService, before: &[RawService], report: &Report<'_>) {
    let (Some(listen), Some(protocol)) = (&service.listen, &service.protocol) else { return };
    let same = |other: &&RawService| {
        let listens = other.listen.as_ref().map(|at| at.value) == Some(listen.value);
        listens && other.protocol.as_ref().map(|at| at.value) == Some(protocol.value)
    };
    if let Some(first) = before.iter().find(same).and_then(|first| first.listen.as_ref()) {
        let line = report.line(&first.span, &listen.span);
        report.error(
            &listen.span,
            format!("service.listen is {} for {}, as that on {line}", listen.value, protocol.value),
            "give each service its own address, port or protocol, or write one with all servers",
        );
    }
}

fn judge_servers(service: &RawService, report: &Report<'_>) {
    let addresses = addresses(service);
    for (index, address) in addresses.iter().enumerate() {
        let mut before = addresses.iter().take(index);
        if let Some(first) = before.find(|first| first.value == address.value) {
            let (line, server) = (report.line(&first.span, &address.span), address.value);
            report.error(
                &address.span,
                format!("service.server has {server} twice (first on {line})"),
                "keep one of them; a larger weight gives it a larger share",
            );
        }
    }
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
    } else if let Some(weighted) = service.scheduler.weighted() {
        if servers.value.iter().any(|server| server.weight > 1) {
            report.warning(
                &servers.span,
                format!("the scheduler \"{}\" takes no account of weights", service.scheduler),
                format!("write scheduler = \"{weighted}\", or leave the weights out"),
            );
        }
    }
}

/// A server is another host that the private side can reach.
fn judge_server(
    server: &At<SocketAddrV4>,
    public: Option<&RawInterface>,
    private: Option<&RawInterface>,
    report: &Report<'_>,
) {
    let address = *server.value.ip();
    if !wire::ipv4::is_forwardable(address) {
        let what = format!("service.server has {address}, {NOT_FORWARDED}");
        return report.error(&server.span, what, FORWARDED);
    }
    for side in [public, private].into_iter().flatten() {
        if let Some(which) = own(side, address) {
            report.error(
                &server.span,
                format!("service.server has {address}, {which} of this machine ({})", side.name),
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
                format!("service.server has {address}, the own or broadcast address of {network}"),
                "write the address of a host",
            );
        }
    } else if !private.is_some_and(|private| routed(private, address)) || on_wire(public, address) {
        report.error(
            &server.span,
            format!("service.server has {address}, which is neither in {network} nor behind a private.route"),
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
