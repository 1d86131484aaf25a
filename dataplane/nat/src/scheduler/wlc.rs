//! wlc: the server with the fewest connections for its weight; the first of equals.

use core::cmp::Ordering;

use super::Servers;

/// What is compared of a server.
struct Share {
    at: usize,
    weight: u32,
    overhead: u64,
}

pub(super) fn pick(servers: &impl Servers) -> Option<usize> {
    let shares = (0..servers.len()).map(|at| Share {
        at,
        weight: servers.weight(at),
        overhead: servers.load(at).overhead(),
    });
    shares.filter(|share| share.weight > 0).min_by(compare).map(|share| share.at)
}

/// overhead(a) / weight(a) against overhead(b) / weight(b), without dividing.
fn compare(a: &Share, b: &Share) -> Ordering {
    let cross = |one: &Share, other: &Share| u128::from(one.overhead) * u128::from(other.weight);
    cross(a, b).cmp(&cross(b, a))
}
