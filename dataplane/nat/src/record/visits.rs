//! When the timer wheel is going to visit a record.

/// The number of a slot of the timer wheel.
pub(crate) type Slot = u16;

/// No slot: there is no such visit.
const NONE: Slot = Slot::MAX;

/// In the place of the next visit: it found the connection over, and the next step of expiry
/// looks once more and closes it.
const SECOND_LOOK: Slot = NONE - 1;

/// The entries of the timer wheel that belong to a record: one for each visit to come, and
/// never more than two. They stay with the record when its connection is closed, as an entry
/// can't be taken out of the wheel, and the next connection in this record makes use of them.
///
/// In the low half of the word the slot of the next visit, in the high half that of the one
/// after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Visits(u32);

impl Visits {
    pub(crate) const NONE: Visits = Visits::new(NONE, NONE);

    #[inline(always)]
    const fn new(next: Slot, later: Slot) -> Self {
        Visits(next as u32 | (later as u32) << Slot::BITS)
    }

    #[inline(always)]
    const fn next(self) -> Slot {
        self.0 as Slot
    }

    #[inline(always)]
    const fn later(self) -> Slot {
        (self.0 >> Slot::BITS) as Slot
    }

    /// The slot of the next visit. There is none to wait for before a second look, which
    /// comes at once.
    #[inline(always)]
    pub(crate) fn awaited(self) -> Option<Slot> {
        (self.next() < SECOND_LOOK).then_some(self.next())
    }

    /// True if there is neither a visit to come nor a second look.
    #[inline(always)]
    pub(crate) fn is_empty(self) -> bool {
        self.next() == NONE
    }

    /// True if no visit can be added.
    #[inline(always)]
    pub(crate) fn is_full(self) -> bool {
        self.later() != NONE
    }

    /// Adds a visit that comes before the one there may be.
    #[inline(always)]
    pub(crate) fn add(&mut self, slot: Slot) {
        *self = Visits::new(slot, self.next());
    }

    /// Takes note that the wheel visits the record in this slot, which is that of the next
    /// visit: every entry is one of these two, and no second look is left to a later visit.
    #[inline(always)]
    pub(crate) fn visited(&mut self, slot: Slot) {
        debug_assert_eq!(self.next(), slot, "the wheel has an entry that no record owns");
        *self = Visits::new(self.later(), NONE);
    }

    /// A visit has just found the connection over, and there will be a second look.
    #[inline(always)]
    pub(crate) fn look_again(&mut self) {
        self.add(SECOND_LOOK);
    }

    /// True once after [`Visits::look_again`].
    #[inline(always)]
    pub(crate) fn looks_again(&mut self) -> bool {
        let looks = self.next() == SECOND_LOOK;
        if looks {
            *self = Visits::new(self.later(), NONE);
        }
        looks
    }
}

#[cfg(test)]
impl Visits {
    /// The slots of all entries.
    pub(crate) fn slots(self) -> impl Iterator<Item = Slot> {
        [self.next(), self.later()].into_iter().filter(|&slot| slot < SECOND_LOOK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sooner_visit_comes_first_and_both_are_paid() {
        let mut visits = Visits::NONE;
        assert!(visits.is_empty() && !visits.is_full());
        visits.add(900);
        visits.add(60);
        assert!((visits.awaited(), visits.is_full()) == (Some(60), true));
        visits.visited(60);
        assert!((visits.awaited(), visits.is_full()) == (Some(900), false));
        visits.visited(900);
        assert_eq!(visits, Visits::NONE);
    }

    #[test]
    fn a_second_look_comes_once_and_leaves_the_other_visit() {
        let mut visits = Visits::NONE;
        visits.add(900);
        assert!(!visits.looks_again());
        visits.look_again();
        assert_eq!(visits.awaited(), None);
        assert!(!visits.is_empty());
        assert!(visits.looks_again() && !visits.looks_again());
        assert_eq!(visits.awaited(), Some(900));
    }
}
