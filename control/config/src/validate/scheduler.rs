//! A service's scheduler judged against its options and its servers.

use crate::document::{At, Report};
use crate::model::service::{Scheduler, Service};
use crate::read::RawService;

/// Places of a Maglev table for each server, below which shares are uneven by more than 1 %.
const PLACES_A_SERVER: usize = 100;

pub(super) fn judge(service: &RawService, report: &Report<'_>) {
    judge_weights(service, report);
    judge_options(service, report);
    judge_strict(service, report);
    judge_table(service, report);
}

/// Weights that a scheduler takes no account of were meant for another one.
fn judge_weights(service: &RawService, report: &Report<'_>) {
    let (Some(servers), Some(weighted)) = (&service.servers, service.scheduler.weighted()) else {
        return;
    };
    if servers.value.iter().any(|server| server.weight > 1) {
        report.warning(
            &servers.span,
            format!("the scheduler \"{}\" takes no account of weights", service.scheduler),
            format!("write scheduler = \"{weighted}\", or leave the weights out"),
        );
    }
}

/// An option that the scheduler does not have is a mistake: it would do nothing.
fn judge_options(service: &RawService, report: &Report<'_>) {
    let kind = service.scheduler;
    let hash = &service.hash;
    let spans = [
        (hash.port.as_ref().map(|at| &at.span), "hash_port", kind.hashes_clients(), "sh or mh"),
        (hash.strict.as_ref().map(|at| &at.span), "strict", kind.is_hash(), "sh, dh or mh"),
        (hash.bound.as_ref().map(|at| &at.span), "bound", kind.is_hash(), "sh, dh or mh"),
        (hash.table_size.as_ref().map(|at| &at.span), "mh_size", kind == Scheduler::Maglev, "mh"),
    ];
    for (span, key, has, which) in spans {
        let Some(span) = span.filter(|_| !has) else { continue };
        report.error(
            span,
            format!("service.{key} does nothing with the scheduler \"{kind}\""),
            format!("take it out, or choose the scheduler {which}"),
        );
    }
}

fn judge_strict(service: &RawService, report: &Report<'_>) {
    let is_strict = service.hash.strict.as_ref().is_some_and(|at| at.value);
    let Some(At { value: bound @ 1.., span }) = &service.hash.bound else { return };
    if is_strict {
        report.error(
            span,
            format!("service.bound is {bound}, and service.strict keeps clients at their server"),
            "leave one of them out: a bound sends clients to another server",
        );
    }
}

fn judge_table(service: &RawService, report: &Report<'_>) {
    let Some(servers) = &service.servers else { return };
    let (count, size) = (servers.value.len(), service.hash.options().table_size);
    if service.scheduler != Scheduler::Maglev || count > Service::MOST_SERVERS {
        return;
    }
    if (size as usize) < PLACES_A_SERVER * count {
        let span = service.hash.table_size.as_ref().map_or(&servers.span, |at| &at.span);
        report.warning(
            span,
            format!("service.mh_size is {size}, less than 100 places for each of {count} servers"),
            "write a larger one, or shares are uneven by more than 1 %",
        );
    }
}
