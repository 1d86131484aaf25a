//! `[sources]`.

use crate::document::{Table, value};
use crate::model::sources::{Quota, SourceLimits};
use crate::schema;

pub(super) fn read(table: Option<Table<'_>>) -> SourceLimits {
    let mut limits = SourceLimits::default();
    let Some(table) = table else { return limits };
    if let Some(allow) = table.list("allow", value::network) {
        if allow.value.len() > SourceLimits::MOST_ALLOWED {
            table.report.error(
                &allow.span,
                format!(
                    "sources.allow has {} networks, and at most {} are allowed",
                    allow.value.len(),
                    SourceLimits::MOST_ALLOWED
                ),
                "write wider networks: every new connection is compared with each of them",
            );
        }
        limits.allow = allow.value.into_iter().map(|at| at.value).collect();
    }
    if let Some(client) = table.table("client", &schema::SOURCES_CLIENT) {
        limits.client = quota(&client);
    }
    if let Some(network) = table.table("network", &schema::SOURCES_NETWORK) {
        limits.network = quota(&network);
        warn_of_few(&network, &limits.network);
        if let Some(prefix) = network.optional("prefix", value::integer(8..=32)) {
            limits.prefix = prefix.value;
        }
    }
    if let Some(host) = table.table("host", &schema::SOURCES_HOST) {
        limits.host = quota(&host);
        warn_of_few(&host, &limits.host);
    }
    limits
}

fn quota(table: &Table<'_>) -> Quota {
    let most = |key, most| table.optional(key, value::integer(1..=most)).map(|at| at.value);
    let quota = Quota {
        connections: most("connections", 1_000_000_000),
        half_open: most("half_open", 1_000_000_000),
        new_per_second: most("new_per_second", 1_000_000),
    };
    let keys = schema::SOURCES_CLIENT.keys;
    if keys.iter().all(|key| !table.has(key.name)) {
        let section = table.path("");
        table.report.warning(
            &table.span(),
            format!("[{}] limits nothing", section.trim_end_matches('.')),
            "write connections, half_open or new_per_second, or take the section out",
        );
    }
    if let (Some(all), Some(half_open)) = (quota.connections, quota.half_open) {
        if half_open > all {
            table.report.warning(
                &table.span_of("half_open"),
                format!(
                    "{} is more than connections, {all}, and limits nothing",
                    table.path("half_open")
                ),
                format!("write less than {all}, or take it out"),
            );
        }
    }
    quota
}

/// Counts of networks and hosts may be a little too high, so a low limit is reached too soon.
fn warn_of_few(table: &Table<'_>, quota: &Quota) {
    const FEW: u32 = 100;
    let given = [
        ("connections", quota.connections),
        ("half_open", quota.half_open),
        ("new_per_second", quota.new_per_second),
    ];
    for (key, most) in given {
        if most.is_some_and(|most| most < FEW) {
            table.report.warning(
                &table.span_of(key),
                format!("{} is less than {FEW}", table.path(key)),
                "counters are shared by several sources here, and some would be refused that have \
                 less: write 100 or more",
            );
        }
    }
}
