//! The two machines, and what joins them.

use api::{Member, Pair, Reach, Role, Side, Status, SyncLink, SyncState};
use serde::Serialize;

use super::Seen;
use crate::command::status::KnownPair;

/// The machines, by their names, so that both machines draw them alike.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct PairView {
    /// One, or two.
    pub machines: Vec<MachineView>,
    /// The paths of heartbeats.
    pub paths: Vec<PathView>,
    /// None without a peer.
    pub sync: Option<SyncView>,
    /// The last change of this machine's role: its time in seconds since 1970, and why.
    pub last_change: Option<(u64, String)>,
    /// How often this machine became active since the start of tandem-control.
    pub takeovers: u64,
}

/// A machine of the pair.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct MachineView {
    pub name: String,
    /// It is the one that answers.
    pub own: bool,
    pub state: MachineState,
    /// Why it is not ready, or whatever else there is to say; each a few words.
    pub notes: Vec<String>,
    /// The number of the last takeover that it knows of.
    pub term: u64,
    /// Its own addresses, where they are known: public, then private.
    pub addresses: Vec<String>,
    /// Next hops that answer it, and all: public, then private.
    pub reach: Vec<(u16, u16)>,
}

/// What a machine is, for clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// It answers for the floating addresses.
    Active,
    /// It could take over.
    Ready,
    /// It could not.
    NotReady,
    /// Nothing is heard of it.
    #[default]
    Silent,
}

/// A path of heartbeats.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PathView {
    pub local: String,
    pub remote: String,
    pub up: bool,
    /// Why none arrive.
    pub trouble: Option<String>,
}

/// Connection sync.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SyncView {
    /// `sending`, `receiving` or `down`.
    pub direction: &'static str,
    /// All connections are on both machines.
    pub complete: bool,
    /// How it is, in a few words.
    pub words: String,
}

pub(super) fn of(node: &str, seen: &Seen) -> PairView {
    match &seen.known.pair {
        KnownPair::Pair(pair) => both(pair, seen),
        KnownPair::Alone(_) | KnownPair::Silent(_) => {
            PairView { machines: vec![alone(node, seen)], ..PairView::default() }
        }
    }
}

/// A machine without a peer, or of which tandem-control's driver says nothing.
fn alone(node: &str, seen: &Seen) -> MachineView {
    let state = match seen.status() {
        None => MachineState::Silent,
        Some(status) if status.role == Role::Active => MachineState::Active,
        Some(_) => MachineState::NotReady,
    };
    let note = match (&seen.known.pair, seen.status()) {
        (KnownPair::Silent(silence), _) => Some(silence.words.clone()),
        (_, None) => Some("its dataplane does not answer".to_owned()),
        _ => None,
    };
    MachineView {
        name: node.to_owned(),
        own: true,
        state,
        notes: note.into_iter().collect(),
        addresses: addresses(seen.status()),
        ..MachineView::default()
    }
}

fn both(pair: &Pair, seen: &Seen) -> PairView {
    let mut own = member(&pair.own);
    own.own = true;
    own.addresses = addresses(seen.status());
    if seen.status().is_none() {
        own.state = MachineState::Silent;
        own.notes.insert(0, "its dataplane does not answer".to_owned());
    }
    let is_heard = pair.paths.iter().any(|path| path.up);
    let mut peer = pair.peer.as_ref().map_or_else(unknown, member);
    if let Some(not_understood) = &pair.not_understood {
        peer.state = match not_understood.active {
            Some(true) => MachineState::Active,
            _ => MachineState::NotReady,
        };
        peer.notes = vec![not_understood.why.clone()];
    } else if !is_heard {
        peer.state = MachineState::Silent;
        peer.reach.clear();
        let since = pair.silence_millis.map(|millis| millis / 1000);
        let since = since.map(|seconds| crate::output::units::seconds(seconds / 5 * 5));
        peer.notes = vec![match since {
            Some(since) if since != "0s" => format!("not heard for {since}"),
            Some(_) => "not heard any more".to_owned(),
            None => "not heard since tandem-control was started".to_owned(),
        }];
    }
    let mut machines = vec![own, peer];
    machines.sort_by(|one, other| (&one.name, other.own).cmp(&(&other.name, one.own)));
    PairView {
        machines,
        paths: pair.paths.iter().map(path).collect(),
        sync: Some(sync(&pair.sync)),
        last_change: pair
            .last_change
            .as_ref()
            .map(|change| (change.at, format!("{}: {}", change.to, change.why))),
        takeovers: pair.takeovers,
    }
}

fn unknown() -> MachineView {
    MachineView { name: "peer".to_owned(), ..MachineView::default() }
}

fn member(member: &Member) -> MachineView {
    let state = match (member.role, member.ready) {
        (Role::Active, _) => MachineState::Active,
        (Role::Standby, true) => MachineState::Ready,
        (Role::Standby, false) => MachineState::NotReady,
    };
    let damped = member.damped.iter().map(|why| format!("damped: {why}"));
    let reach = |reach: &Reach| (reach.answering, reach.asked);
    MachineView {
        name: member.name.clone(),
        own: false,
        state,
        notes: member.obstacles.iter().cloned().chain(damped).collect(),
        term: member.term,
        addresses: Vec::new(),
        reach: member.reach.iter().map(reach).collect(),
    }
}

fn addresses(status: Option<&Status>) -> Vec<String> {
    let of = |side| {
        let nics = status.map_or(&[][..], |status| &status.nics);
        nics.iter().find(|nic| nic.side == side).map(|nic| nic.address.clone())
    };
    [Side::Public, Side::Private].into_iter().filter_map(of).collect()
}

fn path(path: &api::Path) -> PathView {
    let api::Path { local, remote, up, trouble, .. } = path.clone();
    PathView { local, remote, up, trouble }
}

fn sync(sync: &api::Sync) -> SyncView {
    let dataplane = &sync.dataplane;
    let direction = match sync.link {
        SyncLink::Down => "down",
        SyncLink::Sending => "sending",
        SyncLink::Receiving => "receiving",
    };
    let words = match (sync.link, dataplane.state) {
        (SyncLink::Down, _) => sync.trouble.clone().unwrap_or_else(|| "not open yet".to_owned()),
        (_, SyncState::Off) => "the dataplane has not joined yet".to_owned(),
        (_, SyncState::Bulk) => "all connections are being copied".to_owned(),
        (SyncLink::Receiving, SyncState::Following) if dataplane.missing > 0 => {
            "what there is room for is in sync".to_owned()
        }
        (SyncLink::Receiving, SyncState::Following) if !dataplane.complete => {
            "connections are being compared".to_owned()
        }
        (_, SyncState::Following) => "in sync".to_owned(),
    };
    SyncView { direction, complete: dataplane.complete, words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::status::Known;

    fn seen(own: Role, peer: Option<Role>, up: bool) -> Seen {
        let member = |name: &str, role| Member {
            name: name.to_owned(),
            role,
            ready: true,
            ..Member::default()
        };
        let pair = Pair {
            own: member("b", own),
            peer: peer.map(|role| member("a", role)),
            paths: vec![api::Path { up, ..Default::default() }],
            silence_millis: Some(61_000),
            ..Pair::default()
        };
        let (status, pair) = (Ok(Status::default()), KnownPair::Pair(Box::new(pair)));
        Seen { known: Known { status, pair, ..Known::default() }, ..Seen::default() }
    }

    fn machines(seen: &Seen) -> Vec<(String, bool, MachineState)> {
        let view = of("b", seen);
        view.machines.into_iter().map(|one| (one.name, one.own, one.state)).collect()
    }

    #[test]
    fn both_machines_draw_the_pair_alike() {
        use MachineState::{Active, Ready, Silent};
        let well = machines(&seen(Role::Active, Some(Role::Standby), true));
        assert_eq!(well, [("a".to_owned(), false, Ready), ("b".to_owned(), true, Active)]);
        let lost = machines(&seen(Role::Active, Some(Role::Standby), false));
        assert_eq!(lost[0].2, Silent, "what it said last is no more");
        let never = machines(&seen(Role::Active, None, false));
        assert_eq!(never[1], ("peer".to_owned(), false, Silent));
    }
}
