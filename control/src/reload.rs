//! SIGHUP: the configuration is read again, as `tandem reload` has it.

use std::io;
use std::sync::Arc;

use api::Reload;
use tokio::signal::unix::{SignalKind, signal};

use crate::configuration::Follower;

/// Reloads at each SIGHUP from now on. SIGUSR1 and SIGUSR2, which would end the process
/// without a handler, change nothing.
///
/// # Errors
/// When the system takes no handler.
pub fn follow_signals(follower: Arc<Follower>) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut first = signal(SignalKind::user_defined1())?;
    let mut second = signal(SignalKind::user_defined2())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => reload(&follower).await,
                _ = first.recv() => tracing::info!("SIGUSR1 changes nothing here"),
                _ = second.recv() => tracing::info!("SIGUSR2 changes nothing here"),
            }
        }
    });
    Ok(())
}

/// What comes of it is in the log.
async fn reload(follower: &Follower) {
    match follower.reload_by(Reload::default(), "SIGHUP").await {
        // What only a restart of this process changes is logged when it is found.
        Ok(reloaded) => {
            tracing::info!(generation = reloaded.generation, "the dataplane has reloaded")
        }
        Err(failure) => tracing::error!("SIGHUP, not reloaded: {}", failure.message),
    }
}
