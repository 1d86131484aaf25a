//! The peer judged against both sides.

use std::net::IpAddr;

use super::interface::own;
use crate::document::{At, Report};
use crate::read::{RawInterface, RawPath, RawPeer};

pub(super) fn judge(peer: &RawPeer, sides: &[&Option<RawInterface>; 2], report: &Report<'_>) {
    if let [only] = &peer.paths[..] {
        report.warning(
            only.local.as_ref().map_or(&peer.span, |local| &local.span),
            "peer.paths has a single path",
            "when it breaks both machines become active; write one for each NIC, and one for a \
             direct link",
        );
    }
    for (index, path) in peer.paths.iter().enumerate() {
        judge_path(path, report);
        judge_ends(path, sides, report);
        judge_twin(path, peer.paths.get(..index).unwrap_or_default(), report);
    }
}

fn judge_twin(path: &RawPath, before: &[RawPath], report: &Report<'_>) {
    let (Some(local), Some(remote)) = (&path.local, &path.remote) else { return };
    let first = before.iter().find(|first| ends(first) == ends(path));
    if let Some(first) = first.and_then(|first| first.local.as_ref()) {
        let line = report.line(&first.span, &local.span);
        let (local_end, remote_end) = (local.value, remote.value);
        report.error(
            &local.span,
            format!("peer.paths has {local_end} to {remote_end} twice (first on {line})"),
            "keep one of them",
        );
    }
}

fn ends(path: &RawPath) -> (Option<IpAddr>, Option<IpAddr>) {
    let bare = |at: &Option<At<IpAddr>>| at.as_ref().map(|at| at.value);
    (bare(&path.local), bare(&path.remote))
}

fn judge_path(path: &RawPath, report: &Report<'_>) {
    let (Some(local), Some(remote)) = (&path.local, &path.remote) else { return };
    if local.value == remote.value {
        let what = format!("peer.paths has {} at both ends", local.value);
        report.error(&remote.span, what, "write the peer's own address as remote");
    } else if local.value.is_ipv4() != remote.value.is_ipv4() {
        let what = format!("peer.paths has {} and {}, of two families", local.value, remote.value);
        report.error(&remote.span, what, "write both IPv4 or both IPv6");
    }
}

/// Heartbeats come from and go to addresses that never move.
fn judge_ends(path: &RawPath, sides: &[&Option<RawInterface>; 2], report: &Report<'_>) {
    let which = |end: &At<IpAddr>| match end.value {
        IpAddr::V4(address) => sides.iter().copied().flatten().find_map(|side| own(side, address)),
        IpAddr::V6(_) => None,
    };
    let local = path.local.as_ref();
    if let Some(local) = local.filter(|local| which(local) == Some("a floating address")) {
        report.error(
            &local.span,
            format!("peer.paths.local is {}, a floating address", local.value),
            "write a real address: a floating one moves away when the role does",
        );
    }
    let (local, _) = ends(path);
    // The same address at both ends is another mistake, reported as such.
    let remote = path.remote.as_ref().filter(|remote| local != Some(remote.value));
    if let Some((remote, which)) = remote.and_then(|remote| Some((remote, which(remote)?))) {
        report.error(
            &remote.span,
            format!("peer.paths.remote is {}, {which} of this machine", remote.value),
            "write the peer's real address",
        );
    }
}
