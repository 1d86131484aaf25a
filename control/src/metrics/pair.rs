//! What tandem-control says of the pair.

use core::sync::atomic::{AtomicU64, Ordering};

use api::{LeaseStatus, Member, Pair, Path, SyncLink, SyncState};

use super::catalogue as all;
use super::page::Page;
use crate::measures::Measures;
use crate::role::pair_view::Numbers;
use crate::sync::Counts;

/// Writes the numbers of the role.
pub fn write(numbers: &Numbers, page: &mut Page) {
    let Numbers { pair, lease_status, damped, notices } = numbers;
    let labels = [pair.version.clone(), pair.own.name.clone()];
    page.gauges(all::CONTROL_INFO, [(labels, 1.0)]);
    page.gauge(all::CONTROL_UPTIME, pair.uptime_seconds as f64);
    page.gauge(all::TERM, pair.own.term as f64);
    page.flag(all::READY, pair.own.ready);
    page.gauge(all::DAMPED, damped.map_or(0.0, |left| left.as_secs_f64()));
    page.counter(all::TAKEOVERS, pair.takeovers);
    let notices = notices.iter().map(|(name, count)| ([(*name).to_owned()], *count));
    page.counters(all::NOTICES, notices);
    write_peer(pair, page);
    write_paths(&pair.paths, page);
    if let Some(lease_status) = lease_status {
        write_lease_status(lease_status, page);
    }
    let directions = [("sending", SyncLink::Sending), ("receiving", SyncLink::Receiving)];
    let links = directions.map(|(name, link)| ([name.to_owned()], one_if(pair.sync.link == link)));
    page.gauges(all::SYNC_LINK, links);
}

fn write_peer(pair: &Pair, page: &mut Page) {
    page.flag(all::PEER_UP, pair.paths.iter().any(|path| path.up));
    let differing = config::SECTIONS_OF_A_PAIR.map(|section| {
        let is_named = pair.differing.iter().any(|name| name == section);
        ([section.replace(' ', "_")], one_if(is_named))
    });
    page.gauges(all::CONFIGURATION_DIFFERS, differing);
    page.gauge(all::PAIR_WARNINGS, pair.warnings.len() as f64);
    let heard = pair.peer.as_ref().map(|peer| peer.role == api::Role::Active);
    let said = pair.not_understood.as_ref().and_then(|said| said.active);
    if let Some(is_active) = said.or(heard) {
        page.flag(all::PEER_ACTIVE, is_active);
    }
    if let Some(peer) = &pair.peer {
        page.flag(all::PEER_READY, peer.ready);
        let answering = peer.reach.each_ref().map(|reach| f64::from(reach.answering));
        page.gauges(all::PEER_NEXT_HOPS, by_side(answering));
        let timers = |member: &Member| (member.dead_millis, member.lease_millis);
        page.flag(all::PEER_TIMERS, timers(peer) != timers(&pair.own));
    }
    if let Some(silence) = pair.silence_millis {
        page.gauge(all::PEER_SILENCE, seconds(silence));
    }
}

fn write_paths(paths: &[Path], page: &mut Page) {
    let ends = |path: &Path| [path.local.clone(), path.remote.clone()];
    page.gauges(all::HEARTBEAT_UP, paths.iter().map(|path| (ends(path), one_if(path.up))));
    let silence = |path: &Path| Some((ends(path), seconds(path.silence_millis?)));
    page.gauges(all::HEARTBEAT_SILENCE, paths.iter().filter_map(silence));
    page.counters(all::HEARTBEAT_SENT, paths.iter().map(|path| (ends(path), path.sent)));
    page.counters(all::HEARTBEAT_RECEIVED, paths.iter().map(|path| (ends(path), path.received)));
    let refused = paths.iter().flat_map(|path| {
        path.refused.iter().map(|(reason, count)| {
            ([path.local.clone(), path.remote.clone(), reason.clone()], *count)
        })
    });
    page.counters(all::HEARTBEAT_REFUSED, refused);
}

fn write_lease_status(lease_status: &LeaseStatus, page: &mut Page) {
    page.counter(all::ANNOUNCEMENTS, lease_status.announcements);
    page.counter(all::CONFLICTS, lease_status.conflicts);
    let reach = |of: fn(&api::Reach) -> u16| {
        by_side(lease_status.reach.each_ref().map(|r| f64::from(of(r))))
    };
    page.gauges(all::NEXT_HOPS, reach(|reach| reach.asked));
    page.gauges(all::NEXT_HOPS_ANSWERING, reach(|reach| reach.answering));
    page.gauges(all::NIC_STUCK, by_side(lease_status.stuck.map(one_if)));
    let sync = &lease_status.sync;
    let states =
        [("off", SyncState::Off), ("bulk", SyncState::Bulk), ("following", SyncState::Following)];
    let states = states.map(|(name, state)| ([name.to_owned()], one_if(sync.state == state)));
    page.gauges(all::SYNC_STATE, states);
    page.flag(all::SYNC_COMPLETE, sync.complete);
    page.gauge(all::SYNC_LAG, sync.lag as f64);
    page.counter(all::SYNC_EVENTS, sync.events);
    page.counter(all::SYNC_OVERFLOWS, sync.overflows);
    page.counter(all::SYNC_MISMATCHES, sync.mismatches);
    page.counter(all::SYNC_REFUSED, sync.refused);
    page.gauge(all::SYNC_MISSING, sync.missing as f64);
    page.counter(all::SYNC_UNSERVED, sync.unserved);
    page.counter(all::SYNC_SWEPT, sync.swept);
}

/// Writes what is measured as it passes.
pub fn write_measures(measures: &Measures, page: &mut Page) {
    page.histograms::<&str, 0>(all::TICK_LATENESS, [([], &measures.lateness)]);
    page.histograms::<&str, 0>(all::ORDER, [([], &measures.answers)]);
    page.histograms(
        all::HEARTBEAT_GAP,
        measures.gaps.iter().map(|(ends, gap)| (ends.each_ref(), gap)),
    );
}

/// Writes what happened to connections between the machines.
pub fn write_counts(counts: &Counts, page: &mut Page) {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    page.counter(all::SYNC_STREAMS, read(&counts.streams));
    page.counter(all::SYNC_SENT, read(&counts.sent));
    page.counter(all::SYNC_RECEIVED, read(&counts.received));
    let refused = [
        ("address", &counts.refused_address),
        ("busy", &counts.refused_busy),
        ("handshake", &counts.refused_handshake),
        ("version", &counts.refused_version),
    ];
    let refused = refused.map(|(reason, counter)| ([reason.to_owned()], read(counter)));
    page.counters(all::SYNC_CONNECTIONS, refused);
}

fn by_side(values: [f64; 2]) -> impl Iterator<Item = ([String; 1], f64)> {
    ["public", "private"].into_iter().map(|side| [side.to_owned()]).zip(values)
}

fn one_if(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
