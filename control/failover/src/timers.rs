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
    /// How long a machine waits for the other to take the role: one that is active and asked
    /// for it, or one without the role beside a peer that goes first and is not understood.
    pub handover: Duration,
    /// How long a standby machine has reached more than the active one before it asks for the
    /// role; longer than the two machines take to find out the same.
    pub confirm: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Timers {
            interval: Duration::from_millis(20),
            dead: Duration::from_millis(150),
            lease: Duration::from_millis(120),
            preempt: None,
            handover: Duration::from_secs(2),
            confirm: Duration::from_millis(300),
        }
    }
}

impl Timers {
    /// How long a peer whose dataplane has this lease has to be silent to be given up. Both
    /// machines ought to have the same timers; if they have not, the peer may be active for
    /// longer after its last heartbeat than the own dead interval allows for.
    pub(crate) fn patience(&self, lease: Duration) -> Duration {
        self.dead.max(lease + self.dead.saturating_sub(self.lease))
    }

    /// Between two steps of a machine that runs as it should there is at most this much;
    /// more means that it was kept from running.
    pub(crate) fn late(&self) -> Duration {
        self.interval * 2
    }

    /// A machine whose link is down, or that reaches less than the peer, waits so long for
    /// the last connections to reach the peer: its packets are being lost meanwhile, and sync
    /// may need that very link.
    pub(crate) fn drain(&self) -> Duration {
        self.interval * 3
    }

    /// A witness lost so soon after the peer was lost with it. Longer than it takes to
    /// find a witness silent, which is asked less often than heartbeats come.
    pub(crate) fn together(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// A question to every next hop whose answer is not told by then is asked again: the
    /// order may have been lost with the dataplane that it was given to.
    pub(crate) fn probe(&self) -> Duration {
        Duration::from_secs(2)
    }

    /// Moves of the role for what a machine reaches that are further apart have nothing to do
    /// with each other.
    pub(crate) fn calm(&self) -> Duration {
        Duration::from_secs(60)
    }
}
