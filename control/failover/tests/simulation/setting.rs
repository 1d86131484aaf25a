//! What kind of pair a world has.

use std::time::Duration;

use failover::Timers;

/// Ways in which a process around the machine could be wrong. The rules must find each.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Flaws {
    /// After a pause it makes up for the ticks it missed, each with the time it was due:
    /// the machine cannot see that it stood still.
    pub(crate) catches_up: bool,
    /// It says that a term is on disk before it is.
    pub(crate) lies_about_disk: bool,
    /// It says that it has every connection whether it has or not.
    pub(crate) lies_about_sync: bool,
    /// It never tells of a link that is down.
    pub(crate) hides_links: bool,
    /// Its dataplane lets go of the one side whose link is down.
    pub(crate) splits_sides: bool,
    /// Its dataplane goes on without a lease.
    pub(crate) ignores_lease: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) timers: Timers,
    pub(crate) priorities: [u8; 2],
    pub(crate) has_witness: bool,
    pub(crate) flaws: Flaws,
}

impl Setting {
    /// The default timers, except that a handover is given up before the world ends.
    pub(crate) fn plain() -> Self {
        let timers = Timers { handover: Duration::from_millis(600), ..Timers::default() };
        Setting { timers, priorities: [100, 100], has_witness: false, flaws: Flaws::default() }
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
