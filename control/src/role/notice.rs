//! What the state machine reports, in sentences for the operator.

use api::EventKind;
use failover::Notice;

/// The notice's name in metrics.
#[must_use]
pub fn name(notice: Notice) -> &'static str {
    match notice {
        Notice::PeerDead => "peer_dead",
        Notice::PeerYielded => "peer_yielded",
        Notice::PeerLeft => "peer_left",
        Notice::NobodyActive => "nobody_active",
        Notice::ConflictWon => "conflict_won",
        Notice::ConflictLost => "conflict_lost",
        Notice::AddressConflict => "address_conflict",
        Notice::Stalled => "stalled",
        Notice::LeaseLost => "lease_lost",
        Notice::Unable => "unable",
        Notice::CutOff => "cut_off",
        Notice::ReachesLess => "reaches_less",
        Notice::HandedOver => "handed_over",
        Notice::HandoverFailed => "handover_failed",
        Notice::NotReady => "not_ready",
        Notice::TermNotStored => "term_not_stored",
        Notice::Damped => "damped",
    }
}

/// The kind of event that it is by itself; none for what is only the reason of a change of the role.
#[must_use]
pub fn kind(notice: Notice) -> Option<EventKind> {
    match notice {
        Notice::ConflictWon | Notice::ConflictLost => Some(EventKind::ConflictRole),
        Notice::AddressConflict => Some(EventKind::ConflictAddress),
        Notice::Stalled => Some(EventKind::ControlStalled),
        Notice::HandoverFailed | Notice::NotReady => Some(EventKind::HandoverFailed),
        Notice::Damped => Some(EventKind::RoleDamped),
        Notice::PeerDead
        | Notice::PeerYielded
        | Notice::PeerLeft
        | Notice::NobodyActive
        | Notice::LeaseLost
        | Notice::Unable
        | Notice::CutOff
        | Notice::ReachesLess
        | Notice::HandedOver
        | Notice::TermNotStored => None,
    }
}

/// The notice as a sentence without its full stop.
#[must_use]
pub fn sentence(notice: Notice) -> &'static str {
    match notice {
        Notice::PeerDead => "the peer is silent on every path",
        Notice::PeerYielded => "the peer handed the role over",
        Notice::PeerLeft => "the peer is being stopped",
        Notice::NobodyActive => "no machine was active",
        Notice::ConflictWon => "both machines were active, and this one stays active",
        Notice::ConflictLost => "both machines were active, and the other one stays active",
        Notice::AddressConflict => "another station announces a floating address of this pair",
        Notice::Stalled => "this process was kept from running for longer than the lease",
        Notice::LeaseLost => "the dataplane's lease ran out before it was renewed",
        Notice::Unable => "the dataplane cannot forward",
        Notice::CutOff => "neither the peer nor the witness is heard, and the peer may be active",
        Notice::ReachesLess => {
            "more next hops answer the peer than this machine, and the role is offered to the peer"
        }
        Notice::HandedOver => "the role was handed over to the peer",
        Notice::HandoverFailed => "the handover failed: the peer did not take the role in time",
        Notice::NotReady => {
            "a handover is refused: the machine that would get the role is not ready"
        }
        Notice::TermNotStored => {
            "the term could not be written to disk; the claim goes on without that"
        }
        Notice::Damped => {
            "this machine has lost links or next hops several times in a row, and for a while takes \
             the role only where the peer cannot fill it"
        }
    }
}

/// True for what somebody should look into.
#[must_use]
pub fn is_alarming(notice: Notice) -> bool {
    !matches!(
        notice,
        Notice::PeerYielded | Notice::PeerLeft | Notice::NobodyActive | Notice::HandedOver
    )
}
