//! Starts the health checks, hands what they find to the pools, and has suspects of the dataplane
//! checked at once.

use core::time::Duration;
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use api::{Administrative, Request, Response, ServerState};
use config::Config;
use tokio::sync::watch;
use tokio::time::timeout;

use super::ServerKey;
use super::observed::{AllObserved, Observed, ObservedReceiver};
use super::weights::DynamicWeight;
use crate::dataplane_client::DataplaneClient;
use crate::health::{self, Health, Report};
use crate::passive;

/// What changes no weight (that a server is going down, say) is handed on so often.
const PERIOD: Duration = Duration::from_secs(1);
/// How long the dataplane may take at the start to say which servers are down.
const PATIENCE: Duration = Duration::from_millis(500);

const BEFORE: &str = "it was down before tandem-control was started anew";

/// Starts the checks of the configuration in force.
///
/// # Errors
/// When there is no thread for them.
pub async fn start(
    configuration: watch::Receiver<Arc<Config>>,
    socket: &Path,
) -> io::Result<ObservedReceiver> {
    let health = Health::start(&configuration.borrow().clone())?;
    let mut inherited = timeout(PATIENCE, down(socket)).await.unwrap_or_default();
    let (sender, receiver) = watch::channel(observe(&health, &mut inherited));
    tokio::spawn(follow(health.clone(), configuration));
    passive::check_at_once(socket, health.clone());
    tokio::spawn(publish(health, inherited, sender));
    Ok(receiver)
}

/// The servers that the dataplane takes to be down: this process may have been started anew, and
/// its checks have yet to find out.
async fn down(socket: &Path) -> HashSet<ServerKey> {
    let ask = async {
        let mut client = DataplaneClient::connect(socket).await?;
        client.request(&Request::Services).await
    };
    let Ok(Response::Services(services)) = ask.await else { return HashSet::new() };
    let mut down = HashSet::new();
    for service in services.services {
        let servers = service.servers.iter().chain(&service.sorry);
        for server in servers.filter(|server| server.state == ServerState::Down) {
            down.insert(ServerKey { service: service.name.clone(), server: server.address });
        }
    }
    down
}

async fn follow(health: Health, mut configuration: watch::Receiver<Arc<Config>>) {
    while configuration.changed().await.is_ok() {
        let config = Arc::clone(&configuration.borrow_and_update());
        let health = health.clone();
        // It reads files.
        let _ = tokio::task::spawn_blocking(move || health.follow(&config)).await;
    }
}

async fn publish(
    health: Health,
    mut inherited: HashSet<ServerKey>,
    sender: watch::Sender<AllObserved>,
) {
    let mut version = health.watch();
    while !sender.is_closed() {
        let _ = timeout(PERIOD, version.changed()).await;
        let now = observe(&health, &mut inherited);
        sender.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
    }
}

fn observe(health: &Health, inherited: &mut HashSet<ServerKey>) -> AllObserved {
    let mut all = HashMap::new();
    for report in health.reports() {
        let server = SocketAddr::V4(report.server);
        let key = ServerKey { service: report.service.clone(), server };
        let mut observed = observed(&report);
        if inherited.contains(&key) {
            if is_found_out(&report) {
                inherited.remove(&key);
            } else {
                observed.operational = api::Operational::Down;
                observed.reason = BEFORE.to_owned();
            }
        }
        all.insert(key, observed);
    }
    Arc::new(all)
}

/// Its checks have found out by themselves how a server is that was down before.
fn is_found_out(report: &Report) -> bool {
    match report.operational {
        health::Operational::Unchecked => true,
        health::Operational::Up => report.checks.iter().all(|check| check.last.is_some()),
        health::Operational::Waiting | health::Operational::GoingDown { .. } => false,
        _ => true,
    }
}

fn observed(report: &Report) -> Observed {
    let last = report.deciding().and_then(|check| Some((check.kind, check.last.as_ref()?)));
    let counted = match report.operational {
        health::Operational::GoingDown { failed, of } => format!(", {failed} of {of}"),
        health::Operational::GoingUp { passed, of } => format!(", {passed} of {of}"),
        held @ health::Operational::Flapping { .. } => format!(", {held}"),
        _ => String::new(),
    };
    let reason = last.map_or_else(String::new, |(kind, last)| {
        format!("{kind}: {} after {} ms{counted}", last.text, last.duration.as_millis())
    });
    Observed {
        operational: match report.operational {
            health::Operational::Unchecked => api::Operational::Unchecked,
            health::Operational::Waiting => api::Operational::Waiting,
            health::Operational::Up => api::Operational::Up,
            health::Operational::GoingDown { .. } => api::Operational::GoingDown,
            health::Operational::Down => api::Operational::Down,
            health::Operational::GoingUp { .. } => api::Operational::GoingUp,
            health::Operational::Flapping { .. } => api::Operational::Flapping,
        },
        reason,
        code: last.map_or_else(String::new, |(_, last)| last.code.name().to_owned()),
        dynamic: report.weights.iter().copied().map(dynamic).collect(),
        agent: match report.administrative {
            None | Some(health::Administrative::Ready) => Administrative::Ready,
            Some(health::Administrative::Drain) => Administrative::Drain,
            Some(health::Administrative::Maintenance) => Administrative::Maintenance,
        },
    }
}

fn dynamic(weight: health::DynamicWeight) -> DynamicWeight {
    match weight {
        health::DynamicWeight::Percent(percent) => DynamicWeight::Percent(percent),
        health::DynamicWeight::Absolute(weight) => DynamicWeight::Absolute(weight),
    }
}
