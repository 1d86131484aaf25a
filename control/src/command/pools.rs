//! What tandem-control knows of real servers, as `tandem services` and `tandem status` show it.

mod connected;

use core::time::Duration;
use std::io::{self, Write};

use api::{Administrative, Client, Pool, PoolMode, PoolServer};

use super::{Context, status};
use crate::output::colour::Colour;
use crate::output::date;
use crate::output::units::seconds;

/// tandem-control answers at once, or hangs.
const PATIENCE: Duration = Duration::from_secs(3);

/// All pools with what the operator has to mend; none where no tandem-control answers.
pub(super) fn fetch(context: &Context<'_>) -> Option<api::Pools> {
    let mut control = Client::connect_with_timeout(context.pair_socket(), PATIENCE).ok()?;
    status::pools(&mut control)
}

/// Its state in a word: what was decided goes before what checks find.
pub(crate) fn word(server: &PoolServer) -> String {
    match (server.administrative, server.operational.is_down()) {
        (Administrative::Ready, _) => server.operational.to_string(),
        (Administrative::Drain, true) => format!("drain, {}", server.operational),
        (state, _) => state.to_string(),
    }
}

pub(super) fn colour(server: &PoolServer) -> Colour {
    match server.administrative {
        Administrative::Ready if server.operational.is_down() => Colour::Red,
        Administrative::Ready if server.operational == api::Operational::GoingDown => {
            Colour::Yellow
        }
        Administrative::Ready => Colour::Green,
        _ => Colour::Yellow,
    }
}

/// The effective weight in the units of the configured one: `1`, `0.35`.
pub(crate) fn effective(server: &PoolServer) -> String {
    let (whole, rest) = (server.effective_thousandths / 1000, server.effective_thousandths % 1000);
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What concerns the pool as a whole, a sentence each.
pub(crate) fn alarms(pool: &Pool) -> Vec<String> {
    let mode = match pool.mode {
        PoolMode::Normal => None,
        PoolMode::Panic => Some("so few servers are up that their checks are ignored (panic)"),
        PoolMode::AllDownKeep => Some(
            "all servers are down; those are used that were the last (when_all_down = \"keep\")",
        ),
        PoolMode::AllDownRefuse => Some("all servers are down; clients are refused"),
        PoolMode::AllDownSorry => Some("all servers are down; the sorry servers are used"),
        _ => Some("its servers are used in a way that this release does not know"),
    };
    let quorum = match (pool.quorum, pool.sorry) {
        (true, _) => None,
        (false, true) => Some("its quorum is lost; new connections go to the sorry servers"),
        (false, false) => Some("its quorum is lost"),
    };
    // Without any server that is ready there is no quorum either, and that was wanted.
    let is_meant = pool.servers.iter().any(|one| one.administrative == Administrative::Ready);
    mode.into_iter()
        .chain(quorum.filter(|_| is_meant && mode.is_none()))
        .map(str::to_owned)
        .collect()
}

/// One line that tells why a server is as it is; none for one that is well.
pub(super) fn why(server: &PoolServer) -> Option<String> {
    let down = server.operational.is_down();
    let peer = peer(server);
    let mut line = match (down, server.administrative) {
        (true, _) => {
            let mut reasons = Vec::new();
            if !server.reason.is_empty() {
                reasons.push(server.reason.clone());
            }
            if let Some(before) = server.before_seconds {
                reasons.push(format!("was up {}", seconds(before)));
            }
            reasons.extend(peer);
            let state = server.operational.to_string().to_uppercase();
            format!("{state} {} ({})", seconds(server.since_seconds), reasons.join("; "))
        }
        (false, Administrative::Ready) => {
            if server.operational == api::Operational::GoingDown {
                format!("going down ({})", server.reason)
            } else if server.slow_start {
                format!("slow start, at {} of {}", effective(server), weight(server))
            } else {
                format!("up; {}", peer?)
            }
        }
        _ => String::new(),
    };
    if server.administrative != Administrative::Ready {
        let state = server.administrative.to_string().to_uppercase();
        let by = server.origin.as_ref().map_or(String::new(), |origin| format!(" by {origin}"));
        let at = server.decided_at.map_or(String::new(), |at| format!(" since {}", date::utc(at)));
        let rest = if line.is_empty() { line } else { format!("; {line}") };
        line = format!("{state}{by}{at}{rest}");
    }
    Some(line)
}

fn weight(server: &PoolServer) -> u16 {
    server.set_weight.unwrap_or(server.configured_weight)
}

/// What the peer sees, where that is something else.
pub(crate) fn peer(server: &PoolServer) -> Option<String> {
    let peer = server.peer.as_ref()?;
    let is_known = |state| state != api::Operational::Unchecked;
    if peer.operational.is_down() != server.operational.is_down() && is_known(peer.operational) {
        let state = peer.operational.to_string().to_uppercase();
        let why =
            if peer.operational.is_down() { format!(" ({})", peer.reason) } else { String::new() };
        return Some(format!("peer sees it {state}{why}"));
    }
    if peer.administrative != server.administrative {
        return Some(format!("peer has it {}", peer.administrative));
    }
    None
}

/// The lines below the table of a service.
pub(super) fn notes(pool: &Pool, client: &mut Client, out: &mut dyn Write) -> io::Result<()> {
    for server in &pool.servers {
        if let Some(why) = why(server) {
            writeln!(out, "{}: {why}", api::server_name(&server.address))?;
        }
        let is_out = server.administrative != Administrative::Ready;
        if is_out && server.connections.is_some_and(|count| count > 0) {
            if let Some(connected) = connected::to(server, client) {
                writeln!(out, "    {connected}")?;
            }
        }
    }
    Ok(())
}
