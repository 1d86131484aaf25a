//! One entry of the table: a word.
//!
//! ```text
//!   bits 63..36  tag: what the place of the bucket does not say of the fingerprint
//!   bits 35..23  target
//!   bits 22..0   the second in which it ends
//! ```
//!
//! Everything is in one word, so that no reader finds half of a change. A word without a target
//! is an empty place.

use super::targets::TargetId;
use crate::time::{Instant, Seconds};

/// The longest timeout of persistence: 31 days, as IPVS has it.
pub const LONGEST_TIMEOUT: Seconds = Seconds(31 * 86_400);

/// The longest time for which an entry may have left: the peer is told of an eighth more.
const LONGEST: u32 = LONGEST_TIMEOUT.0 + LONGEST_TIMEOUT.0 / 8 + 2;

const SECOND_BITS: u32 = 23;
const TARGET_BITS: u32 = TargetId::BITS;
/// Bits of a tag.
pub(super) const TAG_BITS: u32 = 64 - TARGET_BITS - SECOND_BITS;

const SECONDS: u32 = (1 << SECOND_BITS) - 1;

// What has ended is told from what will end for twice as long as an entry may live.
const _: () = assert!(LONGEST < SECONDS / 2);

/// A second of the process's clock. It comes again after 97 days; [`super::Table::sweep`] has
/// cleared what ended by then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Second(u32);

impl Second {
    /// The second of this instant.
    #[inline]
    pub const fn of(now: Instant) -> Self {
        Second((now.millis() / 1000) as u32 & SECONDS)
    }

    /// The second in which ends what lasts for this time from now on, rounded up: never early.
    #[inline]
    #[must_use]
    pub const fn plus(self, time: Seconds) -> Self {
        self.after(Seconds(time.0.saturating_add(1)))
    }

    /// The second to which it is so long from now on, or as long as it can be.
    #[inline]
    #[must_use]
    pub const fn after(self, left: Seconds) -> Self {
        let left = if left.0 < LONGEST { left.0 } else { LONGEST };
        Second(self.0.wrapping_add(left) & SECONDS)
    }

    /// How long it is from `now` until this second; none when it is over.
    #[inline]
    pub const fn left(self, now: Second) -> Option<Seconds> {
        match self.0.wrapping_sub(now.0) & SECONDS {
            left @ 1..=LONGEST => Some(Seconds(left)),
            _ => None,
        }
    }
}

/// An entry as it lies in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Word(pub(super) u64);

impl Word {
    pub(super) const EMPTY: Word = Word(0);

    #[inline]
    pub(super) const fn new(tag: u64, target: TargetId, until: Second) -> Self {
        let target = target.number() as u64;
        Word(tag << (TARGET_BITS + SECOND_BITS) | target << SECOND_BITS | until.0 as u64)
    }

    #[inline]
    pub(super) const fn tag(self) -> u64 {
        self.0 >> (TARGET_BITS + SECOND_BITS)
    }

    #[inline]
    pub(super) const fn target(self) -> TargetId {
        TargetId::from_number((self.0 >> SECOND_BITS) as u16 & TargetId::LAST)
    }

    #[inline]
    pub(super) const fn until(self) -> Second {
        Second(self.0 as u32 & SECONDS)
    }

    #[inline]
    pub(super) const fn is_empty(self) -> bool {
        self.target().number() == 0
    }

    /// True for the entry with this tag, whether it is over or not.
    #[inline]
    pub(super) const fn has_tag(self, tag: u64) -> bool {
        self.tag() == tag && !self.is_empty()
    }

    /// How long it lives; none when it is empty or over.
    #[inline]
    pub(super) const fn left(self, now: Second) -> Option<Seconds> {
        if self.is_empty() { None } else { self.until().left(now) }
    }
}
