//! `[[masquerade]]`.

use std::net::Ipv4Addr;

use super::service::connections;
use crate::document::{At, Table, value};
use crate::model::masquerade::PortRange;
use wire::Cidr;

/// One rule, typed.
pub(crate) struct RawMasquerade {
    pub(crate) source: Vec<At<Cidr<Ipv4Addr>>>,
    pub(crate) address: Option<At<Ipv4Addr>>,
    pub(crate) ports: PortRange,
    pub(crate) most: Option<At<u32>>,
    pub(crate) reserved: Option<At<u32>>,
}

pub(super) fn read(table: Table<'_>) -> RawMasquerade {
    table.expect("source");
    let source = table.list("source", value::network);
    if let Some(none) = source.as_ref().filter(|_| table.is_empty("source")) {
        table.report.error(
            &none.span,
            "masquerade.source has no network",
            "write the private networks that the rule is for, as in source = [\"10.0.0.0/24\"]",
        );
    }
    let ports = table.optional("ports", value::range(1..=65_535, "1024-65535"));
    RawMasquerade {
        source: source.map_or(Vec::new(), |source| source.value),
        address: table.required("address", value::address),
        ports: ports.map_or(PortRange::default(), |ports| {
            let (first, last) = ports.value;
            PortRange { first, last }
        }),
        most: table.optional("max_connections", connections()),
        reserved: table.optional("reserved_connections", connections()),
    }
}
