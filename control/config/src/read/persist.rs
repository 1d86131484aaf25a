//! `persist` of a service.

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::document::{At, Table, value};
use crate::model::persist::Persist;

const TIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Persist::LONGEST;

/// Persistence with the place of its group's name.
pub(crate) struct RawPersist {
    pub(crate) group: Option<At<String>>,
    pub(crate) persist: Persist,
}

pub(super) fn read(table: Table<'_>) -> At<RawPersist> {
    let group = table.optional("group", value::name(63));
    let mut persist =
        Persist { group: group.as_ref().map(|at| at.value.clone()), ..Persist::default() };
    if let Some(timeout) = table.optional("timeout", value::time(TIMES)) {
        if timeout.value.subsec_nanos() != 0 {
            table.report.error(
                &timeout.span,
                format!("{} has a fraction of a second", table.path("timeout")),
                "write whole seconds, as in \"6m\"",
            );
        }
        persist.timeout = timeout.value;
    }
    if let Some(prefix) = table.optional("prefix", value::integer(1..=32)) {
        persist.prefix = prefix.value;
    }
    if let Some(keep) = table.optional("keep_on_drain", value::boolean) {
        persist.keep_on_drain = keep.value;
    }
    if let Some(over) = table.optional("over", value::boolean) {
        persist.over = over.value;
    }
    At { value: RawPersist { group, persist }, span: table.span() }
}
