//! Servers without a port, which serve each client on the port that it asked for.

use super::listen::listens;
use super::service::named;
use crate::document::{At, Report};
use crate::model::check::{Check, CheckKind};
use crate::read::{RawServer, RawService};

pub(super) fn judge(service: &RawService, report: &Report<'_>) {
    if service.listens.is_none() {
        return;
    }
    if !listens(service).iter().any(|one| one.value.first < one.value.last) {
        for (key, address) in named(service).filter(|(_, address)| address.value.port() == 0) {
            let address = At { value: *address.value.ip(), span: address.span.clone() };
            report.error(
                &address.span,
                format!("{key}.address is \"{}\", without a port", address.value),
                format!(
                    "add it, as in \"{}:80\"; only servers of a service that listens on a range of \
                     ports have none",
                    address.value
                ),
            );
        }
        return;
    }
    judge_checks(service, report);
}

/// A check of such a server has to say which port it asks.
fn judge_checks(service: &RawService, report: &Report<'_>) {
    let lists = [&service.servers, &service.sorry].into_iter().flatten();
    let servers = lists.flat_map(|list| &list.value);
    let mut is_said = false;
    for server in servers.filter(|server| has_no_port(server)) {
        let own = server.checks.as_ref();
        let Some(checks) = own.or(service.checks.as_ref()) else { continue };
        let Some(check) = checks.value.iter().find(|check| asks_its_port(check)) else { continue };
        // Those of the service are one mistake.
        if own.is_none() && is_said {
            continue;
        }
        is_said |= own.is_none();
        let address = server.address.as_ref().map(|at| at.value.ip().to_string());
        report.error(
            &checks.span,
            format!(
                "service.check of kind {} has no port, nor has the server {}",
                check.kind.name(),
                address.unwrap_or_default()
            ),
            "say which one is asked, as in port = 50000",
        );
    }
}

fn has_no_port(server: &RawServer) -> bool {
    server.address.as_ref().is_some_and(|address| address.value.port() == 0)
}

fn asks_its_port(check: &Check) -> bool {
    let needs_one = match check.kind {
        CheckKind::Ping | CheckKind::Exec(_) | CheckKind::File { .. } => false,
        CheckKind::Tcp(_) | CheckKind::Http(_) | CheckKind::Dns(_) | CheckKind::Udp { .. } => true,
    };
    needs_one && check.port.is_none()
}
