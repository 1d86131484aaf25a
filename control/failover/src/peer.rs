//! What is known of the other machine.

use core::time::Duration;

use crate::heartbeat::{Heartbeat, Incompatible, Role};
use crate::time::Instant;

/// The peer as its last message describes it, over whichever path that came.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Peer {
    last: Option<Last>,
    /// How long the peer's dataplane may stay active without its control process.
    lease: Duration,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Last {
    heard: Instant,
    /// Since when the peer has been silent while this machine listened.
    silent_since: Instant,
    word: Word,
}

/// The last message of the peer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Word {
    Heartbeat(Heartbeat),
    /// A message that could not be read as a heartbeat.
    Incompatible {
        said: Incompatible,
        /// Since when the peer has said that it is not active.
        idle_since: Instant,
    },
}

impl Peer {
    pub(crate) fn heard(&mut self, heartbeat: Heartbeat, now: Instant) {
        self.lease = heartbeat.lease;
        self.set(Word::Heartbeat(heartbeat), now);
    }

    /// Takes in a message that proves that the peer lives and cannot be read. What it does not say
    /// stays as before; a peer that has never said whether it is active may be.
    pub(crate) fn not_understood(&mut self, said: Incompatible, now: Instant) {
        let before = self.last.as_ref().map(|last| &last.word);
        let was_active = match before {
            Some(Word::Heartbeat(heartbeat)) => Some(heartbeat.role == Role::Active),
            Some(Word::Incompatible { said, .. }) => said.active,
            None => None,
        };
        let said = Incompatible { active: said.active.or(was_active), ..said };
        let idle_since = match before {
            Some(Word::Incompatible { said: before, idle_since }) if is_idle(*before) => {
                *idle_since
            }
            _ => now,
        };
        let idle_since = if is_idle(said) { idle_since } else { now };
        self.set(Word::Incompatible { said, idle_since }, now);
    }

    fn set(&mut self, word: Word, now: Instant) {
        self.last = Some(Last { heard: now, silent_since: now, word });
    }

    /// Forgets the last message. How long the peer's dataplane may stay active stays as before.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Does not count a time in which this machine did not run as silence of the peer.
    pub(crate) fn excuse(&mut self, time: Duration) {
        if let Some(last) = &mut self.last {
            last.silent_since = last.silent_since.plus(time);
        }
    }

    pub(crate) fn lease(&self) -> Duration {
        self.lease
    }

    /// The last message, unless the peer has been silent for longer than `patience`.
    fn alive(&self, now: Instant, patience: Duration) -> Option<&Word> {
        let last = self.last.as_ref()?;
        (now.since(last.silent_since) < patience).then_some(&last.word)
    }

    /// The last message if it is a heartbeat, unless the peer has been silent for longer than
    /// `patience`.
    pub(crate) fn heartbeat(&self, now: Instant, patience: Duration) -> Option<&Heartbeat> {
        match self.alive(now, patience)? {
            Word::Heartbeat(heartbeat) => Some(heartbeat),
            Word::Incompatible { .. } => None,
        }
    }

    /// The last message if it could not be read, unless the peer has been silent for longer than
    /// `patience`; and since when the peer has said that it is not active.
    pub(crate) fn incompatible(
        &self,
        now: Instant,
        patience: Duration,
    ) -> Option<(Incompatible, Instant)> {
        match self.alive(now, patience)? {
            Word::Incompatible { said, idle_since } => Some((*said, *idle_since)),
            Word::Heartbeat(_) => None,
        }
    }

    /// True if the last message is no older than `age`.
    pub(crate) fn is_fresh(&self, now: Instant, age: Duration) -> bool {
        self.last.as_ref().is_some_and(|last| now.since(last.heard) <= age)
    }

    /// Since when the peer has been silent, however long that is.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        self.last.as_ref().map(|last| last.silent_since)
    }

    /// The last message if it is a heartbeat, and since when the peer has been silent, however long
    /// that is.
    pub(crate) fn last_heartbeat(&self) -> Option<(Instant, &Heartbeat)> {
        match self.last.as_ref()? {
            Last { silent_since, word: Word::Heartbeat(heartbeat), .. } => {
                Some((*silent_since, heartbeat))
            }
            _ => None,
        }
    }
}

fn is_idle(said: Incompatible) -> bool {
    said.active == Some(false)
}
