//! The intervals of failover.

use core::time::Duration;

/// How often, how long.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timers {
    /// Between two heartbeats.
    pub interval: Duration,
    /// Silence on every path after which the peer is given up.
    pub dead: Duration,
    /// How long the dataplane stays active after a renewal; shorter than `dead` by what
    /// two clocks may differ and a message may take.
    pub lease: Duration,
    /// How long a machine of higher priority has been ready before it asks for the role;
    /// `None`: never.
    pub preempt: Option<Duration>,
    /// How long an active machine waits for the other to take over when it asked it to.
    pub handover: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Timers {
            interval: Duration::from_millis(20),
            dead: Duration::from_millis(150),
            lease: Duration::from_millis(120),
            preempt: None,
            handover: Duration::from_secs(2),
        }
    }
}
