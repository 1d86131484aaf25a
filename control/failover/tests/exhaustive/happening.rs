//! What can happen to a pair, how much of it, and what is wrong with a flawed one.

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Happening {
    Tick(usize),
    /// The heartbeat that was sent to this machine arrives, or is lost.
    Deliver(usize),
    Lose(usize),
    Written(usize),
    Drained(usize),
    Crash(usize),
    Start(usize),
    Pause(usize),
    Resume(usize),
    CrashDataplane(usize),
    LinkDown(usize),
    LinkUp(usize),
    /// The gateway stops answering this machine, or answers it again.
    HopLost(usize),
    HopBack(usize),
    /// This machine has asked the gateway.
    Asked(usize),
    Handover(usize),
    Leave(usize),
    /// The next step of time begins.
    Advance,
}

/// How much goes wrong, and how many steps are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Budget {
    pub(crate) faults: u8,
    pub(crate) losses: u8,
    /// How often the gateway stops answering a machine or answers it again.
    pub(crate) hops: u8,
    pub(crate) until: u64,
}

/// A flaw of the pair that the rules must find.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Flaw {
    None,
    LongLease,
    CatchesUp,
    LiesAboutDisk,
    LiesAboutSync,
    /// What is not understood is taken for silence.
    IsDeaf,
    /// Machines of one name are not told apart.
    DrawsNoNumber,
}
