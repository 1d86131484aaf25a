//! Orders about the role: many a second, so they wait for nothing that a reload or a
//! listing holds.

use api::{Failure, Hold, Holding};

use super::Control;
use crate::clock::Tsc;

impl Control {
    pub(super) fn hold(&self, order: Hold) -> Result<Holding, Failure> {
        self.role.order(order, Tsc::now())
    }
}
