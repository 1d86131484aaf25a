//! Masquerade rules judged against the sides and each other.

use std::net::Ipv4Addr;

use crate::document::{At, Report};
use crate::read::{RawInterface, RawMasquerade};
use wire::Cidr;

pub(super) fn judge(
    rules: &[RawMasquerade],
    public: &RawInterface,
    private: &RawInterface,
    report: &Report<'_>,
) {
    let mut before: Vec<&At<Cidr<Ipv4Addr>>> = Vec::new();
    for rule in rules {
        if let Some(address) = &rule.address {
            judge_floating("masquerade.address", address, public, report);
        }
        for source in &rule.source {
            judge_source(source, public, private, report);
            if let Some(wider) = before.iter().find(|wider| wider.value.covers(source.value)) {
                report.error(
                    &source.span,
                    format!(
                        "masquerade.source has {}, which {} on {} takes already",
                        source.value,
                        wider.value,
                        report.line(&wider.span, &source.span)
                    ),
                    "the first rule that matches is taken: put the narrower one first, or take it out",
                );
            }
            before.push(source);
        }
    }
}

/// An address that traffic comes to must be a floating one of the public side.
pub(super) fn judge_floating(
    path: &str,
    address: &At<Ipv4Addr>,
    public: &RawInterface,
    report: &Report<'_>,
) {
    let floating = || public.floating.iter().map(|at| at.value.address);
    if floating().any(|floating| floating == address.value) {
        return;
    }
    let listed: Vec<String> = floating().map(|address| address.to_string()).collect();
    let remedy = if listed.is_empty() {
        format!("add it there, as in floating = [\"{}/24\"]", address.value)
    } else {
        format!("write one of {}, or add it there", listed.join(", "))
    };
    let what = format!("{path} is {}, which is not in public.floating", address.value);
    report.error(&address.span, what, remedy);
}

fn judge_source(
    source: &At<Cidr<Ipv4Addr>>,
    public: &RawInterface,
    private: &RawInterface,
    report: &Report<'_>,
) {
    let network = public.address.as_ref().map(|at| at.value.network());
    if let Some(network) =
        network.filter(|network| network.overlaps(source.value) && source.value.prefix > 0)
    {
        report.error(
            &source.span,
            format!(
                "masquerade.source has {}, which overlaps the public network {network}",
                source.value
            ),
            "only private hosts are masqueraded: write private networks",
        );
    } else if private.gateway.is_none() && !reaches(private, source.value) {
        report.error(
            &source.span,
            format!("masquerade.source has {}, to which no private route leads", source.value),
            "write the private network or one behind a private.route, or add that route",
        );
    }
}

/// True when some of the network is on the private wire or behind a route there; also
/// when it is not known what is on the wire.
fn reaches(private: &RawInterface, source: Cidr<Ipv4Addr>) -> bool {
    let Some(address) = &private.address else { return true };
    let mut routes = private.routes.iter().filter_map(|route| route.to.as_ref());
    address.value.overlaps(source) || routes.any(|to| to.value.overlaps(source))
}
