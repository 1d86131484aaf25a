//! What a heartbeat says, once it is decrypted.
//!
//! ```text
//!   version  echo  active  kind  sequence term  role priority fitness wish  sync lag
//!   1        16    1       1     8        8     1    1        1       1     1    8
//!
//!   dead  lease  public and private: set, asked, answering  name   obstacles
//!   4     4      2 * (8 + 2 + 2)                            1 + n  1 + each 1 + n
//!
//!   digests of the configuration: of the keys, then of each section
//!   8                             5 * 8
//! ```
//!
//! The last of the obstacles may tell that the sender is damped. A hello ends behind its kind. Numbers are little-endian, times in milliseconds. Version,
//! echo, and whether its sender is active (0: no, 1: yes, 2: it does not say) stand there in
//! every version. What is of another version, or longer, shorter or of unknown value anywhere
//! behind these, is not understood, and tells that its sender lives all the same.

use core::time::Duration;
use std::sync::Arc;

use api::SyncState;
use config::{Digests, Timing};
use failover::{Fitness, Heartbeat, Identity, Reach, Role, Term, Wish};

use super::salt::Salt;

/// What a datagram says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The salt of the receiver, as the sender last heard it.
    pub echo: Salt,
    pub body: Body,
}

/// The kinds of messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// Nothing but the echo.
    Hello,
    Heartbeat(Box<HeartbeatPayload>),
    /// Something of another version, or that makes no sense.
    NotUnderstood(NotUnderstood),
}

/// What is understood of a message that is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotUnderstood {
    pub version: u8,
    /// Its sender is the active machine; none: it does not say.
    pub active: Option<bool>,
}

/// A heartbeat with what goes along.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeartbeatPayload {
    /// Grows with each heartbeat of a start; the same on every path.
    pub sequence: u64,
    /// What the state machine has to say.
    pub heartbeat: Heartbeat,
    /// How far connection sync has come.
    pub progress: Progress,
    /// The sender's own, so that two machines find out that theirs differ.
    pub timers: Timers,
    /// What keeps the sender from being ready, for the operator; at most
    /// [`HeartbeatPayload::OBSTACLES`] of at most 255 bytes.
    pub obstacles: Vec<String>,
    /// Why and for how long the sender is damped, if it is. It travels as the last obstacle, so
    /// that a machine of an older release understands the heartbeat.
    pub damped: Option<String>,
    /// Of the sender's configuration, so that two machines find out that theirs differ.
    pub digests: Digests,
}

/// How far connection sync has come, as the sender's dataplane sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// What the dataplane does.
    pub state: SyncState,
    /// It has every connection of the active machine.
    pub complete: bool,
    /// Events on their way.
    pub lag: u64,
}

/// The timers that both machines must have alike: one whose lease outlives the other's dead
/// interval goes on while it is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timers {
    /// Silence after which the peer is given up, in milliseconds.
    pub dead: u32,
    /// How long a dataplane keeps the role without a renewal, in milliseconds.
    pub lease: u32,
}

impl From<Timing> for Timers {
    fn from(timing: Timing) -> Self {
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        Timers { dead: millis(timing.dead), lease: millis(timing.lease) }
    }
}

impl HeartbeatPayload {
    /// The most obstacles that are told.
    pub const OBSTACLES: usize = 4;
}

/// The version of messages.
pub const VERSION: u8 = 2;

const HELLO: u8 = 0;
const HEARTBEAT: u8 = 1;

const ROLES: [Role; 4] = [Role::Listening, Role::Standby, Role::Active, Role::Leaving];
const ACTIVE: [Option<bool>; 3] = [Some(false), Some(true), None];
const WISHES: [Wish; 4] = [Wish::None, Wish::TakeOver, Wish::LetMe, Wish::ReachesMore];
const STATES: [SyncState; 3] = [SyncState::Off, SyncState::Bulk, SyncState::Following];

const ABLE: u8 = 1;
const SYNCED: u8 = 2;
const LINKS: u8 = 4;
const WITNESS_ASKED: u8 = 8;
const WITNESS_ANSWERS: u8 = 16;
const HEARS_PEER: u8 = 32;
const COMPLETE: u8 = 0x80;

/// How the obstacle begins that is none: its sender is damped.
const DAMPED: &str = "damped: ";

impl Message {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        let (version, active) = match &self.body {
            Body::Hello => (VERSION, None),
            Body::Heartbeat(payload) => (VERSION, Some(payload.heartbeat.role == Role::Active)),
            Body::NotUnderstood(NotUnderstood { version, active }) => (*version, *active),
        };
        out.push(version);
        out.extend(self.echo.0);
        out.push(position(&ACTIVE, &active));
        match &self.body {
            Body::Hello => out.push(HELLO),
            Body::Heartbeat(payload) => {
                out.push(HEARTBEAT);
                payload.encode(&mut out);
            }
            Body::NotUnderstood(_) => {}
        }
        out
    }

    /// The message out of its bytes; none if not even its echo can be read.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let version = reader.byte()?;
        let echo = Salt(reader.take()?);
        let active = ACTIVE.get(usize::from(reader.byte()?)).copied().flatten();
        let not_understood = || Body::NotUnderstood(NotUnderstood { version, active });
        let body = Body::decode(version, active, reader).unwrap_or_else(not_understood);
        Some(Message { echo, body })
    }
}

impl Body {
    fn decode(version: u8, active: Option<bool>, mut reader: Reader<'_>) -> Option<Self> {
        if version != VERSION {
            return None;
        }
        let body = match reader.byte()? {
            HELLO => Body::Hello,
            HEARTBEAT => Body::Heartbeat(Box::new(HeartbeatPayload::decode(&mut reader)?)),
            _ => return None,
        };
        let is_so = match &body {
            Body::Heartbeat(payload) => active == Some(payload.heartbeat.role == Role::Active),
            _ => active.is_none(),
        };
        (is_so && reader.0.is_empty()).then_some(body)
    }
}

impl HeartbeatPayload {
    fn encode(&self, out: &mut Vec<u8>) {
        let Heartbeat { identity, term, role, fitness, wish, hears_peer, lease: _ } =
            &self.heartbeat;
        out.extend(self.sequence.to_le_bytes());
        out.extend(term.0.to_le_bytes());
        out.push(position(&ROLES, role));
        out.push(identity.priority);
        out.push(flags(*fitness) | if *hears_peer { HEARS_PEER } else { 0 });
        out.push(position(&WISHES, wish));
        let complete = if self.progress.complete { COMPLETE } else { 0 };
        out.push(position(&STATES, &self.progress.state) | complete);
        out.extend(self.progress.lag.to_le_bytes());
        out.extend(self.timers.dead.to_le_bytes());
        out.extend(self.timers.lease.to_le_bytes());
        for Reach { set, asked, answering } in fitness.reach {
            out.extend(set.to_le_bytes());
            out.extend(asked.to_le_bytes());
            out.extend(answering.to_le_bytes());
        }
        put_text(out, &identity.name);
        let damped = self.damped.as_ref().map(|why| format!("{DAMPED}{why}"));
        let room = Self::OBSTACLES - usize::from(damped.is_some());
        let obstacles = || self.obstacles.iter().take(room).chain(&damped);
        out.push(obstacles().count() as u8);
        obstacles().for_each(|obstacle| put_text(out, obstacle));
        out.extend(self.digests.schema.to_le_bytes());
        self.digests.sections.iter().for_each(|section| out.extend(section.to_le_bytes()));
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let (sequence, term) = (reader.word()?, Term(reader.word()?));
        let role = *ROLES.get(usize::from(reader.byte()?))?;
        let priority = reader.byte()?;
        let flags = reader.byte()?;
        let (fitness, hears_peer) = (fitness(flags & !HEARS_PEER)?, flags & HEARS_PEER != 0);
        let wish = *WISHES.get(usize::from(reader.byte()?))?;
        let sync = reader.byte()?;
        let state = *STATES.get(usize::from(sync & !COMPLETE))?;
        let progress = Progress { state, complete: sync & COMPLETE != 0, lag: reader.word()? };
        let timers = Timers { dead: reader.half()?, lease: reader.half()? };
        let fitness = Fitness { reach: [reader.reach()?, reader.reach()?], ..fitness };
        let name = Arc::from(reader.text()?);
        let count = usize::from(reader.byte()?);
        if count > Self::OBSTACLES {
            return None;
        }
        let mut obstacles =
            (0..count).map(|_| reader.text().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
        let last = obstacles.last().and_then(|last| last.strip_prefix(DAMPED));
        let damped = last.map(str::to_owned);
        if damped.is_some() {
            obstacles.pop();
        }
        // The start is known from what the datagram was sealed with.
        let identity = Identity { priority, name, start: 0 };
        let lease = Duration::from_millis(timers.lease.into());
        let heartbeat = Heartbeat { identity, term, role, fitness, wish, hears_peer, lease };
        let mut digests = Digests { schema: reader.word()?, ..Digests::default() };
        for section in &mut digests.sections {
            *section = reader.word()?;
        }
        Some(HeartbeatPayload { sequence, heartbeat, progress, timers, obstacles, damped, digests })
    }
}

/// The place of a value in the list of all.
fn position<T: PartialEq>(all: &[T], value: &T) -> u8 {
    all.iter().position(|one| one == value).map_or(u8::MAX >> 1, |place| place as u8)
}

fn flags(fitness: Fitness) -> u8 {
    let Fitness { able, synced, links, witness, reach: _ } = fitness;
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    flag(able, ABLE)
        | flag(synced, SYNCED)
        | flag(links, LINKS)
        | flag(witness.is_some(), WITNESS_ASKED)
        | flag(witness == Some(true), WITNESS_ANSWERS)
}

fn fitness(flags: u8) -> Option<Fitness> {
    let has = |flag: u8| flags & flag != 0;
    let known = ABLE | SYNCED | LINKS | WITNESS_ASKED | WITNESS_ANSWERS;
    let witness = match (has(WITNESS_ASKED), has(WITNESS_ANSWERS)) {
        (false, true) => return None,
        (false, false) => None,
        (true, answers) => Some(answers),
    };
    let (able, synced, links) = (has(ABLE), has(SYNCED), has(LINKS));
    let fitness = Fitness { able, synced, links, witness, ..Fitness::UNKNOWN };
    (flags & !known == 0).then_some(fitness)
}

/// Its length in a byte and the text, cut to what a byte can say.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut length = text.len().min(usize::from(u8::MAX));
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    out.push(length as u8);
    out.extend(text.as_bytes().iter().take(length));
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn word(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn half(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn reach(&mut self) -> Option<Reach> {
        let (set, asked) = (self.word()?, u16::from_le_bytes(self.take()?));
        Some(Reach { set, asked, answering: u16::from_le_bytes(self.take()?) })
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        core::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
pub(crate) mod tests;
