//! Orders about the role: many a second, so they wait for nothing that a reload or a
//! listing holds.

use api::{Failure, LeaseOrder, LeaseStatus};

use super::Admin;
use crate::clock::Tsc;

impl Admin {
    pub(super) fn lease_order(&self, order: LeaseOrder) -> Result<LeaseStatus, Failure> {
        // The clock of the order first: a pause between the two shortens the lease.
        let current = order.at(api::lease::monotonic_micros());
        let mut lease_status = self.role.order(current.unwrap_or(LeaseOrder::Watch), Tsc::now())?;
        lease_status.granted &= current.is_some();
        match order {
            LeaseOrder::Claim { .. } if lease_status.granted => self.sync.claimed(),
            // The numbers of the order and of what is done are in the answer.
            LeaseOrder::Drain => lease_status.granted = self.sync.drain().is_ok(),
            _ => {}
        }
        lease_status.sync = self.sync_status();
        Ok(lease_status)
    }
}
