//! Whether NICs send packets to the worker that owns their connection, as they said they would.

use config::CoreId;
use nat::Instant;

use crate::counters::WorkerCounters;

/// Milliseconds between looks.
const LOOK: u64 = 1000;
/// Packets in that time that make a share of them worth anything.
const LEAST: u64 = 1000;
/// Percent that a worker may hand to others: fragments, ICMP errors, hairpin connections.
const MOST: u64 = 5;

/// What a worker had counted at the last look.
#[derive(Clone, Copy, Default)]
struct Seen {
    received: u64,
    handed_off: u64,
}

/// What is watched of workers whose NICs choose among them; until it has had something to say.
pub struct Spread {
    cores: Vec<CoreId>,
    seen: Vec<Seen>,
    looked: Instant,
}

impl Spread {
    /// Over the workers on these cores.
    pub fn new(cores: Vec<CoreId>, now: Instant) -> Self {
        let seen = vec![Seen::default(); cores.len()];
        Spread { cores, seen, looked: now }
    }

    /// Looks at the workers' counters, once a second. The core of a worker that hands too much
    /// to others, and how many percent.
    pub(super) fn look<'a>(
        &mut self,
        workers: impl Iterator<Item = &'a WorkerCounters>,
        now: Instant,
    ) -> Option<(CoreId, u64)> {
        if now.since(self.looked) < LOOK {
            return None;
        }
        self.looked = now;
        let mut found = None;
        for ((core, seen), counters) in self.cores.iter().zip(&mut self.seen).zip(workers) {
            let before = *seen;
            let [public, private] = counters.received.each_ref().map(|count| count.get());
            *seen = Seen { received: public + private, handed_off: counters.handed_off.get() };
            let received = seen.received - before.received;
            let percent = (seen.handed_off - before.handed_off) * 100 / received.max(1);
            if received >= LEAST && percent > MOST {
                found = Some((*core, percent));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_hands_on_what_it_should_not_have_got_is_found() {
        let workers = [WorkerCounters::default(), WorkerCounters::default()];
        let at = Instant::from_millis;
        let mut spread = Spread::new(vec![CoreId(2), CoreId(3)], at(0));
        let mut look = |now| spread.look(workers.iter(), at(now));

        // Fragments, and errors of routers on the way.
        workers[1].received[0].add(10_000);
        workers[1].handed_off.add(300);
        assert_eq!(look(1000), None);

        workers[1].received[1].add(10_000);
        workers[1].handed_off.add(5000);
        assert_eq!(look(1999), None, "it is not time yet");
        assert_eq!(look(2000), Some((CoreId(3), 50)));
        assert_eq!(look(3000), None, "there is nothing new");

        // Too few packets to tell.
        workers[0].received[0].add(100);
        workers[0].handed_off.add(100);
        assert_eq!(look(4000), None);
    }
}
