//! The status page and the metrics each have a port of their own.

use std::net::SocketAddr;

use crate::document::Report;
use crate::model::metrics::Metrics;
use crate::read::RawStatus;

pub(super) fn judge(status: &RawStatus, metrics: Metrics, report: &Report<'_>) {
    let Some(listen) = &status.listen else { return };
    if overlap(listen.value, metrics.listen) {
        report.error(
            &listen.span,
            format!("status.listen is {}, where the metrics are served", listen.value),
            "give the page or metrics.listen another port",
        );
    }
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (address, beside) = (one.ip(), other.ip());
    let is_any = address.is_unspecified() || beside.is_unspecified();
    one.port() == other.port() && (address == beside || is_any)
}
