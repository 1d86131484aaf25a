//! Readiness and watchdog of the service manager. Without one there is nobody to tell.

use core::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;

use crate::role::DriverHandle;

/// Says that the process is ready, and from then on that it is alive for as long as the
/// driver answers; if it hangs, the manager starts the process anew.
///
/// A pair whose timers let a machine be silent for longer (`silence`) than the manager waits for a
/// sign of life has it wait as long.
pub fn start(driver: Option<DriverHandle>, silence: Duration) -> JoinHandle<()> {
    let _ = sd_notify::notify(false, &[NotifyState::Ready]);
    let mut micros = 0;
    let is_watched = sd_notify::watchdog_enabled(false, &mut micros);
    let limit = Duration::from_micros(micros).max(silence);
    let asked = u32::try_from(limit.as_micros()).unwrap_or(u32::MAX);
    if is_watched && u64::from(asked) > micros {
        let _ = sd_notify::notify(false, &[NotifyState::WatchdogUsec(asked)]);
    }
    let period = limit / 3;
    tokio::spawn(async move {
        while is_watched && !period.is_zero() {
            let is_alive = match &driver {
                Some(driver) => driver.pair().await.is_ok(),
                None => true,
            };
            if is_alive {
                let _ = sd_notify::notify(false, &[NotifyState::Watchdog]);
            }
            tokio::time::sleep(period).await;
        }
    })
}
