//! How many connections each real server has, for the schedulers.

use super::{MAXIMUM_SERVERS, ServerId};
use crate::scheduler::Load;

/// The loads of all real servers.
pub struct Loads(Vec<Load>);

impl Loads {
    pub(crate) fn new() -> Self {
        Loads(vec![Load::default(); MAXIMUM_SERVERS])
    }

    /// The load of one server; none for [`ServerId::NONE`].
    pub fn of(&self, server: ServerId) -> Load {
        self.0.get(server.index()).copied().unwrap_or_default()
    }

    fn counter(&mut self, server: ServerId, active: bool) -> Option<&mut u32> {
        let load = self.0.get_mut(server.index())?;
        Some(if active { &mut load.active } else { &mut load.inactive })
    }

    pub(crate) fn opened(&mut self, server: ServerId, active: bool) {
        if let Some(count) = self.counter(server, active) {
            *count += 1;
        }
    }

    pub(crate) fn closed(&mut self, server: ServerId, active: bool) {
        if let Some(count) = self.counter(server, active) {
            *count = count.saturating_sub(1);
        }
    }

    pub(crate) fn moved(&mut self, server: ServerId, to_active: bool) {
        self.closed(server, !to_active);
        self.opened(server, to_active);
    }
}
