//! `[peer]`.

use core::ops::RangeInclusive;
use core::time::Duration;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::document::{At, Span, Table, duration, value};
use crate::model::peer::{Peer, Timing};
use crate::schema;

/// Below a few milliseconds the scheduler of a busy machine decides, not the network.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(5)..=Duration::from_secs(10);
const PREEMPT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
const GRACE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
const QUIET: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);

/// The other machine, typed.
pub(crate) struct RawPeer {
    pub(crate) span: Span,
    pub(crate) paths: Vec<RawPath>,
    pub(crate) key_file: Option<At<PathBuf>>,
    pub(crate) priority: u8,
    pub(crate) port: u16,
    pub(crate) timing: Timing,
    pub(crate) witness: Option<At<IpAddr>>,
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
        port: table.optional("port", value::integer(1..=65_535)).map_or(Peer::PORT, |at| at.value),
        timing: read_timing(&table),
        witness: table.optional("witness", value::any_address),
    }
}

fn read_timing(table: &Table<'_>) -> Timing {
    let mut timing = Timing::default();
    for (key, range, time) in [
        ("interval", INTERVALS, &mut timing.interval),
        ("dead", INTERVALS, &mut timing.dead),
        ("lease", INTERVALS, &mut timing.lease),
        ("grace", GRACE, &mut timing.grace),
        ("quiet", QUIET, &mut timing.quiet),
    ] {
        if let Some(given) = table.optional(key, value::time(range)) {
            *time = given.value;
        }
    }
    timing.preempt = table.optional("preempt", value::time(PREEMPT)).map(|at| at.value);
    judge_timing(table, timing);
    timing
}

/// A lease that outlives the dead interval leaves two machines active; a dead interval of
/// a heartbeat or two takes a lost packet for a lost machine.
fn judge_timing(table: &Table<'_>, timing: Timing) {
    let Timing { interval, dead, lease, .. } = timing;
    let at = |key| table.span_of(key);
    if dead < interval * 3 {
        let what = format!(
            "peer.dead is {}, less than three intervals of {}",
            duration::display(dead),
            duration::display(interval)
        );
        let remedy = format!("write at least \"{}\"", duration::display(interval * 3));
        table.report.error(&at("dead"), what, remedy);
    }
    if lease + interval > dead {
        let what = format!(
            "peer.lease is {}, and has to end an interval of {} before peer.dead, {}",
            duration::display(lease),
            duration::display(interval),
            duration::display(dead)
        );
        let most = dead.saturating_sub(interval);
        let remedy = format!("write at most \"{}\"", duration::display(most));
        table.report.error(&at("lease"), what, remedy);
    } else if lease < interval * 2 {
        let what = format!(
            "peer.lease is {}, less than two intervals of {}",
            duration::display(lease),
            duration::display(interval)
        );
        let remedy = format!("write at least \"{}\"", duration::display(interval * 2));
        table.report.error(&at("lease"), what, remedy);
    }
}

fn read_path(table: Table<'_>) -> RawPath {
    RawPath {
        local: table.required("local", value::any_address),
        remote: table.required("remote", value::any_address),
    }
}
