//! One next hop that is asked.

use std::net::Ipv4Addr;

use nat::Instant;

/// Milliseconds that an answer may take.
const TIMEOUT: u64 = 80;
/// Questions without an answer that make a next hop silent. All but the last of them go to its
/// last known Ethernet address.
const MISSES: u8 = 3;
/// Every so many questions to a silent one go to all: it may have another Ethernet address.
const BROADCAST: u8 = 5;

/// What is known of a next hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TargetState {
    /// It has not answered yet.
    Unknown,
    Answers,
    Silent,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) address: Ipv4Addr,
    pub(super) state: TargetState,
    /// When it was asked last, in milliseconds; `None`: it is to be asked now.
    asked: Option<u64>,
    /// Its answer is awaited.
    is_open: bool,
    /// Questions in a row that it did not answer.
    misses: u8,
    /// It has not been asked since everybody was to be.
    pub(super) is_owed: bool,
}

impl Target {
    pub(super) fn new(address: Ipv4Addr) -> Self {
        let state = TargetState::Unknown;
        Target { address, state, asked: None, is_open: false, misses: 0, is_owed: false }
    }

    pub(super) fn answered(&mut self) {
        (self.state, self.is_open, self.misses) = (TargetState::Answers, false, 0);
        // An answer to a question from before the order says nothing newer; but it has just
        // come, so the next hop is there.
        self.is_owed = false;
    }

    pub(super) fn seen(&mut self) {
        if self.state == TargetState::Silent && !self.is_open {
            self.asked = None;
        }
    }

    /// It is to be asked anew, whatever it was asked before.
    pub(super) fn owe(&mut self) {
        (self.is_owed, self.is_open, self.asked) = (true, false, None);
    }

    /// Time in which answers could not be seen.
    pub(super) fn excuse(&mut self, time: u64) {
        self.asked = self.asked.map(|asked| asked + time);
    }

    /// Finds that the answer has not come. Where it may have been lost on this machine that means
    /// nothing of a next hop that answers, and it is asked again in its turn.
    pub(super) fn miss(&mut self, now: Instant, is_deaf: bool) {
        let is_late = self.asked.is_some_and(|asked| now.millis().saturating_sub(asked) >= TIMEOUT);
        if !self.is_open || !is_late {
            return;
        }
        self.is_open = false;
        if is_deaf && self.state == TargetState::Answers {
            return;
        }
        self.misses = self.misses.saturating_add(1);
        if self.misses >= MISSES {
            // One that was silent before stays so: one more question is enough.
            self.state = TargetState::Silent;
            self.is_owed = false;
        }
    }

    /// It is to be asked now, whoever else is.
    pub(super) fn is_urgent(&self) -> bool {
        let is_doubtful = self.misses > 0 && self.state != TargetState::Silent;
        self.asked.is_none() || (!self.is_open && (is_doubtful || self.is_owed))
    }

    /// It was asked long enough ago.
    pub(super) fn is_due(&self, now: Instant, pace: u64) -> bool {
        let rested = self.asked.is_none_or(|asked| now.millis().saturating_sub(asked) >= pace);
        !self.is_open && rested
    }

    /// Asks it; true if all are to be asked, as its Ethernet address may be another.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        self.asked = Some(now.millis());
        self.is_open = true;
        match self.state {
            TargetState::Silent => self.misses % BROADCAST == 0,
            _ => self.misses + 1 == MISSES,
        }
    }
}
