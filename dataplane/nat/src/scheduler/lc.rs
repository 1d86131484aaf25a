//! lc: the server with the fewest connections; the first of equals.

use super::ServerSlot;

pub(super) fn pick(servers: &[ServerSlot]) -> Option<usize> {
    let open = servers.iter().enumerate().filter(|(_, server)| server.weight > 0);
    open.min_by_key(|(_, server)| server.overhead()).map(|(at, _)| at)
}
