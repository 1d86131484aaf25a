//! The direction of connection sync, which follows the roles of both machines.

use core::time::Duration;

use failover::{Action, Instant, Notice, Role};

/// What the driver wants connection sync to do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SyncPlan {
    /// Take the peer's stream of connections: dial for it, or keep the one that there is.
    pub import: Import,
    /// Give the peer our connections when it dials.
    pub export: bool,
    /// Over which paths heartbeats arrive, in the order of the configuration.
    pub paths_up: Vec<bool>,
}

/// Whether the peer's connections are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Import {
    #[default]
    No,
    /// While the stream lasts that there is: the peer has handed the role over, and what
    /// still reaches it in its grace period comes over.
    WhileItLasts,
    Yes,
}

/// The grace periods of handovers, which hold the direction of sync.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GracePeriods {
    exports_until: Option<Instant>,
    imports_until: Option<Instant>,
}

impl GracePeriods {
    /// Takes note of what was decided.
    pub fn note(&mut self, actions: &[Action], grace: Duration, now: Instant) {
        let until = now.plus(grace);
        for action in actions {
            match action {
                Action::Retire => self.exports_until = Some(until),
                Action::Claim(_) => *self = GracePeriods::default(),
                Action::Report(Notice::PeerYielded | Notice::PeerLeft) => {
                    self.imports_until = Some(until);
                }
                _ => {}
            }
        }
    }

    /// This machine still forwards after it has handed over.
    #[must_use]
    pub fn is_retiring(&self, now: Instant) -> bool {
        self.exports_until.is_some_and(|until| now < until)
    }

    /// The directions for a role, beside a peer of another.
    #[must_use]
    pub fn directions(&self, own: Role, peer: Option<Role>, now: Instant) -> (Import, bool) {
        let takes_rest = self.imports_until.is_some_and(|until| now < until);
        match own {
            Role::Active if takes_rest => (Import::WhileItLasts, true),
            Role::Active => (Import::No, true),
            _ if self.is_retiring(now) => (Import::No, true),
            _ if peer == Some(Role::Active) => (Import::Yes, false),
            _ => (Import::No, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use failover::Term;

    use super::*;

    const GRACE: Duration = Duration::from_secs(2);

    #[test]
    fn sync_follows_the_role() {
        let grace = GracePeriods::default();
        let now = Instant(0);
        let directions = |own, peer| grace.directions(own, peer, now);
        assert_eq!(directions(Role::Active, Some(Role::Standby)), (Import::No, true));
        assert_eq!(directions(Role::Standby, Some(Role::Active)), (Import::Yes, false));
        assert_eq!(directions(Role::Listening, Some(Role::Active)), (Import::Yes, false));
        assert_eq!(directions(Role::Standby, Some(Role::Standby)), (Import::No, false));
        assert_eq!(directions(Role::Standby, None), (Import::No, false));
    }

    #[test]
    fn the_direction_outlives_a_handover_by_the_grace_period() {
        let (mut old, mut new) = (GracePeriods::default(), GracePeriods::default());
        old.note(&[Action::Retire], GRACE, Instant(0));
        new.note(&[Action::Claim(Term(2)), Action::Report(Notice::PeerYielded)], GRACE, Instant(0));
        let (before, after) = (Instant(1_999_999), Instant(2_000_000));
        let standby = |now| old.directions(Role::Standby, Some(Role::Active), now);
        let active = |now| new.directions(Role::Active, Some(Role::Standby), now);
        assert_eq!(
            (standby(before), active(before)),
            ((Import::No, true), (Import::WhileItLasts, true))
        );
        assert_eq!((standby(after), active(after)), ((Import::Yes, false), (Import::No, true)));
    }

    #[test]
    fn a_takeover_from_a_dead_peer_has_none() {
        let mut grace = GracePeriods::default();
        grace.note(&[Action::Retire], GRACE, Instant(0));
        let claim = [Action::Claim(Term(3)), Action::Report(Notice::PeerDead)];
        grace.note(&claim, GRACE, Instant(1));
        assert_eq!(grace.directions(Role::Active, None, Instant(2)), (Import::No, true));
    }
}
