//! Where services listen, judged against the public side and each other.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::masquerade::judge_floating;
use crate::document::{At, Report};
use crate::model::listen::Listen;
use crate::model::service::{Protocol, Service};
use crate::read::{RawInterface, RawService};

/// Where services before listen, by the first port of each.
#[derive(Default)]
pub(super) struct Taken<'r>(BTreeMap<(Ipv4Addr, Protocol, u16), &'r At<Listen>>);

impl<'r> Taken<'r> {
    /// The first protocol of the service for which somebody has one of these ports already, and
    /// where that is written.
    fn find(&self, service: &RawService, listen: &Listen) -> Option<(Protocol, &'r At<Listen>)> {
        let Listen { address, last, .. } = *listen;
        protocols(service).iter().find_map(|protocol| {
            // What is here does not overlap, so only the last one that begins before can.
            let key = |port| (address, protocol.value, port);
            let (_, before) = self.0.range(key(0)..=key(last)).next_back()?;
            before.value.overlaps(listen).then_some((protocol.value, *before))
        })
    }

    fn add(&mut self, service: &'r RawService) {
        for listen in listens(service) {
            if self.find(service, &listen.value).is_some() {
                continue;
            }
            let Listen { address, first, .. } = listen.value;
            for protocol in protocols(service) {
                self.0.insert((address, protocol.value, first), listen);
            }
        }
    }
}

pub(super) fn judge<'r>(
    service: &'r RawService,
    taken: &mut Taken<'r>,
    public: Option<&RawInterface>,
    report: &Report<'_>,
) {
    judge_distinct(service, report);
    judge_one_packet(service, report);
    for listen in listens(service) {
        if let Some((protocol, first)) = taken.find(service, &listen.value) {
            let line = report.line(&first.span, &listen.span);
            let what = match first.value == listen.value {
                true => format!("as that on {line}"),
                false => format!("which has ports of {} on {line}", first.value),
            };
            report.error(
                &listen.span,
                format!("service.listen is {} for {protocol}, {what}", listen.value),
                "give each service its own address, port or protocol, or write one with all servers",
            );
        }
        if let Some(public) = public {
            let address = At { value: listen.value.address, span: listen.span.clone() };
            judge_floating("service.listen", &address, public, report);
        }
    }
    taken.add(service);
}

pub(super) fn listens(service: &RawService) -> &[At<Listen>] {
    service.listens.as_ref().map_or(&[], |list| &list.value)
}

fn protocols(service: &RawService) -> &[At<Protocol>] {
    service.protocols.as_ref().map_or(&[], |list| &list.value)
}

/// A list names each thing once.
fn judge_distinct(service: &RawService, report: &Report<'_>) {
    let listens = listens(service);
    for (index, listen) in listens.iter().enumerate() {
        let mut earlier = listens.iter().take(index);
        if let Some(first) = earlier.find(|first| first.value.overlaps(&listen.value)) {
            let (line, value) = (report.line(&first.span, &listen.span), listen.value);
            let what = match first.value == value {
                true => format!("service.listen has {value} twice (first on {line})"),
                false => {
                    format!("service.listen has {value}, with ports of {} on {line}", first.value)
                }
            };
            report.error(&listen.span, what, "keep one of them");
        }
    }
    let protocols = protocols(service);
    for (index, protocol) in protocols.iter().enumerate() {
        if protocols.iter().take(index).any(|first| first.value == protocol.value) {
            let what = format!("service.protocol has \"{}\" twice", protocol.value);
            report.error(&protocol.span, what, "keep one of them");
        }
    }
    if let Some(list) = service.listens.as_ref().filter(|_| listens.len() > Service::MOST_LISTENS) {
        report.error(
            &list.span,
            format!("service.listen has {} entries", listens.len()),
            format!("a service takes {} at most", Service::MOST_LISTENS),
        );
    }
}

/// Only datagrams stand by themselves.
fn judge_one_packet(service: &RawService, report: &Report<'_>) {
    let Some(one_packet) = service.one_packet.as_ref().filter(|at| at.value) else { return };
    if protocols(service).iter().any(|protocol| protocol.value == Protocol::Tcp) {
        report.error(
            &one_packet.span,
            "service.one_packet is true for tcp, whose packets belong together",
            "take it out, or write a service for udp alone",
        );
    }
}
