//! Time passing: a bounded number of visits in each poll, and of SYNs that nobody answered.

use nat::connection::Expired;

use super::flows::Flows;
use super::view::View;
use crate::drop_reason::DropReason;

/// Fragments whose time is checked in one poll.
const FRAGMENT_VISITS: usize = 8;

/// Closes what is over; returns whether more is to be done at once.
#[inline(always)]
pub(super) fn expire(flows: &mut Flows, view: &View) -> bool {
    let counters = &view.counters;
    flows.translator.connections.look_at_openings(view.now);
    let Expired { closed, goes_on } = flows.translator.expire(view.policy(), view.now);
    if closed > 0 {
        counters.closed.add(closed as u64);
        counters.connections.set(flows.translator.connections.table().len() as u64);
    }
    flows.fragments.expire(view.now, FRAGMENT_VISITS, |mbuf| {
        drop(mbuf);
        counters.drops.add(DropReason::FragmentExpired, 1);
    });
    goes_on
}
