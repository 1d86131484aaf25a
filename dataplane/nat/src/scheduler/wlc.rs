//! wlc: the server with the fewest connections for its weight; the first of equals.

use core::cmp::Ordering;

use super::ServerSlot;

pub(super) fn pick(servers: &[ServerSlot]) -> Option<usize> {
    let open = servers.iter().enumerate().filter(|(_, server)| server.weight > 0);
    open.min_by(|(_, a), (_, b)| compare(a, b)).map(|(at, _)| at)
}

/// overhead(a) / weight(a) against overhead(b) / weight(b), without dividing.
fn compare(a: &ServerSlot, b: &ServerSlot) -> Ordering {
    let cross = |load: &ServerSlot, other: &ServerSlot| {
        u128::from(load.overhead()) * u128::from(other.weight)
    };
    cross(a, b).cmp(&cross(b, a))
}
