//! What happened in many worlds: one in which nothing happens proves nothing.

use failover::Notice;

/// How often each of these things happened.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Outcome {
    pub(crate) claims: u64,
    pub(crate) resumed: u64,
    pub(crate) announced: u64,
    pub(crate) left: u64,
    notices: [u64; NOTICES.len()],
}

const NOTICES: [Notice; 17] = [
    Notice::PeerDead,
    Notice::PeerYielded,
    Notice::PeerLeft,
    Notice::NobodyActive,
    Notice::ConflictWon,
    Notice::ConflictLost,
    Notice::AddressConflict,
    Notice::Stalled,
    Notice::LeaseLost,
    Notice::Unable,
    Notice::CutOff,
    Notice::ReachesLess,
    Notice::HandedOver,
    Notice::HandoverFailed,
    Notice::NotReady,
    Notice::TermNotStored,
    Notice::Damped,
];

impl Outcome {
    pub(crate) fn count(&mut self, notice: Notice) {
        for (known, count) in NOTICES.iter().zip(&mut self.notices) {
            *count += u64::from(*known == notice);
        }
    }

    pub(crate) fn times(&self, notice: Notice) -> u64 {
        let counts = NOTICES.iter().zip(self.notices);
        counts.filter(|(known, _)| **known == notice).map(|(_, count)| count).sum()
    }

    pub(crate) fn add(&mut self, other: &Outcome) {
        self.claims += other.claims;
        self.resumed += other.resumed;
        self.announced += other.announced;
        self.left += other.left;
        for (count, more) in self.notices.iter_mut().zip(other.notices) {
            *count += more;
        }
    }

    /// Each thing that ought to happen, with how often it did.
    pub(crate) fn counts(&self) -> Vec<(String, u64)> {
        let notices = NOTICES.iter().zip(self.notices);
        let mut counts: Vec<_> = notices.map(|(n, count)| (format!("{n:?}"), count)).collect();
        counts.push(("claims".to_owned(), self.claims));
        counts.push(("restarts within the lease".to_owned(), self.resumed));
        counts.push(("announcements".to_owned(), self.announced));
        counts.push(("departures".to_owned(), self.left));
        counts
    }
}
