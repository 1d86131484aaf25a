//! `[peer]`.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::document::{At, Span, Table, value};
use crate::schema;

/// The other machine, typed.
pub(crate) struct RawPeer {
    pub(crate) span: Span,
    pub(crate) paths: Vec<RawPath>,
    pub(crate) key_file: Option<At<PathBuf>>,
    pub(crate) priority: u8,
}

pub(crate) struct RawPath {
    pub(crate) local: Option<At<IpAddr>>,
    pub(crate) remote: Option<At<IpAddr>>,
}

pub(super) fn read(table: Table<'_>) -> RawPeer {
    table.expect("paths");
    let paths = table.tables("paths", &schema::PEER_PATH);
    if let Some(none) = paths.as_ref().filter(|_| table.is_empty("paths")) {
        table.report.error(
            &none.span,
            "peer.paths has no path",
            "write at least one, as in paths = [{ local = \"10.0.0.2\", remote = \"10.0.0.3\" }]",
        );
    }
    RawPeer {
        span: table.span(),
        paths: paths.map_or(Vec::new(), |paths| paths.value.into_iter().map(read_path).collect()),
        key_file: table.required("key_file", value::path),
        priority: table.optional("priority", value::integer(1..=255)).map_or(100, |at| at.value),
    }
}

fn read_path(table: Table<'_>) -> RawPath {
    RawPath {
        local: table.required("local", value::any_address),
        remote: table.required("remote", value::any_address),
    }
}
