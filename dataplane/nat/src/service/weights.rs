//! What changes too often for a snapshot: the weight that counts of each real server, and
//! whether it is down or suspect.
//!
//! Both are one word, so that a new connection reads one word of each server. Control sets
//! weights and says what is down; a worker that sees clients fail at a server makes it suspect
//! at once ([`crate::passive`]).

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU64, AtomicUsize};

use super::{MAXIMUM_SERVERS, ServerId};
use crate::memory;

/// What made a server suspect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Cause {
    /// It answered SYNs with resets.
    Refused = 1,
    /// It, or a router before it, answered with ICMP destination unreachable.
    Unreachable = 2,
    /// It did not answer SYNs.
    Unanswered = 3,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 3] = [Cause::Refused, Cause::Unreachable, Cause::Unanswered];
}

/// One server's weight and flags, as they were at one time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerState(u64);

/// Its UDP flows go elsewhere, and it has no new connection.
const DOWN: u64 = 1 << 32;
/// Clients failed at it.
const SUSPECT: u64 = 1 << 33;
/// No new connection is to go there while another server of its service has a weight. A suspect
/// has the flag but for the moments in which one connection may try it.
pub(super) const AVOIDED: u64 = 1 << 34;
/// It keeps the persistent clients of services that want that, though it has no weight.
const DRAINING: u64 = 1 << 35;
const CAUSE_SHIFT: u32 = 40;
const CAUSE: u64 = 0xff << CAUSE_SHIFT;
const WEIGHT: u64 = u32::MAX as u64;
/// What the weight lacks, in thousandths of it.
const LACKING_SHIFT: u32 = 48;
const LACKING: u64 = 0x3ff << LACKING_SHIFT;
/// The thousandths of a whole.
pub(crate) const WHOLE: u64 = 1000;

impl ServerState {
    /// The server's share of new connections; 0 gets none.
    #[inline(always)]
    pub const fn weight(self) -> u32 {
        self.0 as u32
    }

    /// The weight in thousandths, less what it lacks.
    #[inline(always)]
    pub(super) const fn thousandths(self) -> u64 {
        let lacking = (self.0 & LACKING) >> LACKING_SHIFT;
        self.weight() as u64 * WHOLE.saturating_sub(lacking)
    }

    /// The same while there are others: 0 for a server with one of these flags.
    #[inline(always)]
    pub(super) const fn weight_without(self, flags: u64) -> u32 {
        if self.0 & flags != 0 { 0 } else { self.weight() }
    }

    /// True for a server that control says is down.
    pub const fn is_down(self) -> bool {
        self.0 & DOWN != 0
    }

    /// True for a server that an operator drains.
    pub const fn is_draining(self) -> bool {
        self.0 & DRAINING != 0
    }

    /// True for a server with one of these flags.
    pub(super) const fn has_any(self, flags: u64) -> bool {
        self.0 & flags != 0
    }

    /// True for a server that clients failed at.
    pub const fn is_suspect(self) -> bool {
        self.0 & SUSPECT != 0
    }

    /// True while one connection may try a suspect.
    pub const fn may_be_tried(self) -> bool {
        self.is_suspect() && self.0 & AVOIDED == 0
    }

    /// What made it suspect.
    pub fn cause(self) -> Option<Cause> {
        let found = (self.0 & CAUSE) >> CAUSE_SHIFT;
        Cause::ALL.into_iter().find(|&cause| cause as u64 == found).filter(|_| self.is_suspect())
    }
}

/// The weights and flags of all real servers, by number. The main process sets them, workers
/// read them for each new connection and make servers suspect. They lie beside the snapshots, so
/// that a server that is drained, fails or comes back touches no connection.
#[derive(Debug)]
pub struct Weights {
    words: Box<[AtomicU64]>,
    changes: Changes,
}

/// How often what was published, on a cache line that no word is on.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Changes {
    suspicions: AtomicU64,
    downs: AtomicU64,
    versions: AtomicU64,
    numbers: AtomicUsize,
}

impl Default for Weights {
    fn default() -> Self {
        Weights { words: memory::zeroed(MAXIMUM_SERVERS), changes: Changes::default() }
    }
}

impl Weights {
    /// The server's weight and flags; nothing for [`ServerId::NONE`].
    #[inline(always)]
    pub fn state(&self, server: ServerId) -> ServerState {
        ServerState(self.words.get(server.index()).map_or(0, |word| word.load(Relaxed)))
    }

    /// The server's share of new connections now; 0 gets none.
    #[inline(always)]
    pub fn of(&self, server: ServerId) -> u32 {
        self.state(server).weight()
    }

    /// Gives the server another share from its next new connection on.
    pub fn set(&self, server: ServerId, weight: u32) {
        self.change(server, |word| word & !WEIGHT | u64::from(weight));
    }

    /// Says how many thousandths of the weight count where it is compared with the configuration's;
    /// 1,000 are all.
    pub fn set_part(&self, server: ServerId, part: u16) {
        let lacking = WHOLE.saturating_sub(u64::from(part).max(1));
        self.change(server, |word| word & !LACKING | lacking << LACKING_SHIFT);
    }

    /// Says whether the server is down.
    pub fn set_down(&self, server: ServerId, down: bool) {
        let before = self.change(server, |word| if down { word | DOWN } else { word & !DOWN });
        if down && before.is_some_and(|before| !before.is_down()) {
            self.changes.downs.fetch_add(1, Release);
        }
    }

    /// Another number than before when a server has gone down since: its flows are to be looked
    /// for.
    #[inline(always)]
    pub fn downs(&self) -> u64 {
        self.changes.downs.load(Acquire)
    }

    /// Another number than before when a server became suspect since, or is no longer.
    #[inline(always)]
    pub fn suspicions(&self) -> u64 {
        self.changes.suspicions.load(Acquire)
    }

    /// Counts a change of what is published beside the flags, such as the way back of a server.
    pub fn tell_change(&self) {
        self.changes.suspicions.fetch_add(1, Release);
    }

    /// Says whether an operator drains the server.
    pub fn set_draining(&self, server: ServerId, draining: bool) {
        self.change(server, |word| if draining { word | DRAINING } else { word & !DRAINING });
    }

    /// The numbers that servers have or have had are below this.
    pub fn numbers(&self) -> usize {
        self.changes.numbers.load(Relaxed)
    }

    /// Begins anew with a number that another server may have had.
    pub fn restart(&self, server: ServerId) {
        self.changes.numbers.fetch_max(server.index() + 1, Relaxed);
        self.change(server, |_| 0);
    }

    /// Makes the server suspect; false if it was already.
    pub fn suspect(&self, server: ServerId, cause: Cause) -> bool {
        let before = self.change(server, |word| match word & SUSPECT {
            0 => word & !CAUSE | SUSPECT | AVOIDED | (cause as u64) << CAUSE_SHIFT,
            _ => word,
        });
        let begins = before.is_some_and(|before| !before.is_suspect());
        if begins {
            self.tell_change();
        }
        begins
    }

    /// Ends the suspicion; false if there was none.
    pub fn trust(&self, server: ServerId) -> bool {
        let before = self.change(server, |word| word & !(SUSPECT | AVOIDED | CAUSE));
        let ends = before.is_some_and(ServerState::is_suspect);
        if ends {
            self.tell_change();
        }
        ends
    }

    /// Lets one new connection try a suspect.
    pub fn offer_trial(&self, server: ServerId) {
        self.change(server, |word| if word & SUSPECT != 0 { word & !AVOIDED } else { word });
    }

    /// Takes the trial of a suspect that may be tried; false if another worker had it.
    pub fn take_trial(&self, server: ServerId) -> bool {
        let before = self.change(server, |word| match word & SUSPECT {
            0 => word,
            _ => word | AVOIDED,
        });
        before.is_some_and(|before| !before.is_suspect() || before.may_be_tried())
    }

    /// Changes a word, and returns what it was. Workers and the main process change the same
    /// words, a few times a second at the most.
    fn change(&self, server: ServerId, change: impl Fn(u64) -> u64) -> Option<ServerState> {
        let word = self.words.get(server.index())?;
        let changed = word.fetch_update(Relaxed, Relaxed, |word| Some(change(word)));
        let before = changed.unwrap_or_else(|word| word);
        if change(before) != before {
            self.touch();
        }
        Some(ServerState(before))
    }

    /// Another number whenever a weight has changed, or something else for which a server gets
    /// nothing: schedulers that keep an order of servers look at all of them again then.
    #[inline(always)]
    pub fn version(&self) -> u64 {
        self.changes.versions.load(Acquire)
    }

    /// To be called when a server may get connections again for which something else than its
    /// weight was in the way. That one gets nothing need not be told: a scheduler asks before it
    /// picks.
    pub fn touch(&self) {
        self.changes.versions.fetch_add(1, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ServerId = ServerId::numbered(7);

    #[test]
    fn weight_and_flags_do_not_touch_each_other() {
        let weights = Weights::default();
        weights.set(SERVER, u32::MAX);
        weights.set_down(SERVER, true);
        weights.set_draining(SERVER, true);
        assert!(weights.suspect(SERVER, Cause::Unanswered));
        assert!(!weights.suspect(SERVER, Cause::Refused), "it was already");
        weights.set(SERVER, 3);
        let state = weights.state(SERVER);
        assert_eq!((state.weight(), state.cause()), (3, Some(Cause::Unanswered)));
        assert!(state.is_down() && state.is_suspect());
        assert!(weights.trust(SERVER) && !weights.trust(SERVER));
        weights.set_down(SERVER, false);
        assert!(weights.state(SERVER).is_draining());
        weights.set_draining(SERVER, false);
        assert_eq!(weights.state(SERVER), ServerState(3));
        assert_eq!(weights.state(ServerId::numbered(8)), ServerState(0), "nobody else");
    }

    #[test]
    fn a_trial_is_taken_once() {
        let weights = Weights::default();
        weights.set(SERVER, 1);
        assert!(weights.take_trial(SERVER), "nobody suspects it");
        weights.suspect(SERVER, Cause::Refused);
        assert!(!weights.take_trial(SERVER));
        weights.offer_trial(SERVER);
        assert!(weights.state(SERVER).may_be_tried());
        assert!(weights.take_trial(SERVER) && !weights.take_trial(SERVER));
    }

    #[test]
    fn a_number_without_a_place_has_no_state() {
        let weights = Weights::default();
        weights.set(ServerId::NONE, 5);
        assert!(!weights.suspect(ServerId::NONE, Cause::Refused));
        assert_eq!(weights.of(ServerId::NONE), 0);
    }
}
