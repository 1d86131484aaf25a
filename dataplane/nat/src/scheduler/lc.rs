//! lc: the server with the fewest connections; the first of equals.

use super::Servers;

pub(super) fn pick(servers: &impl Servers) -> Option<usize> {
    let open = (0..servers.len()).filter(|&at| servers.weight(at) > 0);
    open.min_by_key(|&at| servers.load(at).overhead())
}
