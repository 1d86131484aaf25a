//! One section each, from its table to typed values. What a section can judge by
//! itself is judged here; what takes two sections is left to `validate`.

mod check;
mod hook;
mod interface;
mod masquerade;
mod metrics;
mod node;
mod peer;
mod persist;
mod pool;
mod service;
mod sources;
mod status;
mod timeouts;

pub(crate) use hook::RawHook;
pub(crate) use interface::{RawInterface, RawNeighbour, RawRoute};
pub(crate) use masquerade::RawMasquerade;
pub(crate) use node::RawNode;
pub(crate) use peer::{RawPath, RawPeer};
pub(crate) use persist::RawPersist;
pub(crate) use pool::RawPool;
pub(crate) use service::{RawLimit, RawServer, RawService};
pub(crate) use status::RawStatus;

use crate::document::{Span, Table};
use crate::model::metrics::Metrics;
use crate::model::sources::SourceLimits;
use crate::model::timeouts::Timeouts;
use crate::schema;

/// The whole file, each value typed; not yet judged as a whole. None stands where
/// something is missing or wrong, which has been reported.
pub(crate) struct Raw {
    pub(crate) node: Option<RawNode>,
    pub(crate) public: Option<RawInterface>,
    pub(crate) private: Option<RawInterface>,
    pub(crate) peer: Option<RawPeer>,
    pub(crate) metrics: Metrics,
    pub(crate) status: RawStatus,
    pub(crate) masquerade: Vec<RawMasquerade>,
    pub(crate) services: Vec<RawService>,
    pub(crate) timeouts: Timeouts,
    pub(crate) sources: SourceLimits,
    pub(crate) hooks: Vec<RawHook>,
}

impl Raw {
    pub(crate) fn read(file: Table<'_>) -> Self {
        ["node", "public", "private"].into_iter().for_each(|section| file.expect(section));
        let rules = file.tables("masquerade", &schema::MASQUERADE);
        let hooks = file.tables("hook", &schema::HOOK);
        let services = file.tables("service", &schema::SERVICE);
        Raw {
            node: file.table("node", &schema::NODE).and_then(node::read),
            public: file.table("public", &schema::PUBLIC).map(interface::read_public),
            private: file.table("private", &schema::PRIVATE).map(interface::read_private),
            peer: file.table("peer", &schema::PEER).map(peer::read),
            metrics: metrics::read(file.table("metrics", &schema::METRICS)),
            status: status::read(file.table("status", &schema::STATUS)),
            masquerade: rules.map_or(Vec::new(), |rules| {
                rules.value.into_iter().map(masquerade::read).collect()
            }),
            services: services.map_or(Vec::new(), |services| {
                services.value.into_iter().map(service::read).collect()
            }),
            timeouts: timeouts::read(file.table("timeouts", &schema::TIMEOUTS)),
            sources: sources::read(file.table("sources", &schema::SOURCES)),
            hooks: hooks
                .map_or(Vec::new(), |hooks| hooks.value.into_iter().map(hook::read).collect()),
        }
    }
}

/// Reads a service that is none, for its mistakes.
pub(crate) fn probe_service(table: Table<'_>) {
    let _ = service::read(table);
}

/// Reports every entry that stands in the list before.
pub(crate) fn distinct<T: PartialEq>(
    table: &Table<'_>,
    key: &str,
    entries: &[(T, Span)],
    show: impl Fn(&T) -> String,
) {
    for (index, (entry, span)) in entries.iter().enumerate() {
        let mut before = entries.iter().take(index);
        if let Some((_, first)) = before.find(|(other, _)| other == entry) {
            let line = table.report.line(first, span);
            table.report.error(
                span,
                format!("{} has {} twice (first on {line})", table.path(key), show(entry)),
                "keep one of them",
            );
        }
    }
}
