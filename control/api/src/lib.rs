//! The messages between dataplane, control and command line.
//!
//! They travel over a Unix stream socket, one request and one response after the
//! other, each in a frame: its length as four bytes, big-endian, then JSON of at most
//! [`frame::LIMIT`] bytes. Every message says which [`VERSION`] of the protocol it
//! speaks. A message that is not understood is answered with a [`Failure`] and never
//! ends the process that reads it.
//!
//! Within a version, fields are only added: a reader ignores those it does not know,
//! and those it misses have defaults.
//!
//! [`client::Client`] asks; [`server::serve`] answers on blocking streams. Whoever
//! reads frames otherwise (asynchronously, say) uses [`frame::length`] and
//! [`message`].

#![deny(missing_docs)]

pub mod capture;
pub mod client;
pub mod configuration;
pub mod connections;
pub mod counters;
pub mod events;
pub mod failure;
pub mod frame;
pub mod key;
pub mod lease;
pub mod message;
pub mod neighbours;
pub mod observations;
pub mod packet_filter;
pub mod pair;
pub mod pools;
pub mod reload;
pub mod server;
pub mod services;
pub mod status;
pub mod stream;
pub mod trace;
mod version;
pub mod versions;

pub use capture::{
    Capture, CaptureFrame, CaptureNic, CapturePoint, CaptureStatistics, CapturedPacket, Capturing,
};
pub use client::Client;
pub use configuration::{SourcePiece, SourcesInForce, SourcesPage};
pub use connections::{
    Connection, ConnectionCounts, ConnectionGroup, ConnectionKind, ConnectionOrder, Connections,
    CountBy, CountConnections, Cursor, Endpoints, Filter, Kill, Killed, Page, ServerAddress,
    SortKey,
};
pub use counters::{Counters, DropCount, MempoolUse, WorkerCounters};
pub use events::{
    EVENT_VERSION, Event, EventKind, EventSeverity, EventsFound, EventsPage, MOST_EVENTS,
};
pub use failure::{Failure, FailureKind};
pub use key::{HeldKey, KeyOrder, KeyState, KeyStep};
pub use lease::{LeaseOrder, LeaseStatus, NicState, Reach, SyncState, SyncStatus};
pub use message::{Request, Response};
pub use neighbours::{Neighbour, NeighbourState, Neighbours};
pub use observations::{Observation, Observations, Observe};
pub use packet_filter::{BpfInstruction, PacketFilter};
pub use pair::{Change, Keys, Member, NotUnderstood, Pair, Path, Sync, SyncLink};
pub use pools::{
    AdminOrder, Administer, Administered, Administrative, Operational, Origin, PeerExchange,
    PeerView, Pool, PoolMode, PoolServer, Pools, PoolsPage,
};
pub use reload::{Reload, Reloaded};
pub use services::{
    ConnectionLimit, Listen, PersistenceStatus, ReturnPath, ServerChange, ServerState,
    ServerStatus, ServiceChange, ServiceStatus, Services, ServicesPage, SetServers, SuspectCause,
    server_name,
};
pub use status::{
    ClientKey, Configuration, KeyOrigin, Nic, NicCounters, Role, Side, Status, WorkerStatus,
};
pub use trace::{
    Explain, Explanation, Journey, PacketSummary, Step, Trace, TraceCounts, TracePage, TracePoint,
    TraceStage,
};
pub use version::VERSION;
pub use versions::{
    Applied, Apply, RollBack, Version, VersionFile, VersionFiles, VersionNumber, VersionOrigin,
    Versions,
};
