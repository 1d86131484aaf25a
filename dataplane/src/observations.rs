//! What is observed of servers, for threads that wait for it.
//!
//! Workers change words that they share and call nobody. The main core looks at the words in
//! each of its rounds, a millisecond apart at the most, and wakes who waits here.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};

use nat::service::ServerId;

use crate::return_path::ReturnPath;

/// The number of changes, and who waits for the next.
#[derive(Debug, Default)]
pub struct Observations {
    change: Mutex<u64>,
    changed: Condvar,
    return_paths: Mutex<HashMap<ServerId, ReturnPath>>,
}

impl Observations {
    /// Lets everybody who waits know of this number of changes.
    pub fn publish(&self, change: u64) {
        *self.change.lock().unwrap_or_else(PoisonError::into_inner) = change;
        self.changed.notify_all();
    }

    /// Waits for another number than `known`, for as long as `limit`, and returns the number
    /// then.
    pub fn wait_for_other(&self, known: u64, limit: Duration) -> u64 {
        let change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(change, limit, |change| *change == known);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Observations {
    /// Replaces what is known of servers' ways back.
    pub fn set_return_paths(&self, states: impl Iterator<Item = (ServerId, ReturnPath)>) {
        *self.return_paths.lock().unwrap_or_else(PoisonError::into_inner) = states.collect();
    }

    /// What is known of a server's way back.
    pub fn return_path(&self, server: ServerId) -> ReturnPath {
        let states = self.return_paths.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(&server).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn who_waits_is_woken_by_a_change() {
        let observations = Arc::new(Observations::default());
        observations.publish(1);
        let long = Duration::from_secs(60);
        assert_eq!(observations.wait_for_other(0, long), 1, "it is another already");
        let waits = std::thread::spawn({
            let observations = Arc::clone(&observations);
            move || observations.wait_for_other(1, long)
        });
        observations.publish(2);
        assert_eq!(waits.join().unwrap(), 2);
        assert_eq!(observations.wait_for_other(2, Duration::ZERO), 2, "nothing changed");
    }
}
