//! Keeps the dataplane at what was decided.
//!
//! What is told stays with the dataplane until it is restarted; a reload may bring servers back
//! to their configured weights. So everything is told again after a new connection and after each
//! reload, and otherwise what has changed.

use core::time::Duration;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use api::{FailureKind, Request, Response, ServerChange, ServiceChange, Services, SetServers};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::ServerKey;
use crate::dataplane_client::{AskError, DataplaneClient};

/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(100);
/// How often the dataplane is asked whether it has reloaded.
const PERIOD: Duration = Duration::from_millis(250);
/// Changes in one message.
const CHUNK: usize = 512;

/// What a server is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    pub weight: u16,
    pub part: u16,
    pub draining: bool,
    pub down: bool,
    /// The most connections that its agent wants; 0: it says nothing of them.
    pub max_connections: u32,
}

/// What all servers are to be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Desired {
    /// Grows with each change; 0: nothing was decided yet.
    pub version: u64,
    pub servers: HashMap<ServerKey, Told>,
    /// The services whose new connections go to their sorry servers.
    pub sorry_only: HashMap<String, bool>,
}

/// How far the dataplane is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// The last version that it has.
    pub version: u64,
    /// Why it does not have a later one.
    pub trouble: Option<String>,
}

/// Tells the dataplane.
pub struct Teller {
    pub socket: PathBuf,
    pub desired: watch::Receiver<Arc<Desired>>,
    pub applied: watch::Sender<Applied>,
}

/// One connection, and what was told on it.
struct Session {
    client: DataplaneClient,
    generation: u64,
    /// What the dataplane's configuration has.
    has: HashSet<ServerKey>,
    told: HashMap<ServerKey, Told>,
    /// The services that it has, and whether their new connections go to their sorry servers.
    sorry_only: HashMap<String, bool>,
}

impl Teller {
    /// Tells until nobody decides any more.
    pub async fn run(mut self) {
        while self.desired.has_changed().is_ok() {
            if let Err(error) = self.converse().await {
                self.trouble(&error);
            }
            sleep(RETRY).await;
        }
    }

    /// The same trouble, again and again, is told once.
    fn trouble(&self, error: &AskError) {
        let trouble = format!("the dataplane does not know of the servers' states: {error}");
        let is_new = self.applied.borrow().trouble.as_ref() != Some(&trouble);
        if is_new {
            tracing::warn!("{trouble}");
            self.applied.send_modify(|applied| applied.trouble = Some(trouble));
        }
    }

    async fn converse(&mut self) -> Result<(), AskError> {
        let mut session = Session::open(&self.socket).await?;
        loop {
            let desired = Arc::clone(&self.desired.borrow_and_update());
            if desired.version > 0 {
                let has_all = session.tell(&desired).await?;
                // What it does not have yet, it has after a reload that is under way.
                let version = if has_all { desired.version } else { self.applied.borrow().version };
                self.applied.send_if_modified(|applied| {
                    let now = Applied { version, trouble: None };
                    let changed = *applied != now;
                    *applied = now;
                    changed
                });
            }
            match timeout(PERIOD, self.desired.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => session.look_for_reload().await?,
            }
        }
    }
}

impl Session {
    async fn open(socket: &std::path::Path) -> Result<Self, AskError> {
        let client = DataplaneClient::connect(socket).await?;
        let told = HashMap::new();
        let (has, sorry_only) = (HashSet::new(), HashMap::new());
        let mut session = Session { client, generation: 0, has, told, sorry_only };
        session.look_for_reload().await?;
        Ok(session)
    }

    async fn look_for_reload(&mut self) -> Result<(), AskError> {
        let Response::Status(status) = self.client.request(&Request::Status).await? else {
            return Err(AskError::OtherAnswer);
        };
        let generation = status.configuration.generation;
        if generation != self.generation {
            self.generation = generation;
            self.look_at_services().await?;
        }
        Ok(())
    }

    async fn look_at_services(&mut self) -> Result<(), AskError> {
        let services = self.client.services().await?;
        self.has = keys(&services);
        self.told.clear();
        let services = services.services.into_iter();
        self.sorry_only = services.map(|service| (service.name, service.sorry_only)).collect();
        Ok(())
    }

    /// Tells what has changed. False while the dataplane does not have all of these servers.
    async fn tell(&mut self, desired: &Desired) -> Result<bool, AskError> {
        if !desired.servers.keys().all(|key| self.has.contains(key)) {
            self.look_at_services().await?;
        }
        let changed = desired
            .servers
            .iter()
            .filter(|&(key, told)| self.has.contains(key) && self.told.get(key) != Some(told));
        let changed: Vec<_> = changed.map(|(key, told)| (key.clone(), *told)).collect();
        let services = self.services(desired);
        // An empty chunk tells of services alone.
        let is_empty = changed.is_empty() && !services.is_empty();
        let chunks = changed.chunks(CHUNK).chain(is_empty.then_some(&[][..]));
        for chunk in chunks {
            let servers = chunk.iter().map(|(key, told)| change(key, *told)).collect();
            // Servers and services of one decision are told together, as far as they fit.
            let set = SetServers { servers, services: services.clone() };
            match self.client.request(&Request::SetServers(set)).await {
                Ok(_) => {
                    self.told.extend(chunk.iter().cloned());
                    let told = services.iter();
                    self.sorry_only.extend(
                        told.filter_map(|one| Some((one.service.clone(), one.sorry_only?))),
                    );
                }
                // It has reloaded meanwhile; what it has now is told at the next turn.
                Err(AskError::Failed(failure)) if failure.failure == FailureKind::NotFound => {
                    self.look_at_services().await?;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(desired.servers.keys().all(|key| self.has.contains(key)))
    }
}

impl Session {
    /// The services that are to be otherwise than they are.
    fn services(&self, desired: &Desired) -> Vec<ServiceChange> {
        let differs = |name: &String, wanted: bool| {
            self.sorry_only.get(name).is_some_and(|told| *told != wanted)
        };
        let changed = desired.sorry_only.iter().filter(|&(name, &wanted)| differs(name, wanted));
        let change = |(name, wanted): (&String, &bool)| ServiceChange {
            sorry_only: Some(*wanted),
            ..ServiceChange::new(name.clone())
        };
        changed.map(change).collect()
    }
}

fn keys(services: &Services) -> HashSet<ServerKey> {
    let of_service = |service: &api::ServiceStatus| {
        let name = service.name.clone();
        let key = move |server: &api::ServerStatus| ServerKey {
            service: name.clone(),
            server: server.address,
        };
        service.servers.iter().chain(&service.sorry).map(key).collect::<Vec<_>>()
    };
    services.services.iter().flat_map(of_service).collect()
}

fn change(key: &ServerKey, told: Told) -> ServerChange {
    let Told { weight, part, draining, down, max_connections } = told;
    ServerChange {
        weight: Some(weight),
        part: Some(part),
        draining: Some(draining),
        down: Some(down),
        max_connections: Some(max_connections),
        ..ServerChange::new(key.service.clone(), key.server)
    }
}
