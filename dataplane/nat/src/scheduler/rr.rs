//! rr: one server after the other.

use super::ServerSlot;

/// Where it is.
#[derive(Clone, Debug)]
pub struct RoundRobin {
    next: usize,
}

impl RoundRobin {
    pub(super) fn new(random: u64) -> Self {
        RoundRobin { next: (random >> 33) as usize }
    }

    pub(super) fn pick(&mut self, servers: &[ServerSlot]) -> Option<usize> {
        let count = servers.len();
        let start = self.next.checked_rem(count)?;
        let at = (start..start + count)
            .map(|at| at % count)
            .find(|&at| servers.get(at).is_some_and(|server| server.weight > 0))?;
        self.next = at + 1;
        Some(at)
    }
}
