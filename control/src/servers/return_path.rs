//! Servers whose answers must come back through the gateway address, and do not.
//!
//! The dataplane of the active machine asks; it is the only one that such an answer can reach.
//! Where nobody knows, nothing is held against a server.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use api::ReturnPath;
use config::{Config, ReturnPathCheck};

use super::ServerKey;
use super::observed::Observed;
use crate::dataplane_client::{AskError, DataplaneClient};

/// What is said of such a server.
const REASON: &str = "return path: it does not answer through the gateway address: its default \
                      route is missing or leads elsewhere";

/// The servers of services with `return_path = "require"` that miss their way back.
#[derive(Debug)]
pub(super) struct ReturnPaths {
    socket: PathBuf,
    client: Option<DataplaneClient>,
    missing: HashSet<ServerKey>,
}

impl ReturnPaths {
    /// None yet, of the dataplane behind this socket.
    pub(super) fn new(socket: &Path) -> Self {
        ReturnPaths { socket: socket.to_owned(), client: None, missing: HashSet::new() }
    }

    /// Asks the dataplane, if any service wants it. Without an answer it stays as it was.
    pub(super) async fn look(&mut self, config: &Config) {
        let wants = |service: &&config::Service| service.return_path == ReturnPathCheck::Require;
        let services: HashSet<&str> =
            config.services.iter().filter(wants).map(|service| service.name.as_str()).collect();
        if services.is_empty() {
            self.missing.clear();
            return;
        }
        match self.ask(&services).await {
            Ok(missing) => self.missing = missing,
            Err(error) => {
                tracing::debug!("return paths are not known: {error}");
                self.client = None;
            }
        }
    }

    async fn ask(&mut self, of: &HashSet<&str>) -> Result<HashSet<ServerKey>, AskError> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(DataplaneClient::connect(&self.socket).await?),
        };
        let services = client.services().await?;
        let services = services.services.into_iter().filter(|one| of.contains(one.name.as_str()));
        let missing = services.flat_map(|service| {
            let missing = |one: &api::ServerStatus| one.return_path == ReturnPath::Missing;
            let servers = service.servers.into_iter().filter(missing);
            servers.map(move |one| ServerKey { service: service.name.clone(), server: one.address })
        });
        Ok(missing.collect())
    }

    /// The servers that count as down because of it.
    pub(super) fn missing(&self) -> impl Iterator<Item = &ServerKey> {
        self.missing.iter()
    }
}

/// Counts the missing way back as a failed check. What a check of its own found comes first.
pub(super) fn fail(observed: &mut Observed) {
    if observed.operational.is_down() {
        return;
    }
    *observed = Observed {
        operational: api::Operational::Down,
        reason: REASON.to_owned(),
        code: "L4TOUT".to_owned(),
        ..core::mem::take(observed)
    };
}
