//! Time as connections see it: milliseconds since the process began.
//!
//! A worker reads the clock once a burst and hands the [`Instant`] down. Records
//! keep only a [`Stamp`], the low 32 bits, which tells ages of up to 49 days.

/// Milliseconds since an origin of the caller's choice; never runs backwards.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Instant(u64);

impl Instant {
    /// An instant that does not come.
    pub(crate) const NEVER: Instant = Instant(u64::MAX);

    /// The instant this many milliseconds after the origin.
    #[inline(always)]
    pub const fn from_millis(millis: u64) -> Self {
        Instant(millis)
    }

    /// Milliseconds since the origin.
    #[inline(always)]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// What a record keeps of this instant.
    #[inline(always)]
    pub const fn stamp(self) -> Stamp {
        Stamp(self.0 as u32)
    }

    /// Milliseconds from `earlier` to here; zero if `earlier` is later.
    #[inline(always)]
    pub const fn since(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Milliseconds since the stamp was made, for stamps less than 49 days old.
    #[inline(always)]
    pub const fn age(self, stamp: Stamp) -> u32 {
        (self.0 as u32).wrapping_sub(stamp.0)
    }

    /// The instant this many seconds later.
    #[inline(always)]
    #[must_use]
    pub const fn plus(self, seconds: Seconds) -> Self {
        Instant(self.0.saturating_add(seconds.millis()))
    }
}

/// The low 32 bits of an [`Instant`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Stamp(u32);

impl Stamp {
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Stamp(bits)
    }

    #[inline(always)]
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }
}

/// A length of time in whole seconds, as timeouts are configured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Seconds(pub u32);

impl Seconds {
    /// The same in milliseconds.
    #[inline(always)]
    pub const fn millis(self) -> u64 {
        self.0 as u64 * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_hold_across_the_wrap_of_a_stamp() {
        let before = Instant::from_millis(u64::from(u32::MAX) - 10);
        let after = Instant::from_millis(before.millis() + 30);
        assert_eq!(after.age(before.stamp()), 30);
    }

    #[test]
    fn since_saturates() {
        assert_eq!(Instant::from_millis(5).since(Instant::from_millis(9)), 0);
    }
}
