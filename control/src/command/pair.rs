//! The pair, as `tandem status` shows it below the dataplane.

use std::io::{self, Write};

use api::{Change, Member, NotUnderstood, Pair, Path, SyncLink, SyncState, SyncStatus};

use crate::output::units::{count, millis, seconds};
use crate::output::{Table, date};

pub(super) fn show(pair: &Pair, out: &mut dyn Write) -> io::Result<()> {
    let uptime = seconds(pair.uptime_seconds);
    writeln!(out, "pair        tandem-control {}, up {uptime}", pair.version)?;
    show_change(pair, out)?;
    show_sync(pair, out)?;
    for warning in &pair.warnings {
        writeln!(out, "warning     {warning}")?;
    }
    writeln!(out)?;
    show_members(pair, out)?;
    writeln!(out)?;
    show_paths(&pair.paths, out)
}

fn show_change(pair: &Pair, out: &mut dyn Write) -> io::Result<()> {
    match &pair.last_change {
        Some(Change { to, at, why }) => {
            writeln!(out, "last change {to} since {}: {why}", date::utc(*at))
        }
        None => writeln!(out, "last change none since the start of tandem-control"),
    }
}

fn show_sync(pair: &Pair, out: &mut dyn Write) -> io::Result<()> {
    let api::Sync { link, path, trouble, dataplane } = &pair.sync;
    let path = path.as_deref().unwrap_or("?");
    let state = match dataplane.state {
        SyncState::Off => "the dataplane has not joined yet",
        SyncState::Bulk => "all connections are being copied",
        SyncState::Following if *link == SyncLink::Receiving && dataplane.missing > 0 => {
            "what there is room for is in sync"
        }
        SyncState::Following if *link == SyncLink::Receiving && !dataplane.complete => {
            "connections are being compared"
        }
        SyncState::Following => "in sync",
    };
    write!(out, "sync        ")?;
    match link {
        SyncLink::Down => match trouble {
            Some(trouble) => writeln!(out, "down: {trouble}"),
            None => writeln!(out, "down: there is no peer to exchange connections with"),
        },
        SyncLink::Sending => {
            let lag = count(dataplane.lag);
            writeln!(out, "to {path}: {state}, {lag} events not confirmed yet")
        }
        SyncLink::Receiving => {
            writeln!(out, "from {path}: {state}, {} events installed", count(dataplane.events))
        }
    }?;
    show_misfits(dataplane, out)
}

/// What the two configurations differ in.
fn show_misfits(dataplane: &SyncStatus, out: &mut dyn Write) -> io::Result<()> {
    match (dataplane.refused, dataplane.unserved) {
        (0, 0) => Ok(()),
        (0, unserved) => writeln!(
            out,
            "            {} connections belong to services or servers that this machine's \
             configuration lacks: make the configurations equal",
            count(unserved)
        ),
        (refused, _) => writeln!(
            out,
            "            {} events did not fit into this machine's table: give both machines \
             the same node.connections",
            count(refused)
        ),
    }
}

fn show_members(pair: &Pair, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(["MACHINE", "ROLE", ">TERM", ">PRIORITY", "READY"]);
    let mut row = |member: &Member, gone: Option<String>| {
        let ready = match (gone, member.ready) {
            (Some(gone), _) => gone,
            (None, true) => {
                let words = ["yes".to_owned()].into_iter().chain(damped(member));
                words.collect::<Vec<_>>().join("; ")
            }
            (None, false) => {
                let obstacles = member.obstacles.iter().cloned().chain(damped(member));
                format!("no: {}", obstacles.collect::<Vec<_>>().join("; "))
            }
        };
        table.row([
            member.name.clone(),
            member.role.to_string(),
            member.term.to_string(),
            member.priority.to_string(),
            ready,
        ]);
    };
    row(&pair.own, None);
    let is_heard = pair.paths.iter().any(|path| path.up);
    if let Some(not_understood) = &pair.not_understood {
        table.row(not_understood_row(pair.peer.as_ref(), not_understood));
    } else if let Some(peer) = &pair.peer {
        let silence = millis(pair.silence_millis.unwrap_or(0));
        row(
            peer,
            (!is_heard).then(|| format!("silent for {silence}, values of its last heartbeat")),
        );
    }
    table.write(out)?;
    if pair.peer.is_none() && pair.not_understood.is_none() {
        writeln!(out, "No heartbeat of the peer has come since the start of tandem-control.")?;
    }
    Ok(())
}

/// That the machine has lost its fitness too often lately, if it has.
fn damped(member: &Member) -> Option<String> {
    member.damped.as_ref().map(|why| format!("damped: {why}"))
}

/// A peer that is not understood: its name is the one that it had before, if it was.
fn not_understood_row(peer: Option<&Member>, not_understood: &NotUnderstood) -> [String; 5] {
    let name = peer.map_or("?", |peer| &peer.name);
    let role = match not_understood.active {
        Some(true) => "active",
        Some(false) => "standby",
        None => "?",
    };
    [name, role, "?", "?", "? it runs, but its heartbeats are not understood"].map(str::to_owned)
}

fn show_paths(paths: &[Path], out: &mut dyn Write) -> io::Result<()> {
    let mut table =
        Table::new(["LOCAL", "REMOTE", "HEARTBEATS", ">SILENCE", ">SENT", ">RECEIVED", "REFUSED"]);
    for path in paths {
        let state = match (&path.trouble, path.up) {
            (_, true) => "up".to_owned(),
            (Some(trouble), false) => format!("down: {trouble}"),
            (None, false) => "down".to_owned(),
        };
        let refused: Vec<_> = path
            .refused
            .iter()
            .filter(|(_, number)| *number > 0)
            .map(|(reason, number)| format!("{reason} {}", count(*number)))
            .collect();
        table.row([
            path.local.clone(),
            path.remote.clone(),
            state,
            path.silence_millis.map(millis).unwrap_or_default(),
            count(path.sent),
            count(path.received),
            refused.join(", "),
        ]);
    }
    table.write(out)
}
