//! Limits of connections.

use crate::document::Report;
use crate::model::service::WhenFull;
use crate::read::{RawLimit, RawService};

pub(super) fn judge(service: &RawService, report: &Report<'_>) {
    judge_limit("service", &service.limit, report);
    let servers = service.servers.iter().flat_map(|list| &list.value);
    let mut is_limited = service.limit.most.is_some();
    for server in servers {
        judge_limit("service.server", &server.limit, report);
        is_limited |= server.limit.most.is_some();
    }
    let Some(when_full) = &service.when_full else { return };
    let has_sorry = service.sorry.as_ref().is_some_and(|list| !list.value.is_empty());
    if !is_limited {
        report.warning(
            &when_full.span,
            "service.when_full is given, and neither the service nor a server has max_connections",
            "add max_connections, or take it out",
        );
    } else if when_full.value == WhenFull::Sorry && !has_sorry {
        report.error(
            &when_full.span,
            "service.when_full is \"sorry\", and the service has no sorry server",
            "add one, as in sorry = [{ address = \"10.0.0.21:80\" }], or write \"refuse\"",
        );
    }
}

fn judge_limit(key: &str, limit: &RawLimit, report: &Report<'_>) {
    let Some(resume_below) = &limit.resume_below else { return };
    match &limit.most {
        None => report.error(
            &resume_below.span,
            format!("{key}.resume_below is given without max_connections"),
            "add max_connections, or take it out",
        ),
        Some(most) if resume_below.value > most.value => report.error(
            &resume_below.span,
            format!("{key}.resume_below is {}, above max_connections", resume_below.value),
            format!("write at most {}: there can't be more to go below", most.value),
        ),
        Some(_) => {}
    }
}
