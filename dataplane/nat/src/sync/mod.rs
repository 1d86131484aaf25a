//! Connection sync: what one worker tells of its connections, and what one worker is told.
//!
//! ```text
//!   exporter's worker                                        importer's worker
//!     open, TCP state, close --+
//!     bulk walk ---------------+--> ring --> ... --> ring --> put, close
//!     tally, mark -------------+                          <-- tally asked for, sweep
//!                                                         --> ring of replies
//! ```
//!
//! The [`crate::Connections`] of a worker have at most one [`Session`]. An [`Export`]
//! writes an [`event::Event`] into its [`ring`] whenever a connection is opened, changes
//! its TCP state or ends, and in between walks once over the table and puts all that is
//! there. One ring in one order: so the walk needs no snapshot, and the last word on each
//! connection is the right one.
//!
//! Both ends keep a [`Tally`] for each of the exporter's workers: how many connections
//! were told of in this session, and a sum of hashes over them. A record carries the
//! [`Mark`] of the session that told of it last. What has an older one by the time that
//! everything was told is stale at the importer, and swept out.
//!
//! The importer keeps for each connection from which of the exporter's workers it came, as
//! the stream says; so it need not know how the exporter shares connections out, and
//! compares what each worker of the exporter tallies by itself.

mod entry;
pub mod event;
mod export;
pub(crate) mod import;
pub mod ring;
mod tally;

pub use entry::{Journaled, Order, Reply};
pub use event::{Change, Event, EventError, Replicated};
pub use export::Export;
pub use import::{Import, Installs, MAXIMUM_WORKERS};
pub use tally::Tally;

pub use crate::record::Mark;

use crate::record::Record;
use crate::tcp::State;

/// What the connections of one worker have to do with connection sync.
#[derive(Debug, Default)]
pub enum Session {
    /// Nothing.
    #[default]
    Off,
    /// They are told to another machine.
    Export(Box<Export>),
    /// They come from another machine.
    Import(Box<Import>),
}

impl Session {
    /// The mark of a connection that is opened here.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        match self {
            Session::Export(export) => export.mark(),
            _ => Mark::NONE,
        }
    }

    /// A connection was opened here, with [`Session::mark`].
    #[inline]
    pub(crate) fn opened<A: Replicated>(&mut self, record: &Record<A>) {
        if let Session::Export(export) = self {
            export.opened(record);
        }
    }

    /// The state of a connection was `before`.
    #[inline]
    pub(crate) fn changed<A: Replicated>(&mut self, record: &mut Record<A>, before: State) {
        match self {
            Session::Off => {}
            Session::Export(export) => export.changed(record, before),
            Session::Import(import) => import.changed(record, before),
        }
    }

    /// A connection is gone. It `was_weak` if it could have made room for others.
    #[inline]
    pub(crate) fn closed<A: Replicated>(&mut self, record: &Record<A>, was_weak: bool) {
        match self {
            Session::Off => {}
            Session::Export(export) => export.closed(record, was_weak),
            Session::Import(import) => import.forget(record),
        }
    }
}
