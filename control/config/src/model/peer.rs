//! The other machine of the pair.

use std::net::IpAddr;
use std::path::PathBuf;

/// The other machine: how it is reached, and who is preferred.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The paths that heartbeats take, distinct, at least one.
    pub paths: Vec<PeerPath>,
    /// The file with the shared key, mode 0600.
    pub key_file: PathBuf,
    /// The higher is preferred when both are ready.
    pub priority: u8,
}

/// One path to the peer. It may run over a management network, so its family is its
/// own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PeerPath {
    /// This machine's end: a real address.
    pub local: IpAddr,
    /// The peer's end, of the same family.
    pub remote: IpAddr,
}
