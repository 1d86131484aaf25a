//! Slow start: the weight of a server that comes up rises from a tenth to the whole.

use core::time::Duration;

use failover::Instant;

use super::{Input, ServerMemory, Thousandths};

/// The share that it begins with is the whole divided by this.
const BEGIN: u64 = 10;
/// Between two steps of a weight, at least.
const STEP: Duration = Duration::from_millis(500);
/// Steps of a whole rise, if each is long enough.
const STEPS: u32 = 30;

/// How weights rise now.
#[derive(Clone, Copy)]
pub(super) struct Rising {
    /// How long it takes; zero: weights do not rise.
    pub(super) length: Duration,
    pub(super) now: Instant,
}

impl Rising {
    /// Finds out who rises. Nobody does at the first decision; and nobody does when the servers
    /// that rise have more than half of the weight: the rest would be overrun.
    pub(super) fn remember(self, servers: &[Input], memory: &mut [ServerMemory], is_first: bool) {
        for (server, remembered) in servers.iter().zip(memory.iter_mut()) {
            // Who waits for its first check as tandem-control starts may have served all along.
            let has_waited = core::mem::take(&mut remembered.waits_at_start);
            remembered.waits_at_start = server.is_waiting && (is_first || has_waited);
            let was_not = !remembered.was_available && !has_waited;
            let comes_up = server.is_available() && was_not && !is_first;
            if comes_up && !self.length.is_zero() {
                remembered.rising = Some(self.now);
            }
            let is_over =
                |since: Instant| self.now.since(since) >= self.length || !server.is_available();
            remembered.rising = remembered.rising.filter(|&since| !is_over(since));
        }
        let weight = |of: &dyn Fn(&Input, &ServerMemory) -> bool| -> u64 {
            let both = servers.iter().zip(memory.iter());
            both.filter(|(server, memory)| of(server, memory))
                .map(|(server, _)| u64::from(server.nominal()))
                .sum()
        };
        let rising = weight(&|_, memory| memory.rising.is_some());
        let all = weight(&|server, _| server.is_eligible());
        if rising * 2 > all {
            memory.iter_mut().for_each(|remembered| remembered.rising = None);
        }
    }

    /// The weight of a server that rises since then, if it does.
    pub(super) fn weight(self, nominal: Thousandths, since: Option<Instant>) -> Thousandths {
        let Some(since) = since else { return nominal };
        let length = self.length.as_micros().max(1) as u64;
        let elapsed = (self.now.since(since).as_micros() as u64).min(length);
        let whole = u128::from(nominal);
        let begin = whole / u128::from(BEGIN);
        let risen = begin + (whole - begin) * u128::from(elapsed) / u128::from(length);
        // What has any weight never rises from none.
        Thousandths::try_from(risen).unwrap_or(nominal).max(1)
    }

    /// When the next step is due.
    pub(super) fn next(self, memory: &[ServerMemory]) -> Option<Instant> {
        let step = (self.length / STEPS).max(STEP);
        let end = |since: Instant| since.plus(self.length);
        let due = |since: Instant| self.now.plus(step).min(end(since));
        memory.iter().filter_map(|one| one.rising).map(due).min()
    }
}
