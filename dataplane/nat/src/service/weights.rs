//! What changes too often for a snapshot: the weight that counts of each real server.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{MAXIMUM_SERVERS, ServerId};

/// The weights of all real servers, by number. One thread sets them, workers read them for each
/// new connection. They lie beside the snapshots, so that a server that is drained, fails or
/// comes back touches no connection.
#[derive(Debug)]
pub struct Weights(Box<[AtomicU32]>);

impl Default for Weights {
    fn default() -> Self {
        Weights((0..MAXIMUM_SERVERS).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Weights {
    /// The server's share of new connections now; 0 gets none.
    #[inline(always)]
    pub fn of(&self, server: ServerId) -> u32 {
        self.0.get(server.index()).map_or(0, |weight| weight.load(Relaxed))
    }

    /// Gives the server another share from its next new connection on.
    pub fn set(&self, server: ServerId, weight: u32) {
        if let Some(place) = self.0.get(server.index()) {
            place.store(weight, Relaxed);
        }
    }
}
