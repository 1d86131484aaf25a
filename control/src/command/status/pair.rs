//! What can be wrong between the two machines.

use api::{Member, Pair, Path, Role, SyncLink};

use super::known::{Cause, Silence};
use super::trouble::{State, Trouble};

const LOG: &str = "journalctl -u tandem-control -n 50";

/// That tandem-control does not answer. A machine by itself forwards without it, and nobody
/// checks its servers.
pub(super) fn silent(silence: &Silence) -> Trouble {
    let remedy: &[&str] = match silence.cause {
        Cause::NotRunning => &["systemctl start tandem-control", LOG],
        Cause::Permission => &["sudo tandem status"],
        Cause::Release | Cause::Other => &[LOG, "systemctl restart tandem-control"],
    };
    Trouble::degraded(silence.words.as_str(), remedy)
}

pub(super) fn troubles(pair: &Pair) -> Vec<Trouble> {
    let mut found = Vec::new();
    found.extend(own_obstacles(pair));
    found.extend(damped(&pair.own, true));
    found.extend(pair.peer.iter().filter_map(|peer| damped(peer, false)));
    let is_heard = pair.paths.iter().any(|path| path.up);
    if let Some(not_understood) = &pair.not_understood {
        // The warning says the same, and more.
        let why = &not_understood.why;
        if !pair.warnings.iter().any(|warning| warning.contains(why)) {
            found.push(Trouble::degraded(why.clone(), remedy_of(why)));
        }
    } else if !is_heard {
        found.push(peer_is_silent(pair));
    } else if let Some(peer) = &pair.peer {
        found.extend(roles(&pair.own, peer));
        found.extend(peers_obstacles(peer));
        found.extend(pair.paths.iter().filter(|path| !path.up).map(path_is_down));
        found.extend(sync_is_down(pair));
    }
    let told = |text: &String| Trouble::degraded(text.clone(), remedy_of(text));
    found.extend(pair.warnings.iter().map(told));
    found
}

fn own_obstacles(pair: &Pair) -> Option<Trouble> {
    let own = &pair.own;
    if own.ready {
        return None;
    }
    // Better than none: it takes over from a machine that cannot forward.
    let holds_part =
        own.role == Role::Standby && pair.sync.dataplane.missing > 0 && own.obstacles.len() == 1;
    let state = if holds_part { State::Degraded } else { State::Broken };
    let what = format!("{} is not ready: {}", own.name, own.obstacles.join("; "));
    let first = own.obstacles.first().map_or(LOG, |first| obstacle_remedy(first));
    Some(Trouble::new(state, what, &[first, "tandem doctor"]))
}

/// What is to be done about what keeps this machine from being ready.
fn obstacle_remedy(obstacle: &str) -> &'static str {
    let remedies = [
        ("listening", "# wait: it listens for the peer before it may take over"),
        ("being stopped", "systemctl start tandem-control"),
        ("stalled", "journalctl -u tandem-dataplane -n 50"),
        ("NIC was", "systemctl restart tandem-dataplane"),
        ("link is down", "# look at its cable and at the switch's port"),
        ("sends nothing", "# look at the switch's port: pause frames, flow control"),
        ("next hops", "tandem neighbours"),
        ("node.connections", "# raise node.connections, and restart this machine's dataplane"),
        ("copied", "# wait: it ends by itself (tandem watch)"),
        ("connection sync", "# TCP port 7405 has to be open between the two machines"),
        ("not understood", "# install the same release of tandem on both machines"),
        ("does not hear", "tandem key status"),
        ("dataplane", "systemctl restart tandem-dataplane"),
    ];
    remedies.iter().find(|(words, _)| obstacle.contains(words)).map_or(LOG, |(_, remedy)| remedy)
}

fn peers_obstacles(peer: &Member) -> Option<Trouble> {
    let what = format!("{} is not ready: {}", peer.name, peer.obstacles.join("; "));
    (!peer.ready).then(|| Trouble::degraded(what, &[]).and(there(peer)))
}

fn there(peer: &Member) -> String {
    format!("# on {}: tandem status", peer.name)
}

fn damped(member: &Member, is_own: bool) -> Option<Trouble> {
    let why = member.damped.as_ref()?;
    let what = format!("{} is damped: {why}", member.name);
    let trouble = Trouble::degraded(what, &["# it ends by itself a minute after the last loss"]);
    Some(if is_own { trouble.and(LOG) } else { trouble.and(there(member)) })
}

fn roles(own: &Member, peer: &Member) -> Option<Trouble> {
    match (own.role, peer.role) {
        (Role::Active, Role::Active) => Some(Trouble::degraded(
            "both machines are active",
            &["# the lower term stands down at once; if this lasts:", LOG],
        )),
        (Role::Standby, Role::Standby) => Some(
            Trouble::broken("neither machine is active: clients get no answer", &["tandem doctor"])
                .and(there(peer)),
        ),
        _ => None,
    }
}

fn peer_is_silent(pair: &Pair) -> Trouble {
    // Why a path does not work tells more than that nothing is heard.
    if let Some(why) = pair.paths.iter().find_map(|path| path.trouble.as_deref()) {
        return Trouble::degraded(format!("nothing is heard of the peer: {why}"), remedy_of(why));
    }
    let trouble = Trouble::degraded(
        "no heartbeat of the peer arrives",
        &["# is the peer switched on? There: systemctl status tandem-control"],
    );
    match pair.paths.first() {
        Some(path) => reach(trouble, path),
        None => trouble,
    }
}

fn path_is_down(path: &Path) -> Trouble {
    let why = path.trouble.as_ref().map_or(String::new(), |why| format!(": {why}"));
    let what = format!("no heartbeat from {} to {}{why}", path.remote, path.local);
    reach(Trouble::degraded(what, &[]), path)
}

/// What tells why nothing arrives on a path.
fn reach(trouble: Trouble, path: &Path) -> Trouble {
    let most = path.refused.iter().filter(|(_, number)| *number > 0).max_by_key(|(_, n)| *n);
    let trouble = match most.map(|(reason, _)| reason.as_str()) {
        Some("authentication") => trouble.and("tandem key status"),
        Some("no_echo") => trouble.and("# a firewall on the peer drops UDP port 7405?"),
        _ => trouble,
    };
    trouble.and(format!("ping -c 3 -I {} {}", path.local, path.remote))
}

fn sync_is_down(pair: &Pair) -> Option<Trouble> {
    let why = pair.sync.trouble.as_deref().unwrap_or("it is not open yet");
    (pair.sync.link == SyncLink::Down).then(|| {
        let what = format!("connection sync is down: {why}");
        Trouble::degraded(what, &["# TCP port 7405 has to be open between the machines", LOG])
    })
}

/// What tells more about a warning, whose own words say what to change.
fn remedy_of(warning: &str) -> &'static [&'static str] {
    if warning.contains("key") {
        &["tandem key status"]
    } else if warning.contains("another configuration") {
        &["tandem diff", "# there, too; then tandem reload on both"]
    } else if warning.contains("node.name") {
        &[
            "# change node.name on the standby machine, and there:",
            "systemctl restart tandem-control",
        ]
    } else if warning.contains("not understood") || warning.contains("release") {
        &["tandem --version", "# there, too: both machines need the same release"]
    } else if warning.contains("next hops") {
        &["tandem neighbours"]
    } else {
        &[LOG]
    }
}
