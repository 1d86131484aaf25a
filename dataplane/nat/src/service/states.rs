//! What changes of a service too often for a snapshot.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{MAXIMUM_SERVICES, ServiceId};

/// The states of all services, by number. One thread sets them, workers read them for each new
/// connection. They lie beside the snapshots, as the weights of servers do.
#[derive(Debug)]
pub struct ServiceStates(Box<[AtomicBool]>);

impl Default for ServiceStates {
    fn default() -> Self {
        ServiceStates((0..MAXIMUM_SERVICES).map(|_| AtomicBool::new(false)).collect())
    }
}

impl ServiceStates {
    /// True while new connections go to sorry servers, whatever the servers' weights are; and
    /// to nobody, where there is no sorry server.
    #[inline(always)]
    pub fn is_sorry_only(&self, service: ServiceId) -> bool {
        self.0.get(service.index()).is_some_and(|one| one.load(Relaxed))
    }

    /// Sends the service's clients to sorry servers from its next new connection on, or to its
    /// servers again.
    pub fn set_sorry_only(&self, service: ServiceId, sorry_only: bool) {
        if let Some(one) = self.0.get(service.index()) {
            one.store(sorry_only, Relaxed);
        }
    }
}
