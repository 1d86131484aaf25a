//! What kind of pair a world has.

use std::time::Duration;

use failover::Timers;

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
    /// Sync never ends.
    NeverSyncs,
    /// The process never tells of a link that is down.
    HidesLinks,
    /// It takes in no heartbeat of a machine that is unable.
    IsDeaf,
    /// The dataplane lets go of the one side whose link is down.
    SplitsSides,
    /// It goes on without a lease.
    IgnoresLease,
    /// It goes on when it is told to let go.
    IgnoresRelease,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) timers: Timers,
    pub(crate) priorities: [u8; 2],
    pub(crate) has_witness: bool,
    pub(crate) flaw: Flaw,
}

impl Setting {
    /// The default timers, except that a handover is given up before the world ends.
    pub(crate) fn plain() -> Self {
        let timers = Timers { handover: Duration::from_millis(600), ..Timers::default() };
        Setting { timers, priorities: [100, 100], has_witness: false, flaw: Flaw::None }
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
