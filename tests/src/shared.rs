//! One lab for all scenarios: raised by the first, used by one at a time.
//!
//! A scenario that fails, or changes what it does not put back, leaves a mark, and the
//! next one raises the lab anew.

use std::fs::{self, File};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::appliance::Settings;
use crate::topology::{Lab, Options, Router};
use crate::{Error, FOLDER};

/// Held by whoever uses the lab.
const LOCK: &str = "/run/lock/tandem-lab.lock";

/// The lab, for one scenario; behind it the next may begin.
#[derive(Debug)]
pub struct Ready {
    lab: Lab,
    spoilt: bool,
    _lock: File,
}

fn mark() -> String {
    format!("{FOLDER}/spoilt")
}

fn options() -> Options {
    let kernel = std::env::var_os("TANDEM_LAB_ROUTER").is_some_and(|router| router == "kernel");
    let router = if kernel { Router::Kernel } else { Router::Appliance };
    Options { router, ..Options::default() }
}

/// Takes the lock; whoever holds it may raise, use and take down the lab.
///
/// # Errors
///
/// [`Error::NotRoot`]; [`Error::File`].
pub fn lock() -> Result<File, Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    let lock = File::create(LOCK).map_err(Error::file(LOCK))?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| Error::file(LOCK)(error.into()))?;
    Ok(lock)
}

/// A lab with one appliance that is up, with the default configuration, and that nobody
/// else uses.
///
/// # Errors
///
/// [`Error`], when it cannot be raised.
pub fn ready() -> Result<Ready, Error> {
    raised(options())
}

/// One appliance with settings of a scenario's own, raised anew unless it is up with them.
///
/// # Errors
///
/// [`Error`], when it cannot be raised.
pub fn ready_with(settings: Settings) -> Result<Ready, Error> {
    raised(Options { settings, ..options() })
}

/// The same with the pair: one machine active, the other ready to take over.
///
/// # Errors
///
/// [`Error`], when it cannot be raised.
pub fn ready_pair() -> Result<Ready, Error> {
    ready_pair_with(Settings::patient_pair())
}

/// The pair with settings of a scenario's own, raised anew.
///
/// # Errors
///
/// [`Error`], when it cannot be raised.
pub fn ready_pair_with(settings: Settings) -> Result<Ready, Error> {
    let ready = raised(Options { settings, ..Options::default() })?;
    ready.await_pair()?;
    Ok(ready)
}

fn raised(options: Options) -> Result<Ready, Error> {
    let lock = lock()?;
    let raised = format!("{FOLDER}/up");
    let kind = format!("{options:?}");
    let existing = Lab::existing(options);
    let fit = fs::read_to_string(&raised).is_ok_and(|found| found == kind)
        && !Path::new(&mark()).exists()
        && (options.router == Router::Kernel || existing.appliance.runs());
    let lab = if fit { existing } else { Lab::up(options)? };
    fs::write(&raised, kind).map_err(Error::file(&raised))?;
    // Until the scenario has come to its end.
    fs::write(mark(), "").map_err(Error::file(mark()))?;
    Ok(Ready { lab, spoilt: false, _lock: lock })
}

impl Ready {
    /// Says that the scenario leaves the lab in another state.
    pub fn spoil(&mut self) {
        self.spoilt = true;
    }

    /// Runs the appliance with other settings until the scenario ends.
    ///
    /// # Errors
    ///
    /// [`Error`], when it does not take them.
    pub fn restart_with(&mut self, settings: &Settings) -> Result<(), Error> {
        self.spoil();
        self.lab.appliance.terminate()?;
        self.lab.appliance.launch(settings)
    }
}

impl core::ops::Deref for Ready {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if !self.spoilt && !std::thread::panicking() {
            let _ = fs::remove_file(mark());
        }
    }
}
