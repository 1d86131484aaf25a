//! Signals: SIGTERM and SIGINT end the process, SIGHUP reloads the configuration.
//!
//! SIGUSR1 and SIGUSR2, which many daemons have a meaning for, change nothing here; without a
//! handler they would end the process. SIGQUIT keeps its own: it ends the process at once, with a
//! core dump for whoever wants to know what it does. SIGPIPE is ignored by every Rust program.

use core::sync::atomic::AtomicBool;
use std::io;
use std::sync::{Arc, Weak};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::{flag, iterator};

use crate::admin::Admin;

/// The signals that are handled by a thread of their own.
pub struct Signals(iterator::Signals);

impl Signals {
    /// Handles signals from now on: `stop` is set by those that end the process, and the others
    /// wait for [`Signals::follow`].
    ///
    /// # Errors
    ///
    /// When the system takes no handler.
    pub fn register(stop: &Arc<AtomicBool>) -> io::Result<Self> {
        for signal in [SIGTERM, SIGINT] {
            flag::register(signal, Arc::clone(stop))?;
        }
        Ok(Signals(iterator::Signals::new([SIGHUP, SIGUSR1, SIGUSR2])?))
    }

    /// Does what the signals ask for, those that have come since the start first, for as long as
    /// `admin` lives.
    ///
    /// # Errors
    ///
    /// When there is no thread for it.
    pub fn follow(mut self, admin: Weak<Admin>) -> io::Result<()> {
        let handle = move || {
            for signal in self.0.forever() {
                // The process ends.
                let Some(admin) = admin.upgrade() else { return };
                match signal {
                    SIGHUP => admin.reload_for_signal(),
                    SIGUSR1 => tracing::info!("SIGUSR1 changes nothing here; SIGHUP reloads"),
                    _ => tracing::info!("SIGUSR2 changes nothing here; SIGHUP reloads"),
                }
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(handle).map(drop)
    }
}
