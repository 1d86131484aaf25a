//! rr: one server after the other.

use super::Servers;

/// Where it is.
#[derive(Clone, Debug)]
pub struct RoundRobin {
    next: usize,
}

impl RoundRobin {
    pub(super) fn new(random: u64) -> Self {
        RoundRobin { next: (random >> 33) as usize }
    }

    pub(super) fn pick(&mut self, servers: &impl Servers) -> Option<usize> {
        let count = servers.len();
        let start = self.next.checked_rem(count)?;
        let at = (start..count).chain(0..start).find(|&at| servers.weight(at) > 0)?;
        self.next = at + 1;
        Some(at)
    }

    /// The turn is the next server's that is still there.
    pub(super) fn rearrange(&mut self, count: usize, before: impl Fn(usize) -> Option<usize>) {
        let places = (0..count).filter_map(|at| Some((before(at)?, at)));
        if let Some((_, at)) = places.filter(|&(was, _)| was >= self.next).min() {
            self.next = at;
        }
    }
}
