//! The service manager's watchdog, so that a process that hangs is started anew.
//!
//! The main core feeds it (sd_watchdog_enabled(3)) while every worker advances. If a worker or
//! the main core itself stands still, nothing is fed, and after `WatchdogSec=` the manager
//! restarts the process. Where workers may stand still for longer than that allows, because the
//! pair's lease is long, the manager is asked for more patience.

use core::time::Duration;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nat::Instant;

use crate::role::StallLimits;

/// What the manager understands as a sign of life.
const ALIVE: &[u8] = b"WATCHDOG=1";

/// The manager's watchdog over this process.
#[derive(Debug)]
pub struct Watchdog {
    manager: UnixDatagram,
    /// Milliseconds between two signs of life: a third of what the manager waits for one.
    period: u64,
    fed: Option<Instant>,
}

impl Watchdog {
    /// The watchdog that the environment tells of; `None` if nobody watches this process.
    pub fn from_environment(limits: StallLimits) -> Option<Self> {
        let mut micros = 0;
        if !sd_notify::watchdog_enabled(false, &mut micros) {
            return None;
        }
        let timeout = Duration::from_micros(micros);
        let wanted = limits.hung * 3;
        let timeout = if wanted <= timeout { timeout } else { extended(wanted).unwrap_or(timeout) };
        let path = std::env::var("NOTIFY_SOCKET").ok()?;
        match connect(&path) {
            Ok(manager) => Some(Watchdog::new(manager, timeout)),
            Err(error) => {
                tracing::warn!("the service manager's watchdog cannot be fed: {path}: {error}");
                None
            }
        }
    }

    fn new(manager: UnixDatagram, timeout: Duration) -> Self {
        let period = u64::try_from(timeout.as_millis() / 3).unwrap_or(u64::MAX);
        Watchdog { manager, period, fed: None }
    }

    /// Takes whether every worker advances, and tells the manager when it is time. A sign of
    /// life that was due while one stood still is sent as soon as all advance again.
    pub fn feed(&mut self, alive: bool, now: Instant) {
        let due = self.fed.is_none_or(|fed| now.since(fed) >= self.period);
        // A manager whose queue is full is told in the next round.
        if alive && due && self.manager.send(ALIVE).is_ok() {
            self.fed = Some(now);
        }
    }
}

/// Asks the manager to wait for so long; what it was asked for.
fn extended(timeout: Duration) -> Option<Duration> {
    let micros = u32::try_from(timeout.as_micros()).unwrap_or(u32::MAX);
    let asked = sd_notify::notify(false, &[sd_notify::NotifyState::WatchdogUsec(micros)]);
    asked.ok().map(|()| Duration::from_micros(micros.into()))
}

/// A socket to the manager that never makes its sender wait.
fn connect(path: &str) -> io::Result<UnixDatagram> {
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// When signs of life came, of a process that stands still in this span of milliseconds.
    fn signs(still: core::ops::Range<u64>) -> Vec<u64> {
        let (manager, process) = UnixDatagram::pair().unwrap();
        manager.set_nonblocking(true).unwrap();
        let mut watchdog = Watchdog::new(process, Duration::from_secs(3));
        let mut fed = |now| {
            watchdog.feed(!still.contains(&now), at(now));
            let mut text = [0; 64];
            let came = manager.recv(&mut text);
            came.inspect(|length| assert_eq!(&text[..*length], ALIVE)).is_ok()
        };
        (0..5000).step_by(10).filter(|now| fed(*now)).collect()
    }

    #[test]
    fn a_third_of_the_timeout_lies_between_two_signs_of_life() {
        assert_eq!(signs(0..0), [0, 1000, 2000, 3000, 4000]);
    }

    #[test]
    fn who_stands_still_gives_none_until_it_goes_on() {
        assert_eq!(signs(1500..3500), [0, 1000, 3500, 4500]);
        assert_eq!(signs(0..5000), [0; 0]);
    }

    #[test]
    fn a_manager_that_reads_nothing_makes_nobody_wait() {
        let (_manager, process) = UnixDatagram::pair().unwrap();
        process.set_nonblocking(true).unwrap();
        let mut watchdog = Watchdog::new(process, Duration::from_millis(3));
        (0..100_000).for_each(|now| watchdog.feed(true, at(now)));
    }
}
