//! Connection sync between the machines: carries the stream of the active dataplane to the
//! standby one, and the confirmations back.
//!
//! ```text
//!   active machine                                          standby machine
//!   dataplane -- Unix socket -- [pump] == TCP, Noise == [pump] -- Unix socket -- dataplane
//!                export          |      dialled by the       |       import
//!                             [accept]  standby machine   [dial]
//! ```
//!
//! [`manager`] follows the role: it dials on a standby machine, takes what [`accept`] brings
//! on an active one, and turns round when the role does. A connection is authenticated and
//! encrypted by [`noise`] before anything else happens; then [`pump`] carries bytes, which
//! need not be understood here. Every end of a stream has a reason that the operator is
//! told.

pub mod accept;
pub mod dataplane;
pub mod dial;
pub mod manager;
pub mod noise;
pub mod pump;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use api::SyncLink;
use failover::Instant;

/// An idle stream is kept alive so often.
pub const KEEPALIVE: Duration = Duration::from_millis(100);
/// A stream that brings nothing for so long is cut, or for the dead interval, if that is longer.
pub const SILENCE: Duration = Duration::from_millis(600);
/// How long a connection, and then its handshake, may take.
pub const HANDSHAKE: Duration = Duration::from_secs(1);

/// How the stream between the machines is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The direction of the stream, if one is up.
    pub link: SyncLink,
    /// The peer's end of the path that the stream takes.
    pub path: Option<String>,
    /// Why there is no stream.
    pub trouble: Option<String>,
    /// When the stream came up: what the dataplane said before is about an earlier one.
    pub since: Instant,
}

/// What happened to connections between the machines, for the metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// How many streams have come up since the start.
    pub streams: AtomicU64,
    /// Bytes of the dataplane's frames sent to the peer.
    pub sent: AtomicU64,
    pub received: AtomicU64,
    /// Connections refused: from an address that is no path's.
    pub refused_address: AtomicU64,
    /// Connections refused because too many others were not authenticated yet.
    pub refused_busy: AtomicU64,
    /// Because the handshake failed: without the shared key, or too slow.
    pub refused_handshake: AtomicU64,
    /// Because the other end speaks another version.
    pub refused_version: AtomicU64,
}

pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Why a stream ended or did not come about, in a sentence without its full stop.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Network(String),
    /// The peer said nothing for as long as it is waited for.
    #[error("nothing came from the peer in time")]
    Silent,
    /// The peer closed the stream.
    #[error("the peer closed the stream")]
    Closed,
    /// The handshake failed, or a message is not authentic.
    #[error("the peer does not prove that it has the shared key")]
    Key,
    /// The peer speaks another version of the protocol.
    #[error(
        "the peer speaks version {theirs} of connection sync and version {own} is spoken here: \
         install the same release of tandem on both machines"
    )]
    Version {
        /// The versions that the peer speaks.
        theirs: String,
        /// The versions that are spoken here.
        own: String,
    },
    /// Such a connection is of no use now.
    #[error("the connection is not taken now")]
    NotAdmitted,
    /// Another program than tandem-control answers.
    #[error("another program than tandem-control answers")]
    NotTandem,
    /// The own dataplane ended it, or does not do it.
    #[error("the dataplane: {0}")]
    Dataplane(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                Trouble::Closed
            }
            ErrorKind::ConnectionRefused => {
                Trouble::Network("the peer does not take connections".to_owned())
            }
            _ => Trouble::Network(error.to_string()),
        }
    }
}
