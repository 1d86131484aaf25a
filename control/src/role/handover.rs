//! `tandem failover`: asked for here, and answered when it is done or cannot be.

use core::time::Duration;

use api::{Failure, FailureKind, NotUnderstood, Pair};
use failover::{Instant, Role};
use tokio::sync::oneshot;

use super::warnings;

/// The longest that the state machine gives a handover, whatever the timers are.
pub const LONGEST: Duration = Duration::from_secs(6);

/// Longer than that.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// The handover that is under way, if one is.
#[derive(Default)]
pub(super) struct Handover {
    /// The request of an operator that is answered when the handover ends.
    pub(super) waiting: Option<Waiting>,
    /// An order to bring the last connections to the peer, until it is done.
    pub(super) draining: Option<PendingOrder>,
    /// What the peer reaches and this machine does not, since the role is offered for it.
    pub(super) outreached: Option<String>,
}

/// An order to the dataplane that takes longer than its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PendingOrder {
    /// Its number is not known yet.
    Ordered,
    /// It is done when the dataplane has done the order of this number.
    Until(u64),
}

/// A client that waits for a handover.
#[derive(Debug)]
pub struct Waiting {
    answer: oneshot::Sender<Result<Pair, Failure>>,
    wanted: Role,
    /// Who asked.
    pub(super) actor: String,
    until: Instant,
}

/// What speaks against a handover from a machine of this role, if anything does.
#[must_use]
pub fn obstacle(pair: &Pair, own: Role) -> Option<String> {
    let why = |obstacles: &[String]| match obstacles {
        [] => "it has not said why".to_owned(),
        some => some.join("; "),
    };
    if let Some(NotUnderstood { why, .. }) = &pair.not_understood {
        return Some(format!("the peer is heard, and is not understood: {why}"));
    }
    let Some(peer) = pair.peer.as_ref().filter(|_| pair.paths.iter().any(|path| path.up)) else {
        return Some("the peer is not heard on any path".to_owned());
    };
    if let Some(why) = warnings::same_name(&pair.own.name, &peer.name) {
        return Some(why);
    }
    match own {
        Role::Active if !peer.ready => {
            Some(format!("the peer is not ready: {}", why(&peer.obstacles)))
        }
        Role::Active => None,
        _ if peer.role != api::Role::Active => Some("neither machine is active".to_owned()),
        _ if !pair.own.ready => {
            Some(format!("this machine is not ready: {}", why(&pair.own.obstacles)))
        }
        _ => None,
    }
}

impl Waiting {
    /// Begins to wait, on a machine of this role.
    #[must_use]
    pub fn new(
        answer: oneshot::Sender<Result<Pair, Failure>>,
        own: Role,
        actor: String,
        now: Instant,
    ) -> Self {
        let wanted = if own == Role::Active { Role::Standby } else { Role::Active };
        Waiting { answer, wanted, actor, until: now.plus(PATIENCE) }
    }

    /// The machine has the role that was wanted.
    #[must_use]
    pub fn is_done(&self, own: Role) -> bool {
        own == self.wanted
    }

    /// True when the handover has taken too long.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// Who asked may have gone away meanwhile.
    pub fn answer(self, result: Result<Pair, String>) {
        let result = result.map_err(|why| Failure::new(FailureKind::NotNow, why));
        let _ = self.answer.send(result);
    }
}

#[cfg(test)]
mod tests {
    use api::{Member, Path};

    use super::*;

    fn pair(own: Member, peer: Member) -> Pair {
        let path = Path { up: true, ..Path::default() };
        let peer = Member { name: "b".to_owned(), ..peer };
        Pair { own, peer: Some(peer), paths: vec![path], ..Pair::default() }
    }

    fn member(role: api::Role, obstacle: &str) -> Member {
        let obstacles: Vec<_> =
            [obstacle].into_iter().filter(|o| !o.is_empty()).map(str::to_owned).collect();
        Member { role, ready: obstacles.is_empty(), obstacles, ..Member::default() }
    }

    #[test]
    fn what_speaks_against_it_is_said() {
        use api::Role::{Active, Standby};
        let ready = pair(member(Active, ""), member(Standby, ""));
        assert_eq!(obstacle(&ready, Role::Active), None);
        assert_eq!(obstacle(&pair(member(Standby, ""), member(Active, "")), Role::Standby), None);

        let not_ready = pair(member(Active, ""), member(Standby, "the public link is down"));
        assert_eq!(
            obstacle(&not_ready, Role::Active).unwrap(),
            "the peer is not ready: the public link is down"
        );
        let not_ready = pair(member(Standby, "a worker is stalled"), member(Active, ""));
        assert_eq!(
            obstacle(&not_ready, Role::Standby).unwrap(),
            "this machine is not ready: a worker is stalled"
        );
        let nobody = pair(member(Standby, ""), member(Standby, ""));
        assert_eq!(obstacle(&nobody, Role::Standby).unwrap(), "neither machine is active");
        let mut alike = ready.clone();
        alike.own.name = "b".to_owned();
        let why = obstacle(&alike, Role::Active).unwrap();
        assert!(why.contains("the same node.name \"b\""), "{why}");
        let why = "install the same release".to_owned();
        let not_understood = Some(NotUnderstood { active: None, why });
        let strange = Pair { not_understood, ..ready.clone() };
        assert_eq!(
            obstacle(&strange, Role::Active).unwrap(),
            "the peer is heard, and is not understood: install the same release"
        );
        let silent = Pair { paths: vec![Path::default()], ..ready };
        assert_eq!(obstacle(&silent, Role::Active).unwrap(), "the peer is not heard on any path");
    }
}
