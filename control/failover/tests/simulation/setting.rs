//! What kind of pair a world has.

use std::time::Duration;

use failover::{Precedence, Timers};

/// A way in which what is around the machine could be wrong. The rules must find each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    /// After a pause the process makes up for the ticks it missed, each with the time it
    /// was due: the machine cannot see that it stood still.
    CatchesUp,
    /// It says that a term is on disk before it is.
    LiesAboutDisk,
    /// The disk has forgotten the term when the machine boots.
    ForgetsDisk,
    /// The process says that it has every connection whether it has or not.
    LiesAboutSync,
    /// Sync never completes.
    NeverSyncs,
    /// The process never tells of a link that is down.
    HidesLinks,
    /// It takes in no heartbeat of a machine that is unable.
    IsDeaf,
    /// It never tells of next hops that do not answer.
    HidesReach,
    /// It says at once that it has asked every next hop, and has not.
    AsksNobody,
    /// The dataplane lets go of the one side whose link is down.
    SplitsSides,
    /// The dataplane goes on when its lease is over.
    IgnoresLease,
    /// The dataplane goes on when it is told to release the role.
    IgnoresRelease,
    /// The dataplane keeps the role for longer than its machine tells.
    LongLease,
    /// What is not understood is taken for silence.
    IsDeafToOthers,
    /// Machines of one name are not told apart.
    DrawsNoNumber,
}

/// What the machines understand of each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Words {
    /// Each machine understands all that the other says.
    Understood,
    /// Each machine understands all that the other says, and they have the same name.
    OneName,
    /// Neither understands the other: the second one speaks a newer version.
    TwoVersions,
    /// Neither understands the other, though both speak the same version.
    NotUnderstood,
    /// The second one understands the first one, which does not understand the second one.
    OneWay,
}

impl Words {
    /// What a machine makes of the other one's words, if it does not understand them.
    pub(crate) fn precedence(self, node: usize, peer_is_higher: bool) -> Option<Precedence> {
        match (self, node) {
            (Words::Understood | Words::OneName, _) | (Words::OneWay, 1) => None,
            (Words::TwoVersions, 0) => Some(Precedence::Own),
            (Words::TwoVersions, _) => Some(Precedence::Peer),
            (Words::NotUnderstood | Words::OneWay, _) => {
                Some(Precedence::Unknown { peer_is_higher })
            }
        }
    }

    /// True if each machine understands the other.
    pub(crate) fn are_understood(self) -> bool {
        matches!(self, Words::Understood | Words::OneName)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) timers: Timers,
    pub(crate) priorities: [u8; 2],
    pub(crate) has_witness: bool,
    /// The second machine's lease and dead interval in parts of the first one's, in percent.
    pub(crate) other_timers: u32,
    pub(crate) words: Words,
    pub(crate) flaw: Flaw,
}

impl Setting {
    /// The default timers, except that a handover is given up before the world ends.
    pub(crate) fn plain() -> Self {
        let timers = Timers { handover: Duration::from_millis(600), ..Timers::default() };
        Setting {
            timers,
            priorities: [100, 100],
            has_witness: false,
            other_timers: 100,
            words: Words::Understood,
            flaw: Flaw::None,
        }
    }

    /// The timers of each machine.
    pub(crate) fn timers_of(&self, node: usize) -> Timers {
        let percent = if node == 0 { 100 } else { self.other_timers };
        let Timers { dead, lease, .. } = self.timers;
        Timers { dead: dead * percent / 100, lease: lease * percent / 100, ..self.timers }
    }

    /// Every fourth world has a witness, every fifth a preferred machine.
    pub(crate) fn of(seed: u64) -> Self {
        let mut setting = Setting { has_witness: seed % 4 == 3, ..Setting::plain() };
        if seed % 5 == 4 {
            setting.priorities = [100, 150];
            setting.timers.preempt = Some(Duration::from_millis(300));
        }
        setting
    }
}
