//! `[metrics]`.

use crate::document::{Table, value};
use crate::model::metrics::Metrics;

pub(super) fn read(table: Option<Table<'_>>) -> Metrics {
    let Some(table) = table else { return Metrics::default() };
    let Some(listen) = table.optional("listen", value::any_socket) else {
        return Metrics::default();
    };
    if !listen.value.ip().is_loopback() {
        table.report.warning(
            &listen.span,
            format!("metrics.listen is {}, which others can reach", listen.value),
            "everyone who can reach it reads the metrics, unencrypted; a firewall should say who",
        );
    }
    Metrics { listen: listen.value }
}
