//! The intervals by which failover decides.

use core::time::Duration;

use crate::damping::Damping;

/// The intervals of one machine; both machines of a pair ought to have the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timers {
    /// The time between two heartbeats on a path.
    pub interval: Duration,
    /// The silence on every path after which the peer counts as dead.
    pub dead: Duration,
    /// How long the dataplane stays active after a renewal; shorter than `dead` by what
    /// two clocks may differ and a message may take.
    pub lease: Duration,
    /// How long a machine of higher priority is ready before it asks for the role; `None` stands
    /// for never.
    pub preempt: Option<Duration>,
    /// How long a machine waits for the other to take the role: one that is active and asked
    /// for it, or one without the role beside a peer that goes first and is not understood.
    pub handover: Duration,
    /// How long a standby machine has reached more than the active one before it asks for the
    /// role; longer than the two machines take to find out the same.
    pub confirm: Duration,
    /// How long the peer may need to find this machine once its dataplane runs and its links are up,
    /// if that is longer than `dead`: hosts repeat what they ask by ARP once a second (RFC 1122
    /// section 2.3.2.1).
    pub resolve: Duration,
    /// How long the links may take to come up once the dataplane runs. A machine whose links are
    /// down may not hear the peer.
    pub negotiate: Duration,
    /// How losses of fitness add up until a machine is damped.
    pub damping: Damping,
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
            resolve: Duration::ZERO,
            negotiate: Duration::ZERO,
            damping: Damping::default(),
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

    /// How long a machine that begins to hear listens before silence means anything.
    pub(crate) fn listening(&self) -> Duration {
        self.dead.max(self.resolve)
    }

    /// The most time between two steps of a machine that runs as it should. A longer gap means that
    /// it was kept from running.
    pub(crate) fn late(&self) -> Duration {
        self.interval * 2
    }

    /// How long a machine whose link is down, or that reaches less than the peer, waits for the
    /// last connections to reach the peer. It is short because packets are lost meanwhile, and sync
    /// may need that very link.
    pub(crate) fn drain(&self) -> Duration {
        self.interval * 3
    }

    /// The time after the last heartbeat within which a witness counts as lost together with the
    /// peer. The witness is asked less often than heartbeats come, so this is longer than it takes
    /// to find it silent.
    pub(crate) fn together(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// The time after which an order to ask every next hop is given again if it is not done. The
    /// order may have been lost with the dataplane that it was given to.
    pub(crate) fn probe(&self) -> Duration {
        Duration::from_secs(2)
    }
}
