//! One side judged by itself.

use std::net::Ipv4Addr;

use crate::document::{At, Report, Span};
use crate::read::{RawInterface, RawNeighbour, RawRoute};
use wire::Cidr;

/// What is wrong with an address that RFC 6890 says is not forwarded, and what is right.
pub(super) const NOT_FORWARDED: &str = "from and to which nothing is forwarded (RFC 6890)";
pub(super) const FORWARDED: &str = "write an ordinary address, such as one of a private network";

pub(super) fn judge(side: &RawInterface, report: &Report<'_>) {
    judge_mss(side, report);
    judge_twins(side, report);
    let Some(address) = &side.address else { return };
    judge_floating(side, address, report);
    judge_gateway(side, address, report);
    side.routes.iter().for_each(|route| judge_route(side, route, address.value, report));
    side.neighbours.iter().for_each(|entry| judge_neighbour(side, entry, address.value, report));
}

/// Which of the side's own addresses this is, in words.
pub(super) fn own(side: &RawInterface, address: Ipv4Addr) -> Option<&'static str> {
    if side.address.as_ref().is_some_and(|own| own.value.address == address) {
        return Some("the real address");
    }
    let floating = side.floating.iter().any(|own| own.value.address == address);
    floating.then_some("a floating address")
}

fn judge_floating(side: &RawInterface, real: &At<Cidr<Ipv4Addr>>, report: &Report<'_>) {
    let (name, network) = (side.name, real.value.network());
    for At { value: floating, span } in &side.floating {
        let address = floating.address;
        if !wire::ipv4::is_forwardable(address) {
            report.error(
                span,
                format!("{name}.floating has {address}, {}", NOT_FORWARDED),
                FORWARDED,
            );
            continue;
        }
        if address == real.value.address {
            report.error(
                span,
                format!("{name}.floating has {address}, which is {name}.address"),
                "a real address never moves: write another of the network",
            );
        } else if network.contains(address) && ![32, network.prefix].contains(&floating.prefix) {
            report.error(
                span,
                format!("{name}.floating has {floating}, in the network {network}"),
                format!("write it with that network's prefix: \"{address}/{}\"", network.prefix),
            );
        } else if !network.contains(address) && floating.prefix != 32 {
            report.error(
                span,
                format!("{name}.floating has {floating}, outside the network {network}"),
                format!(
                    "write an address of that network, or \"{address}/32\" if a router sends it here"
                ),
            );
        }
    }
}

fn judge_twins(side: &RawInterface, report: &Report<'_>) {
    let name = side.name;
    let floating = side.floating.iter().map(|at| (at.value.address, &at.span));
    twins(floating.collect(), &format!("{name}.floating"), report);
    let routes = side.routes.iter().filter_map(|route| route.to.as_ref());
    twins(routes.map(|to| (to.value, &to.span)).collect(), &format!("{name}.route.to"), report);
    let neighbours = side.neighbours.iter().filter_map(|entry| entry.address.as_ref());
    let neighbours = neighbours.map(|at| (at.value, &at.span)).collect();
    twins(neighbours, &format!("{name}.neighbour.address"), report);
}

fn twins<T: PartialEq + core::fmt::Display>(
    entries: Vec<(T, &Span)>,
    path: &str,
    report: &Report<'_>,
) {
    for (index, (entry, span)) in entries.iter().enumerate() {
        let mut before = entries.iter().take(index);
        if let Some((_, first)) = before.find(|(other, _)| other == entry) {
            let line = report.line(first, span);
            let what = format!("{path} has {entry} twice (first on {line})");
            report.error(span, what, "keep one of them");
        }
    }
}

fn judge_gateway(side: &RawInterface, real: &At<Cidr<Ipv4Addr>>, report: &Report<'_>) {
    let Some(gateway) = &side.gateway else {
        if side.name == "public" && side.routes.is_empty() {
            report.warning(
                &side.span,
                "public.gateway is missing",
                format!("clients outside {} get no answer without it", real.value.network()),
            );
        }
        return;
    };
    judge_next_hop(side, "gateway", gateway, real.value, report);
}

/// A next hop is another host on the side's own wire.
fn judge_next_hop(
    side: &RawInterface,
    key: &str,
    hop: &At<Ipv4Addr>,
    real: Cidr<Ipv4Addr>,
    report: &Report<'_>,
) {
    let (name, network, address) = (side.name, real.network(), hop.value);
    if let Some(which) = own(side, address) {
        report.error(
            &hop.span,
            format!("{name}.{key} is {address}, {which} of this machine"),
            "write the address of the router on that network",
        );
    } else if !network.contains(address) {
        report.error(
            &hop.span,
            format!("{name}.{key} is {address}, outside the network {network} of {name}.address"),
            "write an address of that network",
        );
    } else if !(Cidr { address, prefix: network.prefix }).is_host() {
        report.error(
            &hop.span,
            format!("{name}.{key} is {address}, the network's own or its broadcast address"),
            "write the address of a host",
        );
    }
}

fn judge_route(side: &RawInterface, route: &RawRoute, real: Cidr<Ipv4Addr>, report: &Report<'_>) {
    if let Some(via) = &route.via {
        judge_next_hop(side, "route.via", via, real, report);
    }
    let Some(At { value: to, span }) = &route.to else { return };
    let (name, network) = (side.name, real.network());
    if to.prefix == 0 {
        report.error(
            span,
            format!("{name}.route.to is {to}, every address"),
            format!("write the next hop as {name}.gateway"),
        );
    } else if network.covers(*to) {
        report.error(
            span,
            format!("{name}.route.to is {to}, in the network {network} on the wire itself"),
            "take the route out: these hosts are reached directly",
        );
    }
}

fn judge_neighbour(
    side: &RawInterface,
    entry: &RawNeighbour,
    real: Cidr<Ipv4Addr>,
    report: &Report<'_>,
) {
    if let Some(address) = &entry.address {
        judge_next_hop(side, "neighbour.address", address, real, report);
    }
}

fn judge_mss(side: &RawInterface, report: &Report<'_>) {
    // An IPv4 and a TCP header without options.
    let most = side.mtu.saturating_sub(40);
    let Some(clamp) = side.mss_clamp.as_ref().filter(|clamp| clamp.value > most) else { return };
    report.error(
        &clamp.span,
        format!("{0}.mss_clamp is {1}, more than {0}.mtu allows", side.name, clamp.value),
        format!("write at most {most}: the mtu less 40 bytes of headers"),
    );
}
