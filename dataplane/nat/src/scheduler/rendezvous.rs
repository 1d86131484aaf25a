//! Weighted rendezvous hashing: each client has an order of its own of all servers, and takes
//! the first that it can have (Thaler and Ravishankar, "A name-based mapping scheme for
//! rendezvous", 1996; with weights: Schindelhauer and Schomaker, "Weighted distributed hash
//! tables", 2005).
//!
//! A server's distance from a client is -ln(x) / weight, where x is a hash of both between 0 and
//! 1; the nearest is taken. A server that comes or goes, or whose weight changes, changes its own
//! distance and no other: only clients from or to it move.

use super::Servers;
use super::siphash::mix;

/// Numbers from above 0 to 1, as many as a double tells apart.
const FINEST: f64 = 1.0 / (1u64 << 53) as f64;

/// The nearest server of those with weight that have room; `has_room` is asked only of a server
/// that is nearer than all before.
pub(super) fn pick(
    hash: u64,
    servers: &impl Servers,
    weight: impl Fn(usize) -> u32,
    has_room: impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut nearest = f64::INFINITY;
    let mut found = None;
    for at in 0..servers.len() {
        let weight = f64::from(weight(at));
        let x = ((mix(hash ^ servers.seed(at)) >> 11) + 1) as f64 * FINEST;
        // -ln(x) is more than 1 - x: most servers are out without a logarithm. Not so a weight of
        // 0, for which the comparison below is false.
        if 1.0 - x >= nearest * weight {
            continue;
        }
        // Not the system's: both machines of a pair have to find the same.
        let distance = -libm::log(x) / weight;
        if distance < nearest && has_room(at) {
            (nearest, found) = (distance, Some(at));
        }
    }
    found
}
