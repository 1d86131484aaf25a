//! What a machine reaches through its NICs, and which of two machines reaches more.
//!
//! A link that is up says nothing of what is behind it: the switch's port may be in another
//! VLAN, or carry frames in one direction only. So each machine asks the next hops of its
//! configuration and tells the other how many of them answer. Only the comparison counts: a
//! next hop that answers neither machine is dead itself, and moving the role would not help.

use core::cmp::Ordering;

/// How many next hops of one side answer a machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Reach {
    /// A number that stands for the addresses that are asked. Two machines are compared only
    /// where they ask the same. 0: none are asked, or it is not known yet which answer.
    pub set: u64,
    /// How many next hops are asked.
    pub asked: u16,
    /// How many of the next hops answer.
    pub answering: u16,
}

impl Reach {
    /// A reach that is compared with no other, since nothing is known.
    pub const UNKNOWN: Reach = Reach { set: 0, asked: 0, answering: 0 };

    fn is_comparable(self, other: Reach) -> bool {
        self.set != 0 && self.set == other.set
    }

    /// True when no next hop of this side answers.
    fn is_cut_off(self) -> bool {
        self.answering == 0
    }
}

/// Compares what two machines reach on the public and the private side.
///
/// A router needs both sides, so the machine with fewer sides on which nothing answers reaches
/// more. Between others one reaches more only if it does so on one side and no less on the
/// other: which of two different losses is the worse one, nobody can tell.
pub(crate) fn compare(own: [Reach; 2], other: [Reach; 2]) -> Ordering {
    let sides = || own.iter().zip(&other).filter(|(own, other)| own.is_comparable(**other));
    let own_lost = sides().filter(|(own, _)| own.is_cut_off()).count();
    let other_lost = sides().filter(|(_, other)| other.is_cut_off()).count();
    if own_lost != other_lost {
        return other_lost.cmp(&own_lost);
    }
    let is_less = sides().any(|(own, other)| own.answering < other.answering);
    let is_more = sides().any(|(own, other)| own.answering > other.answering);
    is_more.cmp(&is_less)
}

/// True if nothing answers the other machine on a side on which something answers this one, and
/// this one is cut off from no side.
pub(crate) fn serves_instead(own: [Reach; 2], other: [Reach; 2]) -> bool {
    let sides = || own.iter().zip(&other).filter(|(own, other)| own.is_comparable(**other));
    sides().all(|(own, _)| !own.is_cut_off()) && sides().any(|(_, other)| other.is_cut_off())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(set: u64, asked: u16, answering: u16) -> Reach {
        Reach { set, asked, answering }
    }

    /// One gateway and three servers, of which so many answer.
    fn sides(gateway: u16, servers: u16) -> [Reach; 2] {
        [reach(7, 1, gateway), reach(8, 3, servers)]
    }

    #[test]
    fn more_answers_on_one_side_and_no_fewer_on_the_other_is_more() {
        let cases = [
            (sides(1, 3), sides(1, 3), Ordering::Equal),
            (sides(0, 0), sides(0, 0), Ordering::Equal),
            (sides(0, 3), sides(1, 3), Ordering::Less),
            (sides(1, 2), sides(1, 3), Ordering::Less),
            (sides(1, 0), sides(1, 3), Ordering::Less),
            (sides(0, 0), sides(1, 0), Ordering::Less),
            // A side that is cut off outweighs any number of servers.
            (sides(0, 3), sides(1, 1), Ordering::Less),
            // Each has lost one side.
            (sides(0, 3), sides(1, 0), Ordering::Equal),
        ];
        for (own, other, order) in cases {
            assert_eq!(compare(own, other), order, "{own:?} {other:?}");
            assert_eq!(compare(other, own), order.reverse(), "{other:?} {own:?}");
        }
    }

    #[test]
    fn of_two_that_each_reach_what_the_other_does_not_neither_reaches_more() {
        let own = [reach(7, 2, 1), reach(8, 3, 3)];
        let other = [reach(7, 2, 2), reach(8, 3, 2)];
        assert_eq!(compare(own, other), Ordering::Equal);
    }

    #[test]
    fn a_machine_serves_instead_of_one_that_is_cut_off_where_it_is_not() {
        let cases = [
            (sides(1, 3), sides(0, 3), true),
            (sides(1, 1), sides(1, 0), true),
            (sides(1, 3), sides(1, 1), false),
            // Neither serves anybody.
            (sides(0, 3), sides(0, 0), false),
            (sides(0, 3), sides(1, 0), false),
        ];
        for (own, other, serves) in cases {
            assert_eq!(serves_instead(own, other), serves, "{own:?} {other:?}");
        }
        assert!(!serves_instead([Reach::UNKNOWN; 2], sides(0, 0)));
    }

    #[test]
    fn only_the_same_addresses_are_compared() {
        // One machine has taken a new configuration and the other not yet.
        let [public, private] = sides(1, 3);
        let reloaded = reach(9, 5, 5);
        assert_eq!(compare([public, private], [public, reloaded]), Ordering::Equal);
        let cut_off = reach(7, 1, 0);
        assert_eq!(compare([cut_off, private], [public, reloaded]), Ordering::Less);
        assert_eq!(compare([Reach::UNKNOWN; 2], sides(1, 3)), Ordering::Equal);
        assert_eq!(compare([Reach::UNKNOWN; 2], [Reach::UNKNOWN; 2]), Ordering::Equal);
    }
}
