//! What goes through the rings besides events, in the same order.
//!
//! The lowest byte of the last word tells the entries apart: small numbers are events.

use super::event;
use super::ring::Words;
use super::tally::Tally;

const TALLY: u8 = 0x10;
const MARK: u8 = 0x11;
const COUNT: u8 = 0x20;
const SWEEP: u8 = 0x21;
const COUNTED: u8 = 0x30;
const SWEPT: u8 = 0x31;

/// A bit of the second lowest byte.
const FLAG: u64 = 1 << 8;
const ORIGIN: u32 = 48;

fn operation(words: Words) -> u8 {
    words[3] as u8
}

fn flag(words: Words) -> bool {
    words[3] & FLAG != 0
}

fn last(operation: u8, flag: bool, origin: u16) -> u64 {
    u64::from(operation) | if flag { FLAG } else { 0 } | u64::from(origin) << ORIGIN
}

/// What an exporting worker writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Journaled {
    /// An event.
    Event(Words),
    /// What the worker has told by now.
    Tally {
        /// The tally.
        tally: Tally,
        /// The walk over the table has ended.
        complete: bool,
    },
    /// The mark that the reader wanted.
    Mark(u64),
}

impl Journaled {
    /// As it stands in the ring.
    pub fn words(self) -> Words {
        match self {
            Journaled::Event(words) => words,
            Journaled::Tally { tally, complete } => {
                [tally.count, tally.digest, 0, last(TALLY, complete, 0)]
            }
            Journaled::Mark(number) => [number, 0, 0, last(MARK, false, 0)],
        }
    }
}

impl From<Words> for Journaled {
    fn from(words: Words) -> Self {
        let [first, digest, ..] = words;
        match operation(words) {
            TALLY => {
                let tally = Tally { count: first, digest };
                Journaled::Tally { tally, complete: flag(words) }
            }
            MARK => Journaled::Mark(first),
            _ => Journaled::Event(words),
        }
    }
}

/// What an importing worker is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// To install an event; it carries its origin ([`event::with_origin`]).
    Event(Words),
    /// To say what it has by now of one of the exporter's workers.
    Count {
        /// That worker.
        origin: u16,
        /// To be sent back.
        number: u64,
    },
    /// To remove what this session has not put.
    Sweep,
}

impl Order {
    /// As it stands in the ring.
    pub fn words(self) -> Words {
        match self {
            Order::Event(words) => words,
            Order::Count { origin, number } => [number, 0, 0, last(COUNT, false, origin)],
            Order::Sweep => [0, 0, 0, last(SWEEP, false, 0)],
        }
    }
}

impl From<Words> for Order {
    fn from(words: Words) -> Self {
        match operation(words) {
            COUNT => Order::Count { origin: event::origin(words), number: words[0] },
            SWEEP => Order::Sweep,
            _ => Order::Event(words),
        }
    }
}

/// What an importing worker answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// To [`Order::Count`].
    Counted {
        /// The exporter's worker.
        origin: u16,
        /// The order's number.
        number: u64,
        /// What this worker has of it.
        tally: Tally,
        /// This machine is standby. An active one has connections of its own, and does
        /// not do all that it is told.
        standby: bool,
    },
    /// To [`Order::Sweep`], when it is done.
    Swept,
}

impl Reply {
    /// As it stands in the ring.
    pub fn words(self) -> Words {
        match self {
            Reply::Counted { origin, number, tally, standby } => {
                [tally.count, tally.digest, number, last(COUNTED, standby, origin)]
            }
            Reply::Swept => [0, 0, 0, last(SWEPT, false, 0)],
        }
    }

    /// The reply in the ring; `None` for what is none.
    pub fn from_words(words: Words) -> Option<Self> {
        let [count, digest, number, _] = words;
        match operation(words) {
            COUNTED => Some(Reply::Counted {
                origin: event::origin(words),
                number,
                tally: Tally { count, digest },
                standby: flag(words),
            }),
            SWEPT => Some(Reply::Swept),
            _ => None,
        }
    }
}
