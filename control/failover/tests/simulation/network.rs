//! The simulated paths between the machines.

use crate::random::Random;

/// Paths between the machines: over the public NIC, over the private one, and direct.
pub(crate) const PATHS: usize = 3;
/// No heartbeat that arrives takes longer: what lies between the lease and the dead
/// interval, less what the clocks differ. A control process that is restarted at the end of
/// its lease is heard in time only then.
pub(crate) const SLOWEST: u64 = 24_000;

/// What a path does with what one machine sends.
#[derive(Clone, Copy, Default)]
struct PathFault {
    /// Losses in a thousand until `bad_until`.
    loss: u64,
    bad_until: u64,
}

pub(crate) struct Network {
    faults: [[PathFault; PATHS]; 2],
    /// Losses in a thousand that are always there.
    pub(crate) everyday_loss: u64,
    slow: u64,
    slow_until: u64,
}

impl Network {
    pub(crate) fn new() -> Self {
        Network { faults: Default::default(), everyday_loss: 0, slow: 0, slow_until: 0 }
    }

    pub(crate) fn damage(&mut self, from: usize, path: usize, loss: u64, until: u64, now: u64) {
        let fault = &mut self.faults[from][path];
        let still = if fault.bad_until > now { fault.loss } else { 0 };
        *fault = PathFault { loss: loss.max(still), bad_until: fault.bad_until.max(until) };
    }

    pub(crate) fn delay(&mut self, slow: u64, until: u64) {
        self.slow = slow;
        self.slow_until = self.slow_until.max(until);
    }

    /// When a heartbeat sent now arrives: not at all, once or twice. Most are quick, some
    /// are overtaken.
    pub(crate) fn carry(
        &self,
        from: usize,
        path: usize,
        now: u64,
        random: &mut Random,
    ) -> [Option<u64>; 2] {
        let fault = self.faults[from][path];
        let loss = if now < fault.bad_until { fault.loss } else { self.everyday_loss };
        if random.chance(loss) {
            return [None, None];
        }
        let slow = match () {
            () if now < self.slow_until => self.slow,
            () if random.chance(50) => 4_000,
            () => 400,
        };
        let mut arrival = || Some(now + random.within(50, slow));
        let first = arrival();
        let second = if random.chance(10) { Some(now + random.within(50, slow)) } else { None };
        [first, second]
    }

    /// True if some path has carried everything from this machine for so long.
    pub(crate) fn carries(&self, from: usize, time: u64, now: u64) -> bool {
        self.everyday_loss == 0
            && self.faults[from].iter().any(|fault| fault.bad_until + time <= now)
    }

    /// True if some path has carried everything both ways for so long.
    pub(crate) fn is_whole(&self, time: u64, now: u64) -> bool {
        self.everyday_loss == 0
            && (0..PATHS).any(|path| self.faults.iter().all(|w| w[path].bad_until + time <= now))
    }
}
