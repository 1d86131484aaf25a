//! From the health checks to the pools.

use core::time::Duration;
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;

use api::{Administrative, Operational, ServerState};
use config::Config;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::ServerKey;
use super::observed::{AllObserved, Observed, ObservedReceiver};
use super::return_path::{self, ReturnPaths};
use super::weights::DynamicWeight;
use crate::configuration::Current;
use crate::dataplane_client::DataplaneClient;
use crate::health::{self, Health, Report};
use crate::passive;

/// How long the dataplane is waited for at the start, to hear which servers it has as down.
const START: Duration = Duration::from_millis(300);
/// How often reasons are told anew where nothing else changes.
const PERIOD: Duration = Duration::from_secs(1);

/// Starts the checks, and the task that feeds the pools with what they find. A server that the
/// dataplane has as down stays so until its checks say otherwise, and so does one that has served:
/// a restart of this process sends no client to a dead one, and takes nobody out.
///
/// # Errors
/// When there is no thread for the checks.
pub async fn start(
    config: &Config,
    configuration: Current,
    reloads: watch::Receiver<u64>,
) -> io::Result<(Health, ObservedReceiver)> {
    let socket = config.node.control_socket.clone();
    let health = Health::start(config)?;
    if let Ok(Some([down, up])) = timeout(START, states_before(&socket)).await {
        health.take_as_they_were(&down, &up);
    }
    let paths = ReturnPaths::new(&socket);
    let (observed, receiver) = watch::channel(observe(&health, &paths));
    tokio::spawn(run(health.clone(), paths, configuration, reloads, observed));
    passive::check_at_once(&socket, health.clone());
    Ok((health, receiver))
}

/// The servers that the dataplane has as down, and those that are up and have served.
async fn states_before(socket: &Path) -> Option<[Vec<(String, SocketAddrV4)>; 2]> {
    let mut client = DataplaneClient::connect(socket).await.ok()?;
    let services = client.services().await.ok()?;
    let (mut down, mut up) = (Vec::new(), Vec::new());
    for service in services.services {
        for server in service.servers.iter().chain(&service.sorry) {
            let SocketAddr::V4(address) = server.address else { continue };
            let of_state = match server.state {
                ServerState::Down => &mut down,
                ServerState::Up if server.connections_total > 0 => &mut up,
                _ => continue,
            };
            of_state.push((service.name.clone(), address));
        }
    }
    Some([down, up])
}

async fn run(
    health: Health,
    mut paths: ReturnPaths,
    mut configuration: Current,
    mut reloads: watch::Receiver<u64>,
    observed: watch::Sender<AllObserved>,
) {
    let mut changes = health.watch();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Ok(()) = configuration.changed() => follow(&health, &mut configuration).await,
            // The files of certificates may be others.
            Ok(()) = reloads.changed() => follow(&health, &mut configuration).await,
            Ok(()) = changes.changed() => {}
            _ = ticks.tick() => {
                let config = Arc::clone(&configuration.borrow());
                paths.look(&config).await;
            }
        }
        let now = observe(&health, &paths);
        observed.send_if_modified(|before| {
            let changed = **before != *now;
            *before = now;
            changed
        });
    }
}

/// Takes the configuration in force. It reads files of certificates, which may take time.
async fn follow(health: &Health, configuration: &mut Current) {
    let (config, health) = (Arc::clone(&configuration.borrow_and_update()), health.clone());
    let _ = tokio::task::spawn_blocking(move || health.follow(&config)).await;
}

/// What is found of every server that has a check or an agent, or whose way back is missing.
fn observe(health: &Health, paths: &ReturnPaths) -> AllObserved {
    let reports = health.reports().into_iter().filter(|report| !report.checks.is_empty());
    let observed = |report: Report| {
        let key =
            ServerKey { service: report.service.clone(), server: SocketAddr::V4(report.server) };
        (key, of(&report))
    };
    let mut all: HashMap<_, _> = reports.map(observed).collect();
    for key in paths.missing() {
        return_path::fail(all.entry(key.clone()).or_default());
    }
    Arc::new(all)
}

fn of(report: &Report) -> Observed {
    let state = report.operational;
    let last = report.deciding().and_then(|check| Some((check, check.last.as_ref()?)));
    let reason = match (state, last) {
        (health::Operational::Up | health::Operational::Unchecked, _) => String::new(),
        (health::Operational::Waiting, _) | (_, None) => state.to_string(),
        (_, Some((check, last))) => {
            let why =
                format!("{}: {} after {} ms", check.kind, last.text, last.duration.as_millis());
            match state {
                health::Operational::Down => why,
                _ => format!("{why}; {state}"),
            }
        }
    };
    Observed {
        operational: match state {
            health::Operational::Unchecked => Operational::Unchecked,
            health::Operational::Up => Operational::Up,
            health::Operational::GoingDown { .. } => Operational::GoingDown,
            health::Operational::Down => Operational::Down,
            health::Operational::GoingUp { .. } => Operational::GoingUp,
            health::Operational::Waiting => Operational::Waiting,
            health::Operational::Flapping { .. } => Operational::Flapping,
        },
        reason,
        code: last.map_or(String::new(), |(_, last)| last.code.name().to_owned()),
        // HAProxy's agents say 0 for no limit.
        max_connections: report.max_connections.map_or(0, |most| match most {
            0 => u32::MAX,
            most => most,
        }),
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
