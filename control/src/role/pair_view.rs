//! The pair as others are told of it.

use core::time::Duration;

use api::{Change, LeaseStatus, Member, NotUnderstood, Pair, SyncLink};
use config::Timing;
use failover::{Fitness, Heartbeat, Instant, Machine, Reach, Role};

use super::dataplane::DataplaneSocket;
use super::fitness::silent;
use crate::heartbeat::path::Path;
use crate::heartbeat::paths::Paths;
use crate::heartbeat::{HeartbeatPayload, Timers};
use crate::sync::Report;

/// The numbers behind the metrics.
#[derive(Clone, PartialEq, Debug)]
pub struct Numbers {
    pub pair: Pair,
    /// The dataplane's last answer.
    pub lease_status: Option<LeaseStatus>,
    /// How long this machine stays damped, if it is.
    pub damped: Option<Duration>,
    /// What the operator was told, by its name, and how often.
    pub notices: Vec<(&'static str, u64)>,
}

/// The last heartbeat of the peer that was understood.
pub(super) struct LastHeartbeat {
    pub(super) at: Instant,
    pub(super) payload: HeartbeatPayload,
}

/// What the pair is described from.
pub(super) struct View<'v> {
    pub(super) machine: &'v Machine,
    pub(super) paths: &'v Paths,
    pub(super) dataplane: &'v DataplaneSocket,
    pub(super) peer: Option<&'v LastHeartbeat>,
    pub(super) obstacles: Vec<String>,
    pub(super) damped: Option<String>,
    pub(super) sync: &'v Report,
    pub(super) last_change: Option<&'v Change>,
    pub(super) takeovers: u64,
    pub(super) timing: Timing,
    pub(super) warnings: Vec<String>,
    pub(super) differing: Vec<&'static str>,
    pub(super) now: Instant,
}

impl View<'_> {
    pub(super) fn pair(self) -> Pair {
        let now = self.now;
        let identity = self.machine.identity();
        let fitness = self.machine.fitness();
        let timers = Timers::from(self.timing);
        let lease_status = self.dataplane.lease_status.as_ref();
        let own = Member {
            name: identity.name.to_string(),
            role: role(self.machine.role()),
            term: self.machine.term().0,
            priority: identity.priority,
            ready: fitness.is_ready()
                && may_serve(self.machine.role())
                && self.obstacles.is_empty(),
            obstacles: self.obstacles,
            damped: self.damped,
            reach: lease_status.map(|lease_status| lease_status.reach.clone()).unwrap_or_default(),
            dead_millis: timers.dead,
            lease_millis: timers.lease,
        };
        Pair {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: now.0 / 1_000_000,
            own,
            peer: self.peer.map(|last| member(&last.payload, fitness)),
            silence_millis: self.peer.map(|last| millis(now, last.at)),
            paths: self.paths.iter().map(|path| describe(path, self.timing.dead, now)).collect(),
            sync: api::Sync {
                link: self.sync.link,
                path: self.sync.path.clone(),
                trouble: self.sync.trouble.clone().filter(|_| self.sync.link == SyncLink::Down),
                dataplane: lease_status
                    .map(|lease_status| lease_status.sync.clone())
                    .unwrap_or_default(),
            },
            last_change: self.last_change.cloned(),
            takeovers: self.takeovers,
            not_understood: self.machine.incompatible(now).map(|said| NotUnderstood {
                active: said.active,
                why: self.paths.trouble(self.machine.patience(), now).unwrap_or_default(),
            }),
            differing: self.differing.into_iter().map(str::to_owned).collect(),
            keys: keys(self.paths),
            warnings: [self.warnings, lease_status.map(silent).unwrap_or_default()].concat(),
        }
    }
}

fn keys(paths: &Paths) -> api::Keys {
    let keys = paths.keys();
    api::Keys {
        used: keys.used_name().to_string(),
        accepted: keys.accepted_name().map(|name| name.to_string()),
        peers: paths.peers_key().map(|name| name.to_string()),
    }
}

/// Only an active machine answers for the floating addresses; the others' finer
/// differences are told as obstacles.
pub(super) fn role(role: Role) -> api::Role {
    match role {
        Role::Active => api::Role::Active,
        Role::Listening | Role::Standby | Role::Leaving => api::Role::Standby,
    }
}

fn may_serve(role: Role) -> bool {
    matches!(role, Role::Active | Role::Standby)
}

/// The peer, beside this machine.
fn member(payload: &HeartbeatPayload, own: Fitness) -> Member {
    let Heartbeat { identity, term, role: its_role, fitness, .. } = &payload.heartbeat;
    Member {
        name: identity.name.to_string(),
        role: role(*its_role),
        term: term.0,
        priority: identity.priority,
        ready: fitness.is_ready() && may_serve(*its_role) && fitness.compare_reach(own).is_ge(),
        obstacles: payload.obstacles.clone(),
        damped: payload.damped.clone(),
        reach: fitness.reach.map(|Reach { set, asked, answering }| api::Reach {
            set,
            asked,
            answering,
            silent: Vec::new(),
        }),
        dead_millis: payload.timers.dead,
        lease_millis: payload.timers.lease,
    }
}

fn millis(now: Instant, then: Instant) -> u64 {
    u64::try_from(now.since(then).as_millis()).unwrap_or(u64::MAX)
}

fn describe(path: &Path, dead: Duration, now: Instant) -> api::Path {
    let up = is_up(path, dead, now);
    let version = path.not_understood_version.filter(|&(_, at)| now.since(at) < 2 * dead);
    let trouble = match version {
        Some((version, _)) => Some(version.trouble()),
        None => path.trouble(),
    };
    api::Path {
        local: path.local().ip().to_string(),
        remote: path.remote().ip().to_string(),
        up,
        trouble: trouble.filter(|_| !up),
        silence_millis: path.heard.map(|at| millis(now, at)),
        sent: path.sent,
        received: path.received,
        refused: path
            .refused
            .iter()
            .map(|(refusal, count)| (refusal.name().to_owned(), count))
            .collect(),
    }
}

/// Heartbeats arrive over the path.
pub(super) fn is_up(path: &Path, dead: Duration, now: Instant) -> bool {
    path.heard.is_some_and(|at| now.since(at) < dead)
}
