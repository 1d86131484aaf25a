//! Orders about the role: many a second, so they wait for nothing that a reload or a
//! listing holds.

use api::{Failure, Hold, Holding};

use super::Admin;
use crate::clock::Tsc;

impl Admin {
    pub(super) fn hold(&self, order: Hold) -> Result<Holding, Failure> {
        // The clock of the order first: a pause between the two shortens the lease.
        let current = order.at(api::hold::monotonic_micros());
        let mut holding = self.role.order(current.unwrap_or(Hold::Watch), Tsc::now())?;
        holding.granted &= current.is_some();
        match order {
            Hold::Claim { .. } if holding.granted => self.sync.claimed(),
            // The numbers of the order and of what is done are in the answer.
            Hold::Drain => holding.granted = self.sync.drain().is_ok(),
            _ => {}
        }
        holding.sync = self.sync_holding();
        Ok(holding)
    }
}
