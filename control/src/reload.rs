//! SIGHUP: the configuration is read again.
//!
//! The dataplane takes a new configuration while it runs, so it is asked to, as `tandem reload`
//! does. What this process has read itself (`[node]`, `[peer]`, `[metrics]`) it takes only when it
//! starts; where that has changed, the log says so.

use std::io;
use std::path::{Path, PathBuf};

use api::{Failure, FailureKind, Reload, Request, Response};
use config::Config;
use tokio::signal::unix::{SignalKind, signal};

use crate::dataplane_client::{AskError, DataplaneClient};

/// What is needed for a reload.
#[derive(Debug)]
pub struct Reloader {
    path: PathBuf,
    /// What this process was started with.
    config: Config,
}

impl Reloader {
    /// Remembers the file and the configuration that the process was started with.
    #[must_use]
    pub fn new(path: &Path, config: &Config) -> Self {
        Reloader { path: path.to_owned(), config: config.clone() }
    }

    /// Reloads at each SIGHUP from now on. SIGUSR1 and SIGUSR2, which would end the process
    /// without a handler, change nothing.
    ///
    /// # Errors
    /// When the system takes no handler.
    pub fn follow_signals(self) -> io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut first = signal(SignalKind::user_defined1())?;
        let mut second = signal(SignalKind::user_defined2())?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = hangup.recv() => self.reload().await,
                    _ = first.recv() => tracing::info!("SIGUSR1 changes nothing here"),
                    _ = second.recv() => tracing::info!("SIGUSR2 changes nothing here"),
                }
            }
        });
        Ok(())
    }

    /// Reads the file and has the dataplane read it. A file with mistakes changes nothing. What
    /// comes of it is in the log.
    pub async fn reload(&self) {
        let checked = match Config::load_checked(&self.path) {
            Ok(checked) => checked,
            Err(mistakes) => {
                tracing::error!("SIGHUP, not reloaded: the configuration has mistakes");
                mistakes.lines().iter().for_each(|line| tracing::error!("{line}"));
                return;
            }
        };
        match self.ask_dataplane().await {
            Ok(generation) => tracing::info!(generation, "the dataplane has reloaded"),
            Err(error) => tracing::error!("SIGHUP, the dataplane has not reloaded: {error}"),
        }
        for part in self.restart_needed(&checked.config) {
            tracing::warn!("{part} has changed: it takes a restart of tandem-control");
        }
    }

    async fn ask_dataplane(&self) -> Result<u64, AskError> {
        let mut client = DataplaneClient::connect(&self.config.node.control_socket).await?;
        match client.request(&Request::Reload(Reload::default())).await? {
            Response::Reloaded(reloaded) => Ok(reloaded.generation),
            _ => {
                let message = "it answered another question than was asked";
                Err(Failure::new(FailureKind::Internal, message).into())
            }
        }
    }

    /// The parts of the file that this process has read and that are others now.
    fn restart_needed(&self, new: &Config) -> Vec<&'static str> {
        let old = &self.config;
        let parts = [
            ("[node]", old.node != new.node),
            ("[peer]", old.peer != new.peer),
            ("[metrics]", old.metrics != new.metrics),
        ];
        parts.into_iter().filter_map(|(part, changed)| changed.then_some(part)).collect()
    }
}
